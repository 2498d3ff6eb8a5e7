"""Predictions and their scores, without a model."""

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
    scores = predictions_lib.score(predictions, np.array([0, 1, 0]), NO_GROUPS)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    # -(ln 3/4 + ln 1/2 + ln 1) / 3
    assert scores["loss"] == pytest.approx(np.log(8 / 3) / 3)
    # Probability 0 of the true label counts as float32's smallest number.
    scores = predictions_lib.score(predictions, np.array([0, 0, 1]), NO_GROUPS)
    assert 20 < scores["loss"] < 40


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
