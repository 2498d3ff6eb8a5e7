"""Paired comparison of two models of the same seeds on the same test texts."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mtl_tf.metrics import significance

# Whether the predictions of a run are correct, by task, bool [rows].
Correct = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Difference:
    """The accuracy of a model minus that of a baseline, mean over tasks.

    Attributes:
      mean: mean over seeds.
      low: lower end of the 95 % bootstrap interval over seeds and test texts.
      high: its upper end.
      num_seeds: number of seeds; for one, the interval is over texts alone.
    """

    mean: float
    low: float
    high: float
    num_seeds: int


def compare(
    baseline: Sequence[Correct], model: Sequence[Correct]
) -> Difference:
    """Compares a model with a baseline.

    Args:
      baseline: correct predictions of the baseline, by seed.
      model: those of the model, of the same seeds in the same order.
    """
    num_seeds = len(baseline)
    random = np.random.default_rng(0)
    by_seed, samples = [], []
    for task in baseline[0]:
        # float64 [seeds, rows].
        differences = np.stack(
            [
                second[task].astype(float) - first[task]
                for first, second in zip(baseline, model, strict=True)
            ]
        )
        num_rows = differences.shape[1]
        counts = random.multinomial(
            num_rows, [1 / num_rows] * num_rows, significance.RESAMPLES
        )
        by_seed.append(differences.mean(axis=1))
        samples.append(counts @ differences.T / num_rows)
    drawn = random.integers(num_seeds, size=(significance.RESAMPLES, num_seeds))
    means = np.take_along_axis(np.mean(samples, axis=0), drawn, axis=1)
    return Difference(
        float(np.mean(by_seed)),
        *significance.interval(means.mean(axis=1)),
        num_seeds,
    )
