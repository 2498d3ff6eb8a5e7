"""Paired comparison of models."""

import itertools

import numpy as np
import pytest

from reproduction import paired


def test_mean_is_over_tasks_of_unequal_sizes():
    # Of task a, the model has one more of two correct; of task b, none of four.
    baseline = {"a": np.array([True, False]), "b": np.array([True] * 4)}
    model = {"a": np.array([True, True]), "b": np.array([True] * 4)}
    difference = paired.compare([baseline], [model])
    assert difference.mean == pytest.approx(0.25)
    assert difference.num_seeds == 1


def test_interval_is_that_of_all_bootstrap_samples():
    # All 5**5 samples of five rows with these differences.
    differences = (-1, 0, 1, 1, 0)
    baseline = {"a": np.array([True, False, False, False, True])}
    model = {"a": np.array([False, False, True, True, True])}
    difference = paired.compare([baseline], [model])
    means = [np.mean(x) for x in itertools.product(differences, repeat=5)]
    low, high = np.percentile(means, [2.5, 97.5], method="inverted_cdf")
    assert (difference.low, difference.high) == pytest.approx((low, high))


def test_interval_includes_the_spread_of_seeds():
    # The differences of a seed's rows are all the same.
    worse = {"a": np.array([False] * 8)}
    better = {"a": np.array([True] * 8)}
    difference = paired.compare([worse, better], [better, worse])
    assert difference.mean == 0
    assert (difference.low, difference.high) == (-1, 1)
    assert difference.num_seeds == 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
