"""Predictions without a model."""

import numpy as np

from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib

TASK = tasks_lib.Task("made_up", ("no", "yes"))


def predict(
    labels, predicted, duplicate=None, features=None, groups=None, task=TASK
):
    """Makes predictions with a probability of 0.75, for a task of two labels.

    Row r has r + 1 tokens, of which 2 are read; the first one is unknown.
    """
    texts = [
        token_ids
        for row in range(len(labels))
        for token_ids in (
            [vocabulary_lib.EMPTY],
            [vocabulary_lib.UNKNOWN] + [10] * row,
        )
    ]
    split = input_pipeline.Split(
        task_id=0,
        ids=np.array([f"row-{n}".encode() for n in range(len(labels))]),
        groups=np.array(groups or [b""] * len(labels), object),
        labels=np.array(labels, np.int32),
        duplicate=np.array(duplicate or [False] * len(labels)),
        diversity=np.zeros([len(labels), 5], np.float32),
        lengths=np.minimum(np.arange(len(labels)) + 1, 2),
        token_ids=records.TokenIds(
            np.concatenate(texts), np.cumsum([0, *map(len, texts)])
        ),
        rows=np.arange(len(labels)),
        max_tokens=2,
        reads_seq1=np.zeros(len(labels), bool),
    )
    probabilities = np.where(np.eye(2)[predicted] > 0, 0.75, 0.25)
    return predictions_lib.SplitPredictions(
        task, probabilities, split, features or {}, 0.0
    )
