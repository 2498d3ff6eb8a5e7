"""Predictions and their scores, without a model that made them."""

import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib

NO_GROUPS = np.full(3, "")


def test_score_by_hand():
    predictions = predictions_lib.Predictions(
        tasks_lib.Task("books", ("bad", "good")),
        np.array([[0.75, 0.25], [0.5, 0.5], [1, 0]], np.float32),
    )
    # Equal probabilities: the first label.
    assert predictions.labels == ["bad", "bad", "bad"]
    found = predictions_lib.score(predictions, np.array([0, 1, 0]), NO_GROUPS)
    assert found["accuracy"] == pytest.approx(2 / 3)
    # -(ln 3/4 + ln 1/2 + ln 1) / 3
    assert found["loss"] == pytest.approx(np.log(8 / 3) / 3)
    # An impossible label that is the true one: float32's smallest number.
    found = predictions_lib.score(predictions, np.array([0, 0, 1]), NO_GROUPS)
    assert 20 < found["loss"] < 40


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
