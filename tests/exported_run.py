"""A small run with a task of pairs and one of texts, for tests of exports."""

import os
import shutil

import numpy as np
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import evaluation
from mtl_tf import experiment as experiment_lib
from mtl_tf import export
from mtl_tf import input_pipeline
from mtl_tf import records
from tests import generated

SETTINGS = {
    "encoder": "lstm",
    "pooling": "last",
    "units": 3,
    "word_width": 4,
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
) -> dict[str, evaluation.Predictions]:
    """Trains; what the evaluation says of test, by task."""
    config = config_lib.Config(
        data_dir=corpus, run_dir=run_dir, **SETTINGS | settings
    )
    experiment = experiment_lib.Experiment(config)
    experiment.run()
    return {
        task.name: experiment.predictor.predict(
            input_pipeline.read_split(
                experiment.corpus, experiment.tasks, number, "test", config
            )
        )
        for number, task in enumerate(experiment.tasks)
    }


def train_and_move(
    corpus: str, folder: str
) -> dict[str, evaluation.Predictions]:
    """Trains and exports; leaves the run in `run`, its export in `moved`."""
    run_dir = os.path.join(folder, "first")
    found = train(corpus, run_dir)
    path = export.write(run_dir)
    assert path == os.path.join(run_dir, "export")
    shutil.move(path, os.path.join(folder, "moved"))
    # Nothing is left where it was written.
    shutil.move(run_dir, os.path.join(folder, "run"))
    return found


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
