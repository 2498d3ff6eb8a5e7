"""What every test runs with."""

import gc
import os
from unittest import mock

# All before the first import of keras, which reads them.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests that compare bit for bit hold on the CPU only.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import pytest

from mtl_tf.utils import gradient_registry


def pytest_configure(config):
    """Keeps the order of files below; xdist would sort them by test count."""
    # Imports make many objects, but no garbage.
    gc.disable()
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Runs files with slow tests first, so that no process ends long after."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Collects garbage from now on, but not among what imports made.

    A full collection of all modules takes 0.4 s, and there is one a file.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _seeds():
    """The same random numbers whichever tests ran before.

    But for `tf.random`, which no test draws from: to seed it drops the kernels
    of all traced functions, and those of an LSTM take 0.2 s to make anew.
    """
    with mock.patch("tensorflow.random.set_seed"):
        keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _memory():
    """Releases the graphs of a file's tests: a process runs many files."""
    # Drops the kernels as well.
    keras.utils.set_random_seed(0)
    with gradient_registry.released():
        yield
    gc.collect()
