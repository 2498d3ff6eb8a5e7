import numpy as np
import pytest
from scipy import special

from mtl_tf.metrics import calibration


def draw(rows, temperature, labels=3, seed=0):
    """Draws probabilities p, and labels from softmax(log p / temperature)."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(rows, labels))
    cumulative = special.softmax(logits / temperature, axis=1).cumsum(axis=1)
    gold = (random.random((rows, 1)) > cumulative).sum(axis=1)
    return special.softmax(logits, axis=1), gold.clip(max=labels - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_fit_recovers_the_temperature_of_the_labels(temperature):
    probabilities, gold = draw(20_000, temperature)
    actual = calibration.fit_temperature(probabilities, gold)
    assert actual == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_fits_better():
    probabilities, gold = draw(200, 1.7)

    def loss(temperature):
        log_probabilities = special.log_softmax(
            np.log(probabilities) / temperature, axis=1
        )
        return -log_probabilities[np.arange(len(gold)), gold].mean()

    actual = calibration.fit_temperature(probabilities, gold)
    losses = [loss(temperature) for temperature in np.linspace(0.1, 10, 500)]
    assert loss(actual) <= min(losses) + 1e-9


def test_temperature_is_bounded():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    actual = calibration.fit_temperature(probabilities, np.array([0, 1]))
    assert actual == pytest.approx(0.05, rel=0.01)
    actual = calibration.fit_temperature(probabilities, np.array([1, 0]))
    assert actual == pytest.approx(20, rel=0.01)


def test_scaling_of_a_worked_example():
    # T = 0.5 squares: 0.8² : 0.2² = 16 : 1. T = 2 takes roots: 2 : 1.
    p = np.array([[0.8, 0.2]])
    np.testing.assert_allclose(
        calibration.scale(p, 0.5), [[16 / 17, 1 / 17]], rtol=1e-12
    )
    np.testing.assert_allclose(
        calibration.scale(p, 2.0), [[2 / 3, 1 / 3]], rtol=1e-12
    )
    np.testing.assert_allclose(calibration.scale(p, 1.0), p, rtol=1e-12)


def test_zero_probabilities_stay_finite():
    p = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    scaled = calibration.scale(p, 3.0)
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    # One of three is wrong: the loss of every temperature is finite.
    actual = calibration.fit_temperature(p, np.array([0, 1, 1]))
    assert np.isfinite(actual)
    assert actual > 1


def test_bins_of_a_worked_example():
    # Two bins, (0, 0.5] and (0.5, 1]: 0.5 belongs to the first.
    p = np.array([[0.5, 0.5], [0.6, 0.4], [0.3, 0.7], [1.0, 0.0]])
    gold = np.array([1, 0, 0, 0])
    actual = calibration.reliability(p, gold, bins=2)
    # argmax of a tie is the first label: row 0 is wrong.
    np.testing.assert_array_equal(actual.count, [1, 3])
    np.testing.assert_allclose(actual.confidence, [0.5, (0.6 + 0.7 + 1) / 3])
    np.testing.assert_allclose(actual.accuracy, [0, 2 / 3])
    # 1/4 · |0 - 0.5| + 3/4 · |2/3 - 2.3/3| = 0.125 + 0.075
    error = calibration.expected_calibration_error(p, gold, bins=2)
    assert error == pytest.approx(0.2)


def test_empty_bins_are_nan_and_do_not_count():
    p = np.array([[0.95, 0.05], [0.97, 0.03]])
    actual = calibration.reliability(p, np.array([0, 0]))
    assert actual.count.tolist() == [0] * 14 + [2]
    assert np.isnan(actual.accuracy[:-1]).all()
    assert np.isnan(actual.confidence[:-1]).all()
    error = calibration.expected_calibration_error(p, np.array([0, 0]))
    assert error == pytest.approx(1 - 0.96)


def test_error_equals_a_loop_over_rows():
    p, gold = draw(500, 2.0, seed=3)
    bins = {}
    for row, label in zip(p, gold, strict=True):
        index = next(m for m in range(1, 16) if row.max() <= m / 15 + 1e-15)
        bins.setdefault(index, []).append((row.max(), row.argmax() == label))
    expected = 0
    for rows in bins.values():
        confidence, correct = np.mean(rows, axis=0)
        expected += len(rows) / 500 * abs(correct - confidence)
    error = calibration.expected_calibration_error(p, gold)
    assert error == pytest.approx(expected)


def test_fitted_temperature_lowers_the_error():
    p, gold = draw(5000, 2.5)
    scaled = calibration.scale(p, calibration.fit_temperature(p, gold))
    before = calibration.expected_calibration_error(p, gold)
    assert before > 0.1
    assert calibration.expected_calibration_error(scaled, gold) < before / 4


def test_reliability_from_confidence_of_several_tasks():
    actual = calibration.reliability_from_confidence(
        np.array([0.3, 0.9]), np.array([False, True]), bins=3
    )
    assert actual.count.tolist() == [1, 0, 1]
    assert actual.accuracy[[0, 2]].tolist() == [0, 1]


@pytest.mark.parametrize(
    "function",
    [
        calibration.fit_temperature,
        calibration.reliability,
        calibration.expected_calibration_error,
    ],
)
def test_no_rows_are_an_error(function):
    with pytest.raises(ValueError, match="at least one row"):
        function(np.zeros((0, 2)), np.zeros(0, int))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
