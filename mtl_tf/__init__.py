"""Multi-task text classification in Keras 3 and TensorFlow 2.

    import mtl_tf

    config = mtl_tf.Config(data_dir="data/vader", run_dir="runs/mine", epochs=3)
    mtl_tf.train(config)
    model = mtl_tf.load("runs/mine")
    model.predict("tweets", ["what a day :)"]).labels

These names are the public interface. Importing the package sets KERAS_BACKEND
to tensorflow, whatever it was before, and whatever `keras.json` selects.
"""

import importlib
import os
import sys

# Modules of the public names, imported on first use: `data_prep` needs the
# tokenizer but not Keras.
_PUBLIC = {
    "Predictions": "evaluation.predictions",
    "Config": "config.config",
    "Task": "data.tasks",
    "TrainedModel": "serving.trained_model",
    "build": "models.multitask_model",
    "compare": "studies.comparison",
    "evaluate": "training.launcher",
    "load": "serving.trained_model",
    "train": "training.launcher",
}

__all__ = list(_PUBLIC)


def _choose_backend():
    """Selects TensorFlow as the backend of Keras, unless it is loaded."""
    keras = sys.modules.get("keras")
    if keras is None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    elif keras.config.backend() != "tensorflow":
        raise ImportError(
            "mtl_tf needs the TensorFlow backend of Keras, but Keras is loaded "
            f"with {keras.config.backend()}: set KERAS_BACKEND=tensorflow, or "
            "import mtl_tf before keras"
        )


_choose_backend()


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
