"""Predictions and scores of a split."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf import input_pipeline
from mtl_tf import metrics
from mtl_tf import tasks as tasks_lib


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
        scores = metrics.compute(
            self.task.metric,
            self.task.labels,
            self.split.labels[rows],
            self.predicted[rows],
            self.split.groups[rows],
        )
        return {**scores, "n": int(rows.sum())}


class Predictor:
    """Runs a model over splits.

    Args:
      model: as `models.build` makes it.
      tasks: the tasks, in the order of their numbers.
    """

    def __init__(self, model: keras.Model, tasks: Sequence[tasks_lib.Task]):
        self._model = model
        self._tasks = tasks
        self._run = tf.function(lambda batch: model(batch, training=False))

    def predict(self, split: input_pipeline.Split) -> Predictions:
        """Predicts every row of a split, in batches of like length.

        Raises:
          ValueError: if the split has no rows.
        """
        if not len(split):
            raise ValueError("there are no rows to predict")
        task = self._tasks[split.task]
        columns = {}
        # Traced once: splits of a model have the same signature.
        run = self._run.get_concrete_function(split.signature)
        for rows, batch in input_pipeline.evaluation_batches(split):
            for name, value in run(batch).items():
                value = value.numpy()
                value = value.reshape(-1, value.shape[-1])
                if name not in columns:
                    shape = (len(split), value.shape[-1])
                    columns[name] = np.zeros(shape, np.float32)
                columns[name][rows] = value
        scores = columns.pop("scores")[:, : len(task.labels)]
        scores = scores.astype(np.float64)
        # A stable log-softmax, in float64: the probabilities sum to 1.
        scores -= scores.max(axis=1, keepdims=True)
        log_probabilities = scores - np.log(
            np.exp(scores).sum(axis=1, keepdims=True)
        )
        loss = np.nan
        if (split.labels >= 0).all():
            rows = np.arange(len(split))
            loss = -log_probabilities[rows, split.labels].mean()
        return Predictions(
            task, split, np.exp(log_probabilities), columns, float(loss)
        )


def average(
    tasks: Sequence[tasks_lib.Task], scores: dict[str, dict[str, float]]
) -> float:
    """Mean over tasks of each task's own metric, for choosing a checkpoint.

    Metrics of which lower is better count negatively, so that higher is always
    better here.
    """
    return float(np.mean([goodness(task, scores[task.name]) for task in tasks]))


def goodness(task: tasks_lib.Task, scores: dict[str, float]) -> float:
    """The task's own metric, negated where lower is better."""
    lower_is_better = metrics.METRICS[task.metric].lower_is_better
    return scores[task.metric] * (-1 if lower_is_better else 1)
