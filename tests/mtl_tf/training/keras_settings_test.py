"""Keras settings of the user: another backend, other float types."""

import json
import os
import subprocess
import sys

import keras
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from tests.helpers import generated
from tests.helpers import preloaded_python
from tests.helpers import trained_runs

_ROWS = {"train": 16, "dev": 6, "test": 6}
_FLAGS = (
    *("--sharing=fully_shared", "--hidden_size=3", "--embedding_dim=4"),
    *("--task_layer_size=5", "--adversarial_weight=0.1"),
    *("--word_dropout=0.2", "--vector_dropout=0.2"),
    *("--recurrent_dropout=0.2", "--feature_dropout=0.2"),
    *("--batch_size=8", "--epochs=1", "--threads=1"),
    *("--noreport", "--noexport"),
)


def python(*arguments, executable=sys.executable, **environment):
    kept = {x: y for x, y in os.environ.items() if not x.startswith("KERAS_")}
    return subprocess.run(
        [executable, *arguments],
        capture_output=True,
        text=True,
        env={
            **kept,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        },
    )


@pytest.mark.slow
def test_run_does_not_depend_on_keras_settings(tmp_path):
    corpus = generated.write_corpus(str(tmp_path / "corpus"), rows=_ROWS)
    (tmp_path / "keras.json").write_text(
        json.dumps(
            {
                "floatx": "float16",
                "epsilon": 0.1,
                "backend": "torch",
                "image_data_format": "channels_first",
            }
        )
    )
    user = {"KERAS_BACKEND": "jax", "KERAS_HOME": str(tmp_path)}
    # Keras reads the settings when it is loaded.
    default = {"executable": preloaded_python.executable()}
    runs = {"default": default, "user": user}
    for name, environment in runs.items():
        process = python(
            *("-m", "mtl_tf.main", *_FLAGS),
            *(f"--data_dir={corpus}", f"--run_dir={tmp_path / name}"),
            **environment,
        )
        assert process.returncode == 0, process.stderr[-3000:]
    trained_runs.assert_same_end(*(tmp_path / name for name in runs))


def test_weights_are_float32():
    config = config_lib.Config(
        encoder="bilstm",
        pooling="attention",
        output_layer="label_embedding",
        task_layer_size=5,
        label_transfer="supervised",
        main_task="films",
        skip_connection=True,
        hidden_size=3,
        embedding_dim=4,
        pictures=False,
    )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_floatx("float16")
    try:
        model = multitask_model.build(config, (2, 3), 9, 1)
        discriminator = multitask_model.build_discriminator(config, model, 2)
    finally:
        keras.config.set_dtype_policy(before)
        keras.config.set_floatx("float32")
    weights = [*model.weights, *discriminator.weights]
    assert len(weights) > 20
    assert {x.dtype for x in weights if "seed" not in x.name} == {"float32"}
    for output in model.outputs:
        assert output.dtype == "float32", output.name


_STARTED = """
import sys, types
keras = types.ModuleType("keras")
keras.config = types.SimpleNamespace(backend=lambda: sys.argv[1])
sys.modules["keras"] = keras
import mtl_tf
"""


def test_keras_with_another_backend_is_refused():
    process = python("-c", _STARTED, "jax")
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1] == (
        "ImportError: mtl_tf needs the TensorFlow backend of Keras, but Keras "
        "is loaded with jax: set KERAS_BACKEND=tensorflow, or import mtl_tf "
        "before keras"
    )
    process = python("-c", _STARTED, "tensorflow")
    assert process.returncode == 0, process.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
