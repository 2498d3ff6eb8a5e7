"""The predictions of a model for the texts of a split."""

import dataclasses

import numpy as np

from mtl_tf.config import choices
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification

MAIN = choices.MAIN


LABEL_TRANSFER = choices.LABEL_TRANSFER


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model says of the rows of a split.

    Attributes:
      task: the task.
      split: the rows.
      probabilities: float64 [rows, labels of the task].
      features: float32 [rows, width] by name: `shared`, `private`.
      loss: mean cross-entropy of the true labels; nan without labels.
    """

    task: tasks_lib.Task
    split: input_pipeline.Split
    probabilities: np.ndarray
    features: dict[str, np.ndarray]
    loss: float

    @property
    def predicted(self) -> np.ndarray:
        """int64 [rows]: index of the most probable label."""
        return self.probabilities.argmax(axis=1)

    def scores(self, rows: np.ndarray | None = None) -> dict[str, float]:
        """The task's metrics, and `n`, over all rows or those of a mask.

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
