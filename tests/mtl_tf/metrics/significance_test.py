import collections
import math
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from mtl_tf.metrics import significance

NAMES = ("0", "1", "2", "3")


def draw(rows, labels, runs, seed=0):
    random = np.random.default_rng(seed)
    gold = random.integers(labels, size=rows)
    wrong = random.integers(labels, size=(runs, rows))
    return gold, np.where(random.random((runs, rows)) < 0.7, gold, wrong)


def resample(gold, predicted, labels, metric, seed, resamples=2000):
    """Resamples rows without topics; labels are named by their index."""
    return significance.resample(
        gold,
        predicted,
        NAMES[:labels],
        metric,
        seed,
        topics=np.full(len(gold), ""),
        resamples=resamples,
    )


def score(metric, gold, predicted):
    """Scores samples [samples, rows] of three labels."""
    if metric == "accuracy":
        return (gold == predicted).mean(axis=1)
    f1 = []
    for label in range(3):
        g, p = gold == label, predicted == label
        f1.append(2 * (g & p).sum(axis=1) / (g.sum(axis=1) + p.sum(axis=1)))
    return np.mean(f1, axis=0)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_samples_are_distributed_as_resampled_rows(metric):
    gold, predicted = draw(150, 3, 2)
    actual = resample(gold, predicted, 3, metric, [0])
    assert actual.shape == (2000, 2)
    rows = np.random.default_rng(1).integers(150, size=(2000, 150))
    drawn = np.stack(
        [score(metric, gold[rows], of_run[rows]) for of_run in predicted],
        axis=1,
    )
    np.testing.assert_allclose(
        actual.mean(axis=0), drawn.mean(axis=0), atol=0.004
    )
    np.testing.assert_allclose(actual.std(axis=0), drawn.std(axis=0), rtol=0.08)
    # The same samples for both runs: their difference varies as it should.
    np.testing.assert_allclose(
        (actual[:, 0] - actual[:, 1]).std(),
        (drawn[:, 0] - drawn[:, 1]).std(),
        rtol=0.08,
    )


def test_interval_of_accuracy_is_binomial():
    gold = np.zeros(400, int)
    predicted = (np.arange(400) < 80).astype(int)[None]
    samples = resample(gold, predicted, 2, "accuracy", [0])
    low, high = significance.interval(samples[:, 0])
    expected = stats.binom(400, 0.8).ppf([0.025, 0.975]) / 400
    assert [low, high] == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_identical_rows_have_no_variance(metric):
    """Every sample of identical rows is the data itself."""
    gold, predicted = np.full(7, 1), np.full((1, 7), 2)
    samples = resample(gold, predicted, 4, metric, [0], 5)
    assert (samples == 0).all()
    # Labels without rows have F1 = 0.
    samples = resample(gold, gold[None], 4, metric, [0], 5)
    expected = {"accuracy": 1, "macro_f1": 1 / 4}[metric]
    np.testing.assert_allclose(samples, expected)


def test_macro_f1_of_a_sample_is_exact():
    """Only predicting label 0 with accuracy a has F1 2a / (1 + a) and 0."""
    gold, predicted = np.arange(60) % 2, np.zeros((1, 60), int)
    accuracy, macro_f1 = (
        resample(gold, predicted, 2, metric, [0], 50)
        for metric in ("accuracy", "macro_f1")
    )
    np.testing.assert_allclose(macro_f1, accuracy / (1 + accuracy))


def mae_by_topic(gold, predicted, topics):
    """Computes the error row by row, averaged by label, then topic."""
    errors = collections.defaultdict(lambda: collections.defaultdict(list))
    for true, guess, topic in zip(gold, predicted, topics, strict=True):
        errors[topic][true].append(abs(true - guess))
    return np.mean(
        [np.mean([np.mean(x) for x in e.values()]) for e in errors.values()]
    )


def test_samples_by_topic_are_distributed_as_resampled_rows():
    gold, predicted = draw(120, 4, 2)
    random = np.random.default_rng(1)
    # The last topic has few rows: some samples have none.
    topics = random.choice(["x", "y", "z"], 120, p=[0.6, 0.38, 0.02])
    assert (topics == "z").sum() == 2
    actual = significance.resample(
        gold, predicted, NAMES, "macro_mae_by_topic", [0], topics=topics
    )
    drawn = random.integers(120, size=(1500, 120))
    expected = np.array(
        [
            [
                mae_by_topic(gold[rows], of_run[rows], topics[rows])
                for of_run in predicted
            ]
            for rows in drawn
        ]
    )
    np.testing.assert_allclose(
        actual.mean(axis=0), expected.mean(axis=0), rtol=0.02
    )
    np.testing.assert_allclose(
        actual.std(axis=0), expected.std(axis=0), rtol=0.08
    )
    np.testing.assert_allclose(
        (actual[:, 0] - actual[:, 1]).std(),
        (expected[:, 0] - expected[:, 1]).std(),
        rtol=0.08,
    )


def test_metrics_over_all_rows_ignore_topics():
    gold, predicted = draw(60, 3, 2)
    topics = np.arange(60).astype(str)
    actual = significance.resample(
        gold, predicted, NAMES[:3], "macro_f1", [4], topics=topics
    )
    expected = resample(gold, predicted, 3, "macro_f1", [4])
    np.testing.assert_array_equal(actual, expected)


def test_samples_depend_on_the_seed_and_differ_between_chunks():
    gold, predicted = draw(50, 2, 1)
    samples = resample(gold, predicted, 2, "accuracy", [0], 450)
    again = resample(gold, predicted, 2, "accuracy", [0], 450)
    other = resample(gold, predicted, 2, "accuracy", [1], 450)
    np.testing.assert_array_equal(samples, again)
    assert (samples != other).any()
    assert samples.shape == (450, 1)
    assert (samples[:200] != samples[200:400]).any()


@pytest.mark.parametrize("metric", ["macro_f1", "macro_recall_by_topic"])
def test_memory_does_not_grow_with_the_square_of_labels(metric):
    labels, rows = 1000, 1000
    random = np.random.default_rng(0)
    gold, predicted = random.integers(labels, size=(2, rows))
    topics = (np.arange(rows) % 500).astype(str)
    names = [f"label {number}" for number in range(labels)]
    tracemalloc.start()
    try:
        significance.resample(
            gold,
            predicted[np.newaxis],
            names,
            metric,
            (0,),
            topics=topics,
            resamples=200,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Confusion matrices of 200 samples would take 1.6 GB.
    assert peak < 40e6


def test_interval_over_seeds_of_a_worked_example():
    # The 97.5 % quantile of t with 3 degrees of freedom is 3.182.
    scores = [0.7, 0.72, 0.74, 0.76]
    error = 3.182446 * np.std(scores, ddof=1) / 2
    assert significance.seed_interval(scores) == pytest.approx(
        (0.73 - error, 0.73 + error)
    )
    assert significance.seed_interval([0.5] * 3) == (0.5, 0.5)
    assert significance.seed_interval(scores[:2]) is None


def test_p_value_of_a_worked_example():
    # 10 of 99 at or below 0: 2 · (10 + 1) / (99 + 1).
    differences = np.r_[np.full(10, -0.1), np.full(89, 0.1)]
    assert significance.bootstrap_p_value(differences) == pytest.approx(0.22)
    assert significance.bootstrap_p_value(-differences) == pytest.approx(0.22)
    assert significance.bootstrap_p_value(np.full(99, 0.1)) == pytest.approx(
        0.02
    )
    # Identical runs: at most 1.
    assert significance.bootstrap_p_value(np.zeros(99)) == 1


def test_mcnemar_of_a_worked_example():
    first = np.array([True] * 6 + [False] + [True, False])
    second = np.array([False] * 6 + [True] + [True, False])
    only_first, only_second, p = significance.mcnemar(first, second)
    assert (only_first, only_second) == (6, 1)
    # Two-sided: 2 · (C(7, 0) + C(7, 1)) / 2⁷ = 16 / 128.
    assert p == pytest.approx(0.125)
    assert significance.mcnemar(first, first) == (0, 0, 1.0)


def test_holm_of_a_worked_example():
    # Sorted 0.01, 0.02, 0.04: times 3, 2, 1 = 0.03, 0.04, 0.04.
    assert significance.holm([0.04, 0.01, 0.02]) == pytest.approx(
        [0.04, 0.03, 0.04]
    )
    # A smaller product after a larger one is raised to it; none is above 1.
    assert significance.holm([0.03, 0.02, 0.9]) == pytest.approx(
        [0.06, 0.06, 0.9]
    )
    assert significance.holm([0.7, 0.8]) == [1, 1]
    assert significance.holm([]) == []


def make_test(p, mcnemar):
    return significance.PairedTest(0.1, 0.0, 0.2, p, 3, 1, mcnemar)


def test_corrections_of_both_p_values():
    tests = significance.correct_p_values(
        [make_test(0.04, 0.5), make_test(0.01, 0.2)]
    )
    assert [t.corrected_p_value for t in tests] == pytest.approx([0.04, 0.02])
    assert [t.corrected_mcnemar for t in tests] == pytest.approx([0.5, 0.4])
    assert [t.p_value for t in tests] == [0.04, 0.01]


def test_missing_mcnemar_is_not_corrected():
    tests = significance.correct_p_values([make_test(0.04, math.nan)])
    assert tests[0].corrected_p_value == 0.04
    assert math.isnan(tests[0].corrected_mcnemar)


def test_paired_test_of_single_runs():
    gold, predicted = draw(300, 2, 2)
    correct = (predicted == gold)[:, None]
    samples = resample(gold, predicted, 2, "accuracy", [0])
    scores = tuple(correct.mean(axis=(1, 2)))
    actual = significance.paired_test(*correct, scores, tuple(samples.T))
    assert actual.difference == pytest.approx(scores[1] - scores[0])
    assert actual.low < actual.difference < actual.high
    assert actual.only_first - actual.only_second == pytest.approx(
        -300 * actual.difference
    )
    # On accuracy, the two tests nearly agree.
    assert actual.p_value == pytest.approx(actual.mcnemar, abs=0.1)


def test_several_seeds_have_no_mcnemar_test():
    samples = np.random.default_rng(0).normal(size=(2, 2000))
    correct = np.ones((2, 10), bool)
    actual = significance.paired_test(
        correct, correct[:1], (0.5, 0.6), tuple(samples)
    )
    assert math.isnan(actual.mcnemar)
    assert (actual.only_first, actual.only_second) == (-1, -1)
    assert actual.difference == pytest.approx(0.1)
    assert actual.p_value > 0.5


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
