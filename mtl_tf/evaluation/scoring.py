"""The score by which checkpoints are selected."""

from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification


def average(
    tasks: Sequence[tasks_lib.Task],
    scores: dict[str, dict[str, float]],
    metric: str | None = None,
) -> float:
    """Computes the mean selection score of tasks.

    Args:
      tasks: the tasks.
      scores: scores by name of the task.
      metric: the metric for all tasks; None: each task's metric.

    Returns:
      The mean; higher is better.
    """
    return float(
        np.mean(
            [selection_score(task, scores[task.name], metric) for task in tasks]
        )
    )


def selection_score(
    task: tasks_lib.Task, scores: dict[str, float], metric: str | None = None
) -> float:
    """Returns a task's score such that higher is better.

    Args:
      task: the task.
      scores: scores by metric.
      metric: the metric; None: the task's metric.

    Returns:
      The score, negated if lower values of the metric are better.
    """
    metric = metric or task.metric
    return scores[metric] * classification.METRICS[metric].sign
