"""Metrics of a task, from gold labels and predictions.

A metric is a function of rows and of how often each of them counts. The
weights take any leading dimensions, so that a bootstrap asks the same function
for thousands of samples at once. All sums are by row and label: memory grows
with the rows, never with the square of the labels or with the topics.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

_BY_TOPIC = "_by_topic"
_FNC_LABELS = ("agree", "disagree", "discuss", "unrelated")


@dataclasses.dataclass(frozen=True)
class Rows:
    """Gold and predicted labels of rows.

    Attributes:
      labels: names of the labels, in order.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      topics: int [rows], indices of the topics; zeros where all rows are taken
        together.
    """

    labels: Sequence[str]
    gold: np.ndarray
    predicted: np.ndarray
    topics: np.ndarray


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
      function: (rows, weights: whole numbers as float64 [..., rows], at least
        one of which is not 0) -> float64 [...].
      meaning: what it is, in a few words.
      lower_is_better: early stopping and tables follow it.
      percent: whether it is a share, which tables show in percent.
      by_topic: whether it is a mean over topics, and rows need one; else all
        rows are taken together.
      needs: labels that a task has to have, whatever their case.
    """

    function: Callable[[Rows, np.ndarray], np.ndarray]
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


def _accuracy(rows, weights):
    return weights @ _right(rows) / weights.sum(axis=-1)


def _macro_f1(rows, weights):
    # A label that is neither in gold nor predicted counts as F1 = 0, so that
    # the mean always runs over the task's declared labels.
    return _f1(rows, weights).mean(axis=-1)


def _macro_recall(rows, weights):
    # Over the labels in gold, as others have no recall. With those that are
    # only predicted, as scikit-learn would have it, one error in a topic whose
    # rows have all the same label would halve the topic's score.
    return _macro_over_gold(rows, weights, _right(rows))


def _macro_mae(rows, weights):
    # Baccianella, Esuli & Sebastiani (2009), over the labels in gold.
    errors = np.abs(rows.gold - rows.predicted)
    return _macro_over_gold(rows, weights, errors.astype(np.float64))


def fold(labels: Sequence[str]) -> list[str]:
    """Returns labels without their case: the stance corpora have FAVOR."""
    return [label.casefold() for label in labels]


def _favor_against_f1(rows, weights):
    # SemEval-2016 task 6: `none` counts only as what the two are taken for.
    labels = fold(rows.labels)
    places = [labels.index("favor"), labels.index("against")]
    return _f1(rows, weights)[..., places].mean(axis=-1)


def _fnc_score(rows, weights):
    # 1/4 for telling related from unrelated, 3/4 more for the very label of
    # what is related.
    related = np.array([label != "unrelated" for label in fold(rows.labels)])
    gold = related[rows.gold]
    points = 0.25 * (gold == related[rows.predicted])
    points += 0.75 * _right(rows) * gold
    return weights @ points / (weights @ (0.25 + 0.75 * gold))


def _right(rows):
    """float64 [rows]: 1 where the predicted label is the true one."""
    return (rows.gold == rows.predicted).astype(np.float64)


def _f1(rows, weights):
    """float64 [..., labels]; 0 of a label that is nowhere."""
    labels = len(rows.labels)
    correct = _sums(rows.gold, labels, weights * _right(rows))
    sizes = _sums(rows.gold, labels, weights)
    sizes += _sums(rows.predicted, labels, weights)
    return 2 * correct / _at_least_1(sizes)


def _macro_over_gold(rows, weights, values):
    """Means of values: over rows, then labels in gold, then topics.

    A label without rows is left out of its topic's mean, a topic without rows
    out of the mean over topics.

    Args:
      rows: the rows.
      weights: float64 [..., rows].
      values: float64 [rows].
    """
    # Only the pairs that there are: of most topics, most labels have no rows.
    pairs, pair = np.unique(
        rows.topics * len(rows.labels) + rows.gold, return_inverse=True
    )
    counts = _sums(pair, len(pairs), weights)
    means = _sums(pair, len(pairs), weights * values) / _at_least_1(counts)
    topics, topic = np.unique(pairs // len(rows.labels), return_inverse=True)
    labels = _sums(topic, len(topics), (counts > 0).astype(np.float64))
    by_topic = _sums(topic, len(topics), means) / _at_least_1(labels)
    return by_topic.sum(axis=-1) / (labels > 0).sum(axis=-1)


def _sums(keys, size, weights):
    """Sums of weights [..., keys] by key, float64 [..., size]."""
    # Names of metrics are checked without it, before a command starts.
    from scipy import sparse

    matrix = sparse.csr_array(
        (np.ones(len(keys)), (keys, np.arange(len(keys)))), (size, len(keys))
    )
    flat = weights.reshape(-1, len(keys))
    return (matrix @ flat.T).T.reshape(*weights.shape[:-1], size)


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
    if set(fold(labels)) == set(_FNC_LABELS):
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
    once = np.ones(len(gold))
    return {
        name: float(score(name, labels, gold, predicted, once, topics))
        for name in reported(metric, labels, there)
    }


def score(
    name: str,
    labels: Sequence[str],
    gold: np.ndarray,
    predicted: np.ndarray,
    weights: np.ndarray,
    topics: np.ndarray,
) -> np.ndarray:
    """Computes a metric of rows that count several times, or not at all.

    Args:
      name: name of the metric.
      labels: names of the labels, in order.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      weights: whole numbers as float64 [..., rows]: how often each row counts.
      topics: [rows], for a metric by topic. A topic whose rows all count 0
        times is left out of its mean.

    Returns:
      float64 [...].
    """
    metric = METRICS[name]
    numbers = np.zeros(len(gold), np.int64)
    if metric.by_topic:
        numbers = np.unique(topics, return_inverse=True)[1]
    rows = Rows(labels, np.asarray(gold), np.asarray(predicted), numbers)
    return metric.function(rows, weights)


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
