"""Averages over tasks."""

from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification


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
        np.mean(
            [selection_score(task, scores[task.name], metric) for task in tasks]
        )
    )


def selection_score(
    task: tasks_lib.Task, scores: dict[str, float], metric: str | None = None
) -> float:
    """The task's metric, or another one, negated where lower is better."""
    metric = metric or task.metric
    lower_is_better = classification.METRICS[metric].lower_is_better
    return scores[metric] * (-1 if lower_is_better else 1)
