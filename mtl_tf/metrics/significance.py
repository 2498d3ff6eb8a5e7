"""How far scores may be chance: intervals and paired tests.

Every metric depends on gold and predicted labels, and perhaps topics, alone. So
rows that all runs answer alike are interchangeable, and a bootstrap sample of
the rows is a multinomial draw over the kinds of rows that there are: thousands
of samples cost one matrix product.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtl_tf.metrics import classification

RESAMPLES = 2000
# Samples that are held in memory at once, and counts of all of them together.
_AT_ONCE = 200
_NUMBERS_AT_ONCE = 2_000_000


@dataclasses.dataclass(frozen=True)
class Test:
    """A paired test of two runs on the same rows.

    Attributes:
      difference: score of the second minus score of the first.
      low: lower end of the difference's 95 % bootstrap interval.
      high: its upper end.
      p: two-sided bootstrap p-value of the difference.
      first_alone: rows that only the first run has right; -1 where a run is
        several seeds, which McNemar's test does not know.
      second_alone: rows that only the second run has right, likewise.
      mcnemar: exact two-sided p-value of those counts; nan likewise.
      corrected_p: `p` after Holm's correction over tasks.
      corrected_mcnemar: `mcnemar`, likewise.
    """

    difference: float
    low: float
    high: float
    p: float
    first_alone: int = -1
    second_alone: int = -1
    mcnemar: float = math.nan
    corrected_p: float = math.nan
    corrected_mcnemar: float = math.nan


def resample(
    gold: np.ndarray,
    predicted: np.ndarray,
    labels: Sequence[str],
    metric: str,
    seed: Sequence[int],
    *,
    topics: np.ndarray,
    resamples: int = RESAMPLES,
) -> np.ndarray:
    """Scores on bootstrap samples of the rows, the same samples for all runs.

    Args:
      gold: int [rows], indices of the true labels.
      predicted: int [runs, rows], what each run predicts.
      labels: names of the labels, in order.
      metric: name of the metric.
      seed: seed of the samples; another one for each task, lest the samples
        of tasks with as many rows go together.
      topics: str [rows], for metrics by topic. A topic that a sample leaves
        out is none of those of its mean.
      resamples: number of samples.

    Returns:
      float64 [resamples, runs].
    """
    numbers = np.zeros(len(gold), int)
    if classification.METRICS[metric].by_topic:
        numbers = np.unique(topics, return_inverse=True)[1]
    kinds, counts = np.unique(
        np.vstack([numbers, gold, predicted]), axis=1, return_counts=True
    )
    random = np.random.default_rng(seed)
    at_once = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // len(counts)))
    scores = []
    for first in range(0, resamples, at_once):
        drawn = random.multinomial(
            len(gold),
            counts / len(gold),
            min(at_once, resamples - first),
        ).astype(np.float64)
        scores.append(
            np.stack(
                [
                    classification.score(
                        metric, labels, kinds[1], answers, drawn, kinds[0]
                    )
                    for answers in kinds[2:]
                ],
                axis=1,
            )
        )
    return np.concatenate(scores)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of bootstrap scores, float64 [resamples]."""
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided bootstrap p-value that a difference is not 0.

    Twice the share of samples on the rarer side of 0, with the observed one
    counted along, so that it is never 0.

    Args:
      differences: float64 [resamples].
    """
    side = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (side + 1) / (len(differences) + 1)))


def mcnemar(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """Exact McNemar test of who is right.

    Args:
      first: bool [rows], where the first run is right.
      second: bool [rows], where the second run is right.

    Returns:
      Rows that only the first has right, those that only the second has, and
      the two-sided p-value; 1 where they never differ.
    """
    first_alone = int((first & ~second).sum())
    second_alone = int((second & ~first).sum())
    differ = first_alone + second_alone
    p = stats.binomtest(first_alone, differ).pvalue if differ else 1.0
    return first_alone, second_alone, float(p)


def paired_test(
    first: np.ndarray,
    second: np.ndarray,
    scores: tuple[float, float],
    samples: tuple[np.ndarray, np.ndarray],
) -> Test:
    """Tests the second run against the first.

    Args:
      first: bool [seeds, rows], where the first run is right.
      second: bool [seeds, rows], where the second run is right.
      scores: their scores.
      samples: their scores on the same bootstrap samples, float64 [resamples].
    """
    differences = samples[1] - samples[0]
    test = Test(
        scores[1] - scores[0], *interval(differences), p_value(differences)
    )
    if len(first) > 1 or len(second) > 1:
        return test
    first_alone, second_alone, p = mcnemar(first[0], second[0])
    return dataclasses.replace(
        test, first_alone=first_alone, second_alone=second_alone, mcnemar=p
    )


def corrected(tests: Sequence[Test]) -> list[Test]:
    """The tests with p-values corrected for there being several of them."""
    p = holm([test.p for test in tests])
    exact = [math.nan] * len(tests)
    if not any(math.isnan(test.mcnemar) for test in tests):
        exact = holm([test.mcnemar for test in tests])
    return [
        dataclasses.replace(test, corrected_p=a, corrected_mcnemar=b)
        for test, a, b in zip(tests, p, exact, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for as many tests as there are p-values."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    corrected = np.maximum.accumulate(
        np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    )
    result = np.empty(len(p))
    result[order] = corrected
    return result.tolist()
