"""Multi-task text classification in Keras 3 and TensorFlow 2.

    import mtl_tf

    config = mtl_tf.Config(data_dir="data/vader", run_dir="runs/mine", epochs=3)
    mtl_tf.train(config)
    model = mtl_tf.load("runs/mine")
    model.predict("tweets", ["what a day :)"]).labels

The names below are the public interface, and what `mtl_tf.main` itself uses.
"""

import importlib

# Where they are. Imported when asked for: preparing a corpus needs the
# tokenizer alone, and no Keras.
_PUBLIC = {
    "Answers": "answers",
    "Config": "config",
    "Task": "tasks",
    "TrainedModel": "trained_model",
    "build": "models",
    "evaluate": "launcher",
    "load": "trained_model",
    "train": "launcher",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str):
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_PUBLIC[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
