"""A small run with a task of pairs and one of texts, for tests of exports."""

import os
import pathlib
import pickle
import shutil
import subprocess
import sys

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.serving import saved_model
from mtl_tf.training import experiment as experiment_lib
from tests.helpers import generated

SETTINGS = {
    # A recurrent encoder takes five times as long to trace.
    "encoder": "bag_of_words",
    "pooling": "mean",
    "hidden_size": 3,
    "embedding_dim": 4,
    "pictures": False,
    "init_range": 1.0,
    "batch_size": 8,
    "epochs": 1,
    "steps_per_epoch": 2,
    "max_tokens": 10,
    "main_task": "films",
    # Which an export has to leave behind.
    "adversarial_weight": 0.1,
    "feature_dropout": 0.5,
}

# What a stranger's program does.
_STRANGER = r"""
import pickle
import sys


class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in ("mtl_tf", "data_prep"):
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Hidden)
try:
    import mtl_tf
except ModuleNotFoundError:
    pass
else:
    sys.exit("the package can be imported")

import tensorflow as tf
import tensorflow_text

model = tf.saved_model.load(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    calls = pickle.load(file)
answers = []
for name, arguments in calls:
    arguments = {k: tf.constant(v, tf.string) for k, v in arguments.items()}
    outputs = model.signatures[name](**arguments)
    answers.append({k: v.numpy() for k, v in outputs.items()})
with open(sys.argv[3], "wb") as file:
    pickle.dump(answers, file)
"""


def write_corpus(folder: str) -> str:
    """Prepares the corpus; returns its directory."""
    return generated.write_corpus(
        os.path.join(folder, "corpus"),
        rows={"train": 24, "dev": 12, "test": 24},
        task_names=("books", "films"),
        pairs=("books",),
    )


def train(
    corpus: str, run_dir: str, **settings
) -> dict[str, predictions_lib.SplitPredictions]:
    """Trains; what the evaluation says of test, by task."""
    config = config_lib.Config(
        data_dir=corpus, run_dir=run_dir, **SETTINGS | settings
    )
    experiment = experiment_lib.Experiment(config)
    experiment.run()
    return {
        task.name: experiment.predictor.predict(
            input_pipeline.read_split(
                experiment.corpus, experiment.tasks, index, "test", config
            )
        )
        for index, task in enumerate(experiment.tasks)
    }


def train_and_move(
    corpus: str, folder: str, **settings
) -> dict[str, predictions_lib.SplitPredictions]:
    """Trains and exports; leaves the run in `run`, its export in `moved`."""
    run_dir = os.path.join(folder, "first")
    actual = train(corpus, run_dir, **settings)
    path = saved_model.write(run_dir)
    assert path == os.path.join(run_dir, "export")
    shutil.move(path, os.path.join(folder, "moved"))
    # Nothing is left where it was written.
    shutil.move(run_dir, os.path.join(folder, "run"))
    return actual


def catch_signatures(monkeypatch) -> list:
    """The signatures of exports from now on, unsaved: that takes seconds."""
    saved = []

    def save(module, path, signatures):
        del module
        os.makedirs(path)
        saved.append(signatures)

    monkeypatch.setattr(saved_model.tf.saved_model, "save", save)
    return saved


def read_texts(corpus, task):
    """The arguments of a task's signature for its test texts."""
    rows = list(records.read_rows(corpus, task, "test"))
    seq2 = np.array([row.seq2.encode() for row in rows], object)
    if task == "films":
        return {"text": seq2}
    return {
        "seq1": np.array([row.seq1.encode() for row in rows], object),
        "seq2": seq2,
    }


def call(signature, **arguments):
    return signature(
        **{name: tf.constant(x, tf.string) for name, x in arguments.items()}
    )


def ask_a_stranger(folder: pathlib.Path, path: str, calls: list) -> list[dict]:
    """What signatures answer in a process that knows TensorFlow alone."""
    questions, predictions = folder / "questions", folder / "answers"
    questions.write_bytes(pickle.dumps(calls))
    done = subprocess.run(
        [sys.executable, "-I", "-c", _STRANGER, path, questions, predictions],
        cwd=folder,
        env={"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return pickle.loads(predictions.read_bytes())
