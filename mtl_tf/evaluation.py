"""Predictions and scores of a split."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf import choices
from mtl_tf import input_pipeline
from mtl_tf import metrics
from mtl_tf import models
from mtl_tf import tasks as tasks_lib

MAIN = choices.MAIN
LABEL_TRANSFER = choices.LABEL_TRANSFER
_OUTPUTS = ("scores", "shared", "private")


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
      main_task: number of the main task, where there is label transfer.
    """

    def __init__(
        self,
        model: keras.Model,
        tasks: Sequence[tasks_lib.Task],
        main_task: int | None = None,
    ):
        self._tasks = tasks
        self._main_task = main_task
        outputs = [name for name in model.output if name in _OUTPUTS]
        self._run = _runner(models.part(model, outputs))
        if main_task is not None:
            outputs.append("transfer_scores")
            self._run_with_transfer = _runner(models.part(model, outputs))

    def predict(self, split: input_pipeline.Split) -> Predictions:
        """What the main model says of every row of a split.

        Raises:
          ValueError: if the split has no rows.
        """
        return self._predict(split, self._run)[MAIN]

    def predict_all(
        self, split: input_pipeline.Split
    ) -> dict[str, Predictions]:
        """The same by output: `MAIN`, and of the main task `LABEL_TRANSFER`."""
        if split.task != self._main_task:
            return {MAIN: self.predict(split)}
        return self._predict(split, self._run_with_transfer)

    def _predict(self, split, run):
        """Predicts in batches of like length; by output."""
        if not len(split):
            raise ValueError("there are no rows to predict")
        columns = {}
        # Traced once: splits of a model have the same signature.
        run = run.get_concrete_function(split.signature)
        for rows, batch in input_pipeline.evaluation_batches(split):
            for name, value in run(batch).items():
                value = value.numpy()
                value = value.reshape(-1, value.shape[-1])
                if name not in columns:
                    shape = (len(split), value.shape[-1])
                    columns[name] = np.zeros(shape, np.float32)
                columns[name][rows] = value
        scores = {MAIN: columns.pop("scores")}
        if "transfer_scores" in columns:
            scores[LABEL_TRANSFER] = columns.pop("transfer_scores")
        return {
            output: self._from_scores(split, values, columns)
            for output, values in scores.items()
        }

    def _from_scores(self, split, scores, features):
        task = self._tasks[split.task]
        scores = scores[:, : len(task.labels)].astype(np.float64)
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
            task, split, np.exp(log_probabilities), features, float(loss)
        )


def _runner(model):
    """A function of batches; a label transfer network reads all groups."""

    def run(batch):
        batch = {**batch, "asked": tf.range(tf.size(batch["task"]))}
        return model({k: batch[k] for k in model.input}, training=False)

    return tf.function(run)


def average(
    tasks: Sequence[tasks_lib.Task],
    scores: dict[str, dict[str, float]],
    metric: str | None = None,
) -> float:
    """Mean over tasks of each task's own metric, for choosing a checkpoint.

    Metrics of which lower is better count negatively, so that higher is always
    better here.

    Args:
      tasks: the tasks that count.
      scores: scores by name of the task.
      metric: the same one for all tasks, instead of their own.
    """
    return float(
        np.mean([goodness(task, scores[task.name], metric) for task in tasks])
    )


def goodness(
    task: tasks_lib.Task, scores: dict[str, float], metric: str | None = None
) -> float:
    """The task's metric, or another one, negated where lower is better."""
    metric = metric or task.metric
    lower_is_better = metrics.METRICS[metric].lower_is_better
    return scores[metric] * (-1 if lower_is_better else 1)
