"""Bootstrap intervals and paired significance tests of scores.

A metric depends on gold labels, predicted labels and perhaps topics only, so
rows on which these are the same are interchangeable. A bootstrap sample of the
rows is then a multinomial draw over the distinct rows, and thousands of samples
cost one matrix product.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtl_tf.metrics import classification

RESAMPLES = 2000
# Bounds of a chunk of samples in memory: the samples, and their counts of
# distinct rows altogether.
_CHUNK_SAMPLES = 200
_CHUNK_COUNTS = 2_000_000


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """A paired test of two runs on the same rows.

    Attributes:
      difference: score of the second run minus that of the first.
      low: lower end of the 95 % bootstrap interval of the difference.
      high: upper end of that interval.
      p_value: two-sided bootstrap p-value of the difference.
      only_first: number of rows that only the first run predicts correctly; -1
        for runs of several seeds, to which McNemar's test does not apply.
      only_second: number of rows that only the second run predicts correctly,
        or -1.
      mcnemar: exact two-sided p-value of McNemar's test, or nan.
      corrected_p_value: `p_value` after Holm's correction over tasks.
      corrected_mcnemar: `mcnemar` after Holm's correction over tasks.
    """

    difference: float
    low: float
    high: float
    p_value: float
    only_first: int = -1
    only_second: int = -1
    mcnemar: float = math.nan
    corrected_p_value: float = math.nan
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
    """Scores runs on bootstrap samples of the rows, the same for all runs.

    Args:
      gold: int [rows], indices of the true labels.
      predicted: int [runs, rows], predictions of each run.
      labels: names of the labels, in order.
      metric: name of the metric.
      seed: seed of the samples. It must differ between tasks; otherwise the
        samples of tasks with as many rows are correlated.
      topics: str [rows], used by metrics by topic, whose mean leaves out topics
        without rows in a sample.
      resamples: number of samples.

    Returns:
      float64 [resamples, runs].
    """
    topic_ids = np.zeros(len(gold), int)
    if classification.METRICS[metric].by_topic:
        topic_ids = np.unique(topics, return_inverse=True)[1]
    distinct, counts = np.unique(
        np.vstack([topic_ids, gold, predicted]), axis=1, return_counts=True
    )
    random = np.random.default_rng(seed)
    chunk = max(1, min(_CHUNK_SAMPLES, _CHUNK_COUNTS // len(counts)))
    scores = []
    for start in range(0, resamples, chunk):
        weights = random.multinomial(
            len(gold),
            counts / len(gold),
            min(chunk, resamples - start),
        ).astype(np.float64)
        scores.append(
            np.stack(
                [
                    classification.score(
                        metric,
                        labels,
                        distinct[1],
                        run_predicted,
                        weights,
                        distinct[0],
                    )
                    for run_predicted in distinct[2:]
                ],
                axis=1,
            )
        )
    return np.concatenate(scores)


def interval(samples: np.ndarray) -> tuple[float, float]:
    """Computes the 95 % percentile interval of bootstrap samples.

    Args:
      samples: float64 [resamples].

    Returns:
      The lower and the upper end.
    """
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def seed_interval(scores: Sequence[float]) -> tuple[float, float] | None:
    """Computes the 95 % interval of the mean over seeds.

    It assumes that scores are normally distributed over seeds (Student's t).

    Args:
      scores: scores by seed.

    Returns:
      The lower and the upper end; None for fewer than 3 seeds, whose interval
      would be wider than the range of most metrics.
    """
    if len(scores) < 3:
        return None
    if len(set(scores)) == 1:
        return scores[0], scores[0]
    low, high = stats.t.interval(
        0.95, len(scores) - 1, np.mean(scores), stats.sem(scores)
    )
    return float(low), float(high)


def bootstrap_p_value(differences: np.ndarray) -> float:
    """Computes the two-sided bootstrap p-value of a difference.

    It is twice the share of samples on the rarer side of 0. The observed
    difference counts as one more sample, so the p-value is never 0.

    Args:
      differences: float64 [resamples].
    """
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(differences) + 1)))


def mcnemar(first: np.ndarray, second: np.ndarray) -> tuple[int, int, float]:
    """Runs McNemar's exact test on the correct predictions of two runs.

    Args:
      first: bool [rows], whether the first run is correct.
      second: bool [rows], whether the second run is correct.

    Returns:
      The number of rows that only the first run predicts correctly, the number
      that only the second does, and the two-sided p-value; 1 if the runs are
      correct on the same rows.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    discordant = only_first + only_second
    p = stats.binomtest(only_first, discordant).pvalue if discordant else 1.0
    return only_first, only_second, float(p)


def paired_test(
    first: np.ndarray,
    second: np.ndarray,
    scores: tuple[float, float],
    samples: tuple[np.ndarray, np.ndarray],
) -> PairedTest:
    """Tests the second run against the first.

    Args:
      first: bool [seeds, rows], whether the first run is correct.
      second: bool [seeds, rows], whether the second run is correct.
      scores: scores of the two runs.
      samples: scores of the two runs on the same bootstrap samples, float64
        [resamples] each.

    Returns:
      The test, without McNemar's if a run has several seeds.
    """
    differences = samples[1] - samples[0]
    test = PairedTest(
        scores[1] - scores[0],
        *interval(differences),
        bootstrap_p_value(differences),
    )
    if len(first) > 1 or len(second) > 1:
        return test
    only_first, only_second, p = mcnemar(first[0], second[0])
    return dataclasses.replace(
        test, only_first=only_first, only_second=only_second, mcnemar=p
    )


def correct_p_values(tests: Sequence[PairedTest]) -> list[PairedTest]:
    """Applies Holm's correction to the p-values of several tests."""
    bootstrap = holm([test.p_value for test in tests])
    exact = [math.nan] * len(tests)
    if not any(math.isnan(test.mcnemar) for test in tests):
        exact = holm([test.mcnemar for test in tests])
    return [
        dataclasses.replace(
            test, corrected_p_value=p, corrected_mcnemar=p_mcnemar
        )
        for test, p, p_mcnemar in zip(tests, bootstrap, exact, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values of several tests by Holm's method, in their order."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    corrected = np.maximum.accumulate(
        np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    )
    result = np.empty(len(p))
    result[order] = corrected
    return result.tolist()
