"""The public names of the package."""

import subprocess
import sys

import pytest

import mtl_tf
from data_prep import from_python
from mtl_tf.config import config
from mtl_tf.data import tasks
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.models import multitask_model
from mtl_tf.serving import trained_model
from mtl_tf.studies import auxiliary_search
from mtl_tf.studies import comparison
from mtl_tf.studies import sweep
from mtl_tf.training import launcher


def test_public_names_come_from_their_modules():
    expected = {
        "Predictions": predictions_lib.Predictions,
        "Config": config.Config,
        "Task": tasks.Task,
        "TrainedModel": trained_model.TrainedModel,
        "build": multitask_model.build,
        "compare": comparison.compare,
        "evaluate": launcher.evaluate,
        "sweep": sweep.sweep,
        "load": trained_model.load,
        "prepare": from_python.prepare,
        "search_auxiliary": auxiliary_search.search_auxiliary,
        "train": launcher.train,
    }
    assert sorted(mtl_tf.__all__) == sorted(expected)
    for name, value in expected.items():
        assert getattr(mtl_tf, name) is value
        assert name in dir(mtl_tf)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(
        AttributeError, match="'mtl_tf' has no attribute 'lode'"
    ):
        mtl_tf.lode  # noqa: B018, access is what is tested


_LAZY = """
import sys
import mtl_tf

assert not [name for name in sys.modules if name.startswith("data_prep")]
heavy = {"tensorflow", "tensorflow_text", "keras", "numpy", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
mtl_tf.Task("books", ("bad", "good"))
assert "tensorflow" not in sys.modules
from mtl_tf import load
assert "tensorflow" in sys.modules
assert callable(load)
"""


def test_import_is_lazy():
    done = subprocess.run(
        [sys.executable, "-c", _LAZY],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
