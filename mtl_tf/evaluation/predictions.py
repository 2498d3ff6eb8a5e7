"""Predictions of a model: probabilities of a task's labels."""

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
      probabilities: float [texts, labels of the task], in the task's order.
    """

    task: tasks_lib.Task
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """int64 [texts]: index of the most probable label."""
        return self.probabilities.argmax(axis=1)

    @property
    def labels(self) -> list[str]:
        """The most probable label of each text."""
        return [self.task.labels[label] for label in self.predicted]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __iter__(self) -> Iterator[dict]:
        """Yields of each text `task`, `predicted` and `probabilities`."""
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
      probabilities: float64 [rows, labels of the task].
      split: the rows.
      features: float32 [rows, features] by name: `shared`, `private`.
      loss: mean cross-entropy of the true labels in nats; nan without labels.
    """

    split: input_pipeline.Split
    features: dict[str, np.ndarray]
    loss: float

    def scores(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """Computes the task's metrics, and `n`, over all rows or a mask's.

        Raises:
          ValueError: as `metrics.compute`.
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
      predictions: those for the texts.
      gold: int [texts], indices of the true labels.
      groups: str [texts], empty where a text has no topic.

    Returns:
      Scores by name; `loss` is the mean cross-entropy in nats, `n` the number
      of texts.

    Raises:
      ValueError: if there are no texts, or no groups where the task's metric
        needs them.
    """
    task = predictions.task
    scores = classification.compute(
        task.metric, task.labels, gold, predictions.predicted, groups
    )
    of_gold = predictions.probabilities[np.arange(len(gold)), gold]
    smallest = np.finfo(np.float32).tiny
    loss = -np.log(np.maximum(of_gold, smallest, dtype=np.float64)).mean()
    return {**scores, "loss": float(loss), "n": len(gold)}
