"""Metrics of a task, from gold labels and predictions."""

import dataclasses
from collections.abc import Callable

import numpy as np
from sklearn import metrics as sklearn_metrics


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
      function: (gold int [rows], predicted int [rows], number of labels) ->
        a number.
      lower_is_better: early stopping and tables follow it.
    """

    function: Callable[[np.ndarray, np.ndarray, int], float]
    lower_is_better: bool = False


def _accuracy(gold, predicted, labels):
    del labels
    return sklearn_metrics.accuracy_score(gold, predicted)


def _macro_f1(gold, predicted, labels):
    # A label that is neither in gold nor predicted counts as F1 = 0, so that
    # the mean always runs over the task's declared labels.
    return sklearn_metrics.f1_score(
        gold,
        predicted,
        labels=np.arange(labels),
        average="macro",
        zero_division=0,
    )


METRICS = {
    "accuracy": Metric(_accuracy),
    "macro_f1": Metric(_macro_f1),
}


def check_name(name: str) -> None:
    """Raises a ValueError if there is no metric of this name."""
    if name not in METRICS:
        raise ValueError(
            f"there is no metric {name!r}; the metrics are {', '.join(METRICS)}"
        )


def compute(
    gold: np.ndarray, predicted: np.ndarray, labels: int
) -> dict[str, float]:
    """Every metric by name.

    Args:
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      labels: number of labels of the task.

    Raises:
      ValueError: if there are no rows.
    """
    if not len(gold):
        raise ValueError("a metric needs at least one row")
    return {
        name: float(metric.function(gold, predicted, labels))
        for name, metric in METRICS.items()
    }
