"""Predictions of a model: the probabilities of a task's labels."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from mtl_tf.config import choices
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification

MAIN = choices.MAIN
LABEL_TRANSFER = choices.LABEL_TRANSFER


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Predictions for texts.

    Attributes:
      task: the task whose labels are predicted.
      probabilities: float [texts, num_classes], in the order of its labels.
    """

    task: tasks_lib.Task
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Indices of the most probable labels, int64 [texts]."""
        return self.probabilities.argmax(axis=1)

    @property
    def labels(self) -> list[str]:
        """Most probable label of each text."""
        return [self.task.labels[index] for index in self.predicted]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __iter__(self) -> Iterator[dict]:
        """Yields a dict of `task`, `predicted` and `probabilities` per text."""
        for label, row in zip(self.labels, self.probabilities, strict=True):
            yield {
                "task": self.task.name,
                "predicted": label,
                "probabilities": {
                    name: float(f"{probability:.6g}")
                    for name, probability in zip(
                        self.task.labels, row, strict=True
                    )
                },
            }


@dataclasses.dataclass(frozen=True)
class SplitPredictions(Predictions):
    """Predictions for the rows of a split.

    Attributes:
      probabilities: float64 [rows, num_classes].
      split: the rows.
      features: float32 [rows, feature size] by name: `shared`, `private`.
      loss: mean cross-entropy in nats; NaN without labels.
    """

    split: input_pipeline.Split
    features: dict[str, np.ndarray]
    loss: float

    def scores(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """Computes the task's metrics, and `n`, the number of rows.

        Args:
          rows: mask of the rows that count, bool [rows]; None: all rows.

        Raises:
          ValueError: as in `classification.compute`.
        """
        rows = np.ones(len(self.split), bool) if rows is None else rows
        scores = classification.compute(
            self.task.metric,
            self.task.labels,
            self.split.labels[rows],
            self.predicted[rows],
            self.split.groups[rows],
        )
        return {**scores, "n": int(rows.sum())}


def score(
    predictions: Predictions, gold: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
    """Computes the task's metrics, `loss` and `n`.

    Args:
      predictions: predictions for the texts.
      gold: int [texts], indices of the true labels.
      groups: str [texts], empty for texts without a group.

    Returns:
      Scores by name; `loss` is the mean cross-entropy in nats, `n` the number
      of texts.

    Raises:
      ValueError: if there are no texts, or the task's metric needs groups and
        there are none.
    """
    task = predictions.task
    scores = classification.compute(
        task.metric, task.labels, gold, predictions.predicted, groups
    )
    likelihoods = predictions.probabilities[np.arange(len(gold)), gold]
    smallest = np.finfo(np.float32).tiny
    loss = -np.log(np.maximum(likelihoods, smallest, dtype=np.float64)).mean()
    return {**scores, "loss": float(loss), "n": len(gold)}
