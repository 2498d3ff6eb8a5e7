"""What every test runs with."""

import os

# All before the first import of keras, which reads them.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests that compare bit for bit hold on the CPU only.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import keras
import pytest


@pytest.fixture(autouse=True)
def _seeds():
    """The same random numbers whichever tests ran before."""
    keras.utils.set_random_seed(0)
