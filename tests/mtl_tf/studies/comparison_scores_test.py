"""Statistics of a comparison."""

import math

import numpy as np
import pytest
from scipy import stats

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import comparison_scores


@pytest.mark.parametrize(
    ("metric", "sign"), [("accuracy", 1), ("macro_mae", -1)]
)
def test_gain_is_paired_over_seeds_and_positive_if_better(metric, sign):
    random = np.random.default_rng(0)
    baseline, model = random.normal(size=(2, 5))
    samples = random.normal(size=(2, 100))
    gain = comparison_scores.compare(
        comparison_scores.Score(metric, baseline, samples[0]),
        comparison_scores.Score(metric, model, samples[1]),
    )
    expected = stats.ttest_rel(sign * model, sign * baseline)
    low, high = expected.confidence_interval(0.95)
    difference = np.mean(model) - np.mean(baseline)
    assert gain.mean == pytest.approx(sign * difference)
    assert gain.p_value == pytest.approx(expected.pvalue)
    assert gain.seed_interval == pytest.approx((low, high))
    assert gain.interval == pytest.approx(
        tuple(np.percentile(sign * (samples[1] - samples[0]), [2.5, 97.5]))
    )


def test_a_single_seed_has_no_test_over_seeds():
    score = comparison_scores.Score(
        "accuracy", np.array([0.5]), np.array([0.4, 0.6])
    )
    gain = comparison_scores.compare(score, score)
    assert (gain.mean, gain.interval) == (0, (0, 0))
    assert math.isnan(gain.p_value)
    assert all(map(math.isnan, gain.seed_interval))


@pytest.mark.parametrize(("difference", "p_value"), [(0.0, 1), (0.25, 0)])
def test_equal_differences_have_no_spread(difference, p_value):
    baseline = comparison_scores.Score(
        "accuracy", np.array([0.5, 0.25]), np.zeros(2)
    )
    model = comparison_scores.Score(
        "accuracy", baseline.by_seed + difference, np.zeros(2) + difference
    )
    gain = comparison_scores.compare(baseline, model)
    assert gain.p_value == p_value
    assert gain.seed_interval == (difference, difference)


def make_runs(gold, predicted, metric="accuracy"):
    labels = ("a", "b", "c")
    correct = (predicted == gold).mean(axis=-1)
    return comparison_scores._TaskRuns(
        tasks_lib.Task("books", labels, metric),
        gold,
        np.array([""] * len(gold)),
        predicted,
        [[{"accuracy": x} for x in of_model] for of_model in correct],
    )


def test_samples_draw_seeds_and_texts():
    random = np.random.default_rng(0)
    gold = random.integers(3, size=400)
    # Seeds of the second model are right on 50, 60 and 70 % of the texts.
    predicted = np.stack([np.stack([gold] * 3)] * 2)
    for seed, share in enumerate((0.5, 0.6, 0.7)):
        wrong = random.permutation(400)[: round(400 * (1 - share))]
        predicted[1, seed, wrong] = (predicted[1, seed, wrong] + 1) % 3
    drawn = random.integers(3, size=(2000, 3))
    perfect, model = make_runs(gold, predicted).scores(
        "accuracy", (0, 1), drawn
    )
    assert perfect.by_seed.tolist() == [1, 1, 1]
    assert perfect.interval == (1, 1)
    assert model.by_seed == pytest.approx([0.5, 0.6, 0.7])
    assert model.mean == pytest.approx(0.6)
    # Means over drawn seeds have the variance of a seed, 1/150, over 3; the
    # texts, whose errors are independent of the seed's, add 0.6 * 0.4 / 400
    # at most.
    variance = model.samples.var()
    assert 0.9 / 450 < variance < 1.1 * (1 / 450 + 0.24 / 400)
    assert model.samples.mean() == pytest.approx(0.6, abs=0.01)


def test_texts_are_the_same_for_all_models():
    random = np.random.default_rng(0)
    gold = random.integers(3, size=300)
    first = random.integers(3, size=300)
    second = first.copy()
    # The second model is right on exactly ten more texts.
    second[np.flatnonzero(first != gold)[:10]] = gold[
        np.flatnonzero(first != gold)[:10]
    ]
    predicted = np.stack([first, second])[:, None]
    scores = make_runs(gold, predicted).scores(
        "accuracy", (0, 0), np.zeros((1000, 1), int)
    )
    gain = comparison_scores.compare(*scores)
    assert gain.mean == pytest.approx(10 / 300)
    # Ten rows of 300, drawn with replacement: binomial.
    expected = stats.binom.ppf([0.025, 0.975], 300, 10 / 300) / 300
    assert gain.interval == pytest.approx(tuple(expected), abs=1 / 300)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
