import numpy as np
import pytest

from mtl_tf import metrics


def test_compute():
    gold = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 2, 2])
    found = metrics.compute(gold, predicted, 3)
    # Right: rows 0, 1, 3, 5 of 6.
    assert found["accuracy"] == pytest.approx(4 / 6)
    # F1 = 2 tp / (2 tp + fp + fn): label 0: 4/5, label 1: 2/4, label 2: 2/3.
    assert found["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)


def test_macro_f1_runs_over_all_declared_labels():
    gold = np.array([0, 1])
    # Labels 0 and 1 are perfect, 2 occurs nowhere and counts as 0.
    found = metrics.compute(gold, gold, 3)
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["accuracy"] == 1


def test_no_rows():
    with pytest.raises(ValueError, match="at least one row"):
        metrics.compute(np.array([]), np.array([]), 2)


def test_check_name():
    metrics.check_name("macro_f1")
    with pytest.raises(ValueError, match="the metrics are accuracy, macro_f1"):
        metrics.check_name("f1")


def test_higher_is_better_for_all_of_them():
    assert not any(x.lower_is_better for x in metrics.METRICS.values())


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
