"""Multi-task text classification in Keras 3 and TensorFlow 2.

    import mtl_tf

    mtl_tf.prepare({"requests": frame, "answers": rows}, "data/mine")
    config = mtl_tf.Config(data_dir="data/mine", run_dir="runs/mine", epochs=3)
    mtl_tf.train(config)
    model = mtl_tf.load("runs/mine")
    model.predict("requests", ["where is my parcel?"]).labels

These names are the public interface. Importing the package sets KERAS_BACKEND
to tensorflow, whatever it was before, and whatever `keras.json` selects.
"""

import importlib
import os
import sys

# Modules of the public names, imported on first use: `data_prep` needs the
# tokenizer but not Keras. `prepare` is the only one of `data_prep`, which no
# module of this package imports.
_PUBLIC = {
    "Predictions": "mtl_tf.evaluation.predictions",
    "Config": "mtl_tf.config.config",
    "Task": "mtl_tf.data.tasks",
    "TrainedModel": "mtl_tf.serving.trained_model",
    "build": "mtl_tf.models.multitask_model",
    "compare": "mtl_tf.studies.comparison",
    "evaluate": "mtl_tf.training.launcher",
    "load": "mtl_tf.serving.trained_model",
    "prepare": "data_prep.from_python",
    "search_auxiliary": "mtl_tf.studies.auxiliary_search",
    "sweep": "mtl_tf.studies.sweep",
    "train": "mtl_tf.training.launcher",
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
    module = importlib.import_module(_PUBLIC[name])
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
