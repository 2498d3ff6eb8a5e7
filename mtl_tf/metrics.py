"""Metrics of a task, from gold labels and predictions.

A metric is a function of counts: how many rows of each true label were given
each label, by topic where rows have one. It takes any leading dimensions, so
that a bootstrap asks the same function for thousands of samples at once.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

_BY_TOPIC = "_by_topic"
_FNC_LABELS = ("agree", "disagree", "discuss", "unrelated")


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
      function: (counts float64 [..., labels, labels], rows by true and by
        predicted label; names of the labels) -> float64 [...]. One that is
        taken by topic has to bear counts of no rows.
      meaning: what it is, in a few words.
      lower_is_better: early stopping and tables follow it.
      percent: whether it is a share, which tables show in percent.
      by_topic: whether it is the mean of `function` over topics, and rows need
        one; else all rows are taken together.
      needs: labels that a task has to have.
    """

    function: Callable[[np.ndarray, Sequence[str]], np.ndarray]
    meaning: str
    lower_is_better: bool = False
    percent: bool = True
    by_topic: bool = False
    needs: tuple[str, ...] = ()

    def show(self, value: float, signed: bool = False) -> str:
        """As tables have it: `80.7`, or `0.712` of what is no share.

        Args:
          value: a score, or a difference of two.
          signed: with `+` or `-`, as differences are shown; zero has a `+`.
        """
        sign = "+z" if signed else ""
        if self.percent:
            return f"{100 * value:{sign}.1f}"
        return f"{value:{sign}.3f}"


def _accuracy(counts, labels):
    del labels
    return _right(counts).sum(axis=-1) / counts.sum(axis=(-2, -1))


def _macro_f1(counts, labels):
    # A label that is neither in gold nor predicted counts as F1 = 0, so that
    # the mean always runs over the task's declared labels.
    del labels
    return _f1(counts).mean(axis=-1)


def _macro_recall(counts, labels):
    # Over the labels in gold, as others have no recall. With those that are
    # only predicted, as scikit-learn would have it, one error in a topic whose
    # rows have all the same label would halve the topic's score.
    del labels
    gold = counts.sum(axis=-1)
    return _mean_where(_right(counts) / _at_least_1(gold), gold > 0)


def _macro_mae(counts, labels):
    # Baccianella, Esuli & Sebastiani (2009), over the labels in gold.
    places = np.arange(len(labels))
    distances = np.abs(places[:, np.newaxis] - places)
    gold = counts.sum(axis=-1)
    errors = (counts * distances).sum(axis=-1) / _at_least_1(gold)
    return _mean_where(errors, gold > 0)


def _favor_against_f1(counts, labels):
    # SemEval-2016 task 6: `none` counts only as what the two are taken for.
    places = [labels.index("favor"), labels.index("against")]
    return _f1(counts)[..., places].mean(axis=-1)


def _fnc_score(counts, labels):
    # 1/4 for telling related from unrelated, 3/4 more for the very label of
    # what is related.
    related = np.array([label != "unrelated" for label in labels])
    same = related[:, np.newaxis] == related
    points = 0.25 * same + 0.75 * np.diag(related)
    best = counts.sum(axis=-1) @ np.diag(points)
    return (counts * points).sum(axis=(-2, -1)) / best


def _right(counts):
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _f1(counts):
    """float64 [..., labels]; 0 of a label that is nowhere."""
    sizes = counts.sum(axis=-1) + counts.sum(axis=-2)
    return 2 * _right(counts) / _at_least_1(sizes)


def _mean_where(values, there):
    """Mean over the last axis of the values that are there."""
    total = np.where(there, values, 0).sum(axis=-1)
    return total / _at_least_1(there.sum(axis=-1))


def _at_least_1(counts):
    """Counts to divide by."""
    return np.maximum(counts, 1)


def _mean_over_topics(metric, name):
    return dataclasses.replace(
        metric, meaning=f"mean over topics of {name}", by_topic=True
    )


_RECALL = Metric(_macro_recall, "mean of the labels' recall")
_MAE = Metric(
    _macro_mae,
    "mean over true labels of how many places of their order the predicted "
    "one is off; lower is better",
    lower_is_better=True,
    percent=False,
)

METRICS = {
    "accuracy": Metric(_accuracy, "share of right labels"),
    "macro_f1": Metric(_macro_f1, "mean of the labels' F1"),
    "macro_recall": _RECALL,
    "macro_recall_by_topic": _mean_over_topics(_RECALL, "macro_recall"),
    "macro_mae": _MAE,
    "macro_mae_by_topic": _mean_over_topics(_MAE, "macro_mae"),
    "favor_against_f1": Metric(
        _favor_against_f1,
        "mean of the F1 of favor and of against",
        needs=("favor", "against"),
    ),
    "fnc_score": Metric(
        _fnc_score,
        "FNC-1's weighted score, as a share of the best possible",
        needs=("unrelated",),
    ),
}


def reported(metric: str, labels: Iterable[str], topics: bool) -> list[str]:
    """Names of the metrics that are reported of a task.

    These are accuracy and macro F1; the task's own metric; of one that there
    is both over all rows and by topic, the other as well; and `fnc_score` of a
    task with the labels of FNC-1.

    Args:
      metric: the task's own.
      labels: names of its labels.
      topics: whether rows have a topic.
    """
    pooled = metric.removesuffix(_BY_TOPIC)
    names = {"accuracy", "macro_f1", metric, pooled}
    if topics:
        names.add(pooled + _BY_TOPIC)
    if set(labels) == set(_FNC_LABELS):
        names.add("fnc_score")
    return [name for name in METRICS if name in names]


def check_topics(metric: str, topics: np.ndarray, ids: np.ndarray) -> None:
    """Raises a ValueError if a metric needs topics, and a row has none.

    Args:
      metric: name of the metric.
      topics: str or bytes [rows], empty where a row has none.
      ids: what to call the rows in the message, [rows].
    """
    if METRICS[metric].by_topic and not all(topics):
        row = next(n for n, topic in enumerate(topics) if not topic)
        name = ids[row].decode() if isinstance(ids[row], bytes) else ids[row]
        raise ValueError(
            f"row {name} has no group, which the metric {metric} takes for "
            f"the row's topic; {metric.removesuffix(_BY_TOPIC)} needs none"
        )


def compute(
    metric: str,
    labels: Sequence[str],
    gold: np.ndarray,
    predicted: np.ndarray,
    topics: np.ndarray | None = None,
) -> dict[str, float]:
    """The scores of a task by name, those that `reported` names.

    Args:
      metric: the task's own metric.
      labels: names of its labels, in order.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      topics: str or bytes [rows], empty where a row has none; None is the same
        as none at all.

    Raises:
      ValueError: if there are no rows, or no topics where the metric needs
        them.
    """
    if not len(gold):
        raise ValueError("a metric needs at least one row")
    if topics is None:
        topics = np.full(len(gold), "")
    check_topics(metric, topics, np.arange(len(gold)))
    there = all(topics)
    numbers = np.unique(topics, return_inverse=True)[1] if there else 0
    cells = cell_numbers(gold, predicted, len(labels), numbers)
    counts = np.bincount(
        cells, minlength=(np.max(numbers) + 1) * len(labels) ** 2
    ).astype(np.float64)
    return {
        name: float(score(name, labels, counts))
        for name in reported(metric, labels, there)
    }


def cell_numbers(
    gold: np.ndarray,
    predicted: np.ndarray,
    labels: int,
    topics: np.ndarray | int = 0,
) -> np.ndarray:
    """Where each row is among the counts of `score`, int [rows].

    Args:
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      labels: number of labels.
      topics: int [rows], numbers of the topics.
    """
    return (topics * labels + gold) * labels + predicted


def score(name: str, labels: Sequence[str], counts: np.ndarray) -> np.ndarray:
    """A metric of counts; a topic without rows is left out of a mean.

    Args:
      name: name of the metric.
      labels: names of the labels, in order.
      counts: float64 [..., topics * labels * labels], rows by cell as
        `cell_numbers` has them.

    Returns:
      float64 [...].
    """
    metric = METRICS[name]
    counts = counts.reshape(*counts.shape[:-1], -1, len(labels), len(labels))
    if not metric.by_topic:
        return metric.function(counts.sum(axis=-3), labels)
    return _mean_where(
        metric.function(counts, labels), counts.sum(axis=(-2, -1)) > 0
    )


def units(names: Iterable[str]) -> str:
    """What tables of these metrics are in, for their captions."""
    names = set(names)
    others = [
        name
        for name, metric in METRICS.items()
        if name in names and not metric.percent
    ]
    if not others:
        return "in percent"
    return f"in percent, {' and '.join(others)} in places between labels"
