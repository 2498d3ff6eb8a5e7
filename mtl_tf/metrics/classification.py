"""Metrics of a task, from gold labels and predictions.

A metric is a function of rows and of how often each row counts. The weights
may have any leading dimensions, so a bootstrap scores thousands of samples with
one call. All sums are by row and label: memory grows with the number of rows,
not with the square of the number of labels or with the number of topics.
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
      topics: int [rows], indices of the topics; zeros for a metric over all
        rows.
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
      meaning: a short definition.
      lower_is_better: whether lower scores are better.
      percent: whether the score is a share, which tables show in percent.
      by_topic: whether the score is a mean over topics, so that every row
        needs a topic.
      needs: labels that a task must have, in any case.
    """

    function: Callable[[Rows, np.ndarray], np.ndarray]
    meaning: str
    lower_is_better: bool = False
    percent: bool = True
    by_topic: bool = False
    needs: tuple[str, ...] = ()

    @property
    def sign(self) -> int:
        """1 if higher scores are better, and -1 if lower ones are."""
        return -1 if self.lower_is_better else 1

    def show(self, value: float, signed: bool = False) -> str:
        """Formats a score as in tables: `80.7` percent, or `0.712`.

        Args:
          value: a score, or a difference of two scores.
          signed: whether to write the sign, as of a difference; that of zero
            is `+`.
        """
        sign = "+z" if signed else ""
        if self.percent:
            shown = f"{100 * value:{sign}.1f}"
        else:
            shown = f"{value:{sign}.3f}"
        return shown.replace("-", "−") if signed else shown


def _accuracy(rows, weights):
    """Computes the share of correct predictions, float64 [...]."""
    return weights @ _correct(rows) / weights.sum(axis=-1)


def _macro_f1(rows, weights):
    """Computes the mean F1 over the task's labels, float64 [...]."""
    # A label that is neither in gold nor predicted has F1 = 0, so the mean is
    # always over the task's declared labels.
    return _f1(rows, weights).mean(axis=-1)


def _macro_recall(rows, weights):
    """Computes the mean recall over labels in gold, float64 [...]."""
    # Labels that are only predicted have no recall. scikit-learn counts them as
    # 0; one error in a topic with a single gold label would halve its score.
    return _macro_over_gold(rows, weights, _correct(rows))


def _macro_mae(rows, weights):
    """Computes the macro-averaged mean absolute error, float64 [...].

    Baccianella, Esuli & Sebastiani (2009), over the labels in gold.
    """
    errors = np.abs(rows.gold - rows.predicted)
    return _macro_over_gold(rows, weights, errors.astype(np.float64))


def fold(labels: Iterable[str]) -> list[str]:
    """Folds the case of labels: the stance corpora spell FAVOR."""
    return [label.casefold() for label in labels]


def _favor_against_f1(rows, weights):
    """Computes the score of SemEval-2016 task 6, float64 [...].

    The mean F1 of `favor` and `against`. Rows of `none` count where they are
    confused with one of the two.
    """
    labels = fold(rows.labels)
    indices = [labels.index("favor"), labels.index("against")]
    return _f1(rows, weights)[..., indices].mean(axis=-1)


def _fnc_score(rows, weights):
    """Computes the score of FNC-1 as a share of the maximum, float64 [...].

    1/4 point for separating related from unrelated rows, and 3/4 more for the
    correct label of a related row.
    """
    related = np.array([label != "unrelated" for label in fold(rows.labels)])
    gold = related[rows.gold]
    points = 0.25 * (gold == related[rows.predicted])
    points += 0.75 * _correct(rows) * gold
    return weights @ points / (weights @ (0.25 + 0.75 * gold))


def _correct(rows):
    """Returns 1 where the prediction is correct, float64 [rows]."""
    return (rows.gold == rows.predicted).astype(np.float64)


def _f1(rows, weights):
    """Computes F1 by label, float64 [..., num_classes].

    A label that is neither in gold nor predicted has F1 = 0.
    """
    num_classes = len(rows.labels)
    correct = _sums(rows.gold, num_classes, weights * _correct(rows))
    sizes = _sums(rows.gold, num_classes, weights)
    sizes += _sums(rows.predicted, num_classes, weights)
    return 2 * correct / np.maximum(sizes, 1)


def _macro_over_gold(rows, weights, values):
    """Averages values over rows, then over labels in gold, then over topics.

    The mean of a topic leaves out labels without rows, and the mean over topics
    leaves out topics without rows.

    Args:
      rows: the rows.
      weights: float64 [..., rows].
      values: float64 [rows].

    Returns:
      float64 [...].
    """
    # Only pairs that occur: most labels have no rows in most topics.
    pairs, pair_ids = np.unique(
        rows.topics * len(rows.labels) + rows.gold, return_inverse=True
    )
    counts = _sums(pair_ids, len(pairs), weights)
    means = _sums(pair_ids, len(pairs), weights * values)
    means /= np.maximum(counts, 1)
    topics, topic_ids = np.unique(
        pairs // len(rows.labels), return_inverse=True
    )
    num_labels = _sums(topic_ids, len(topics), (counts > 0).astype(np.float64))
    by_topic = _sums(topic_ids, len(topics), means) / np.maximum(num_labels, 1)
    return by_topic.sum(axis=-1) / (num_labels > 0).sum(axis=-1)


def _sums(keys, size, weights):
    """Sums weights [..., keys] by key, float64 [..., size]."""
    # Imported late: a command checks metric names before it starts.
    from scipy import sparse

    matrix = sparse.csr_array(
        (np.ones(len(keys)), (keys, np.arange(len(keys)))), (size, len(keys))
    )
    flat = weights.reshape(-1, len(keys))
    return (matrix @ flat.T).T.reshape(*weights.shape[:-1], size)


def _mean_over_topics(metric, name):
    """Makes the by-topic version of a metric."""
    return dataclasses.replace(
        metric, meaning=f"mean over topics of {name}", by_topic=True
    )


_RECALL = Metric(_macro_recall, "mean recall over labels")
_MAE = Metric(
    _macro_mae,
    "mean absolute error in label positions, averaged over true labels; lower "
    "is better",
    lower_is_better=True,
    percent=False,
)

METRICS = {
    "accuracy": Metric(_accuracy, "share of correct predictions"),
    "macro_f1": Metric(_macro_f1, "mean F1 over labels"),
    "macro_recall": _RECALL,
    "macro_recall_by_topic": _mean_over_topics(_RECALL, "macro_recall"),
    "macro_mae": _MAE,
    "macro_mae_by_topic": _mean_over_topics(_MAE, "macro_mae"),
    "favor_against_f1": Metric(
        _favor_against_f1,
        "mean F1 of favor and against",
        needs=("favor", "against"),
    ),
    "fnc_score": Metric(
        _fnc_score,
        "weighted score of FNC-1, as a share of the maximum",
        needs=("unrelated",),
    ),
}


def reported_metrics(
    metric: str, labels: Iterable[str], has_topics: bool
) -> list[str]:
    """Returns the names of the metrics to report for a task.

    They are accuracy, macro F1 and the task's own metric. A metric with a
    version over all rows and one by topic is reported in both, and a task with
    the labels of FNC-1 also has `fnc_score`.

    Args:
      metric: the task's own metric.
      labels: names of the task's labels.
      has_topics: whether every row has a topic.
    """
    pooled = metric.removesuffix(_BY_TOPIC)
    names = {"accuracy", "macro_f1", metric, pooled}
    if has_topics:
        names.add(pooled + _BY_TOPIC)
    if set(fold(labels)) == set(_FNC_LABELS):
        names.add("fnc_score")
    return [name for name in METRICS if name in names]


def check_topics(metric: str, topics: np.ndarray, ids: np.ndarray) -> None:
    """Checks that every row has a topic, if the metric needs topics.

    Args:
      metric: name of the metric.
      topics: str or bytes [rows], empty for a row without a topic.
      ids: names of the rows in the error message, [rows].

    Raises:
      ValueError: if the metric needs topics and a row has none.
    """
    if METRICS[metric].by_topic and not all(topics):
        row = next(row for row, topic in enumerate(topics) if not topic)
        name = ids[row].decode() if isinstance(ids[row], bytes) else ids[row]
        raise ValueError(
            f"row {name} has no group, which the metric {metric} uses as the "
            f"topic; {metric.removesuffix(_BY_TOPIC)} does not need one"
        )


def compute(
    metric: str,
    labels: Sequence[str],
    gold: np.ndarray,
    predicted: np.ndarray,
    topics: np.ndarray | None = None,
) -> dict[str, float]:
    """Computes the scores of a task, those of `reported_metrics`.

    Args:
      metric: the task's own metric.
      labels: names of its labels, in order.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      topics: str or bytes [rows], empty for a row without a topic; None if no
        row has one.

    Returns:
      Scores by name of the metric.

    Raises:
      ValueError: if there are no rows, or if the metric needs topics and a row
        has none.
    """
    if not len(gold):
        raise ValueError("a metric needs at least one row, got 0")
    if topics is None:
        topics = np.full(len(gold), "")
    check_topics(metric, topics, np.arange(len(gold)))
    weights = np.ones(len(gold))
    return {
        name: float(score(name, labels, gold, predicted, weights, topics))
        for name in reported_metrics(metric, labels, all(topics))
    }


def score(
    name: str,
    labels: Sequence[str],
    gold: np.ndarray,
    predicted: np.ndarray,
    weights: np.ndarray,
    topics: np.ndarray,
) -> np.ndarray:
    """Computes a metric over weighted rows.

    Args:
      name: name of the metric.
      labels: names of the labels, in order.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
      weights: whole numbers as float64 [..., rows]: how often each row counts.
      topics: [rows], used by a metric by topic. Its mean leaves out topics
        whose rows all have weight 0.

    Returns:
      float64 [...].
    """
    metric = METRICS[name]
    topic_ids = np.zeros(len(gold), np.int64)
    if metric.by_topic:
        topic_ids = np.unique(topics, return_inverse=True)[1]
    rows = Rows(labels, np.asarray(gold), np.asarray(predicted), topic_ids)
    return metric.function(rows, weights)


def units(names: Iterable[str]) -> str:
    """Returns the units of metrics in a table, for its caption."""
    names = set(names)
    not_percent = [
        name
        for name, metric in METRICS.items()
        if name in names and not metric.percent
    ]
    if not not_percent:
        return "in percent"
    return f"in percent, {' and '.join(not_percent)} in label positions"
