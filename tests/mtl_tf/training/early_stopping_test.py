import math

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.training import early_stopping
from mtl_tf.training.early_stopping import DevScore


def test_patience_counts_epochs_since_the_best_one():
    patience = early_stopping.Patience(2)
    assert not patience.should_stop(0, [])
    assert not patience.should_stop(1, [0.5])
    assert patience.should_stop(2, [0.5, 0.5])
    assert patience.should_stop(3, [0.5, 0.5, 0.5])


def test_patience_prefers_higher_scores_and_breaks_ties_by_loss():
    is_best = early_stopping.Patience(1).is_best
    best = DevScore(0.5, 0.7)
    assert is_best(DevScore(0.6, 0.9), best)
    assert not is_best(DevScore(0.4, 0.1), best)
    assert is_best(DevScore(0.5, 0.6), best)
    assert not is_best(best, best)
    assert not is_best(DevScore(0.5, 0.8), best)


def test_first_epoch_is_the_best_one_so_far():
    first = DevScore(-2.0, 30.0)
    assert early_stopping.Patience(1).is_best(
        first, DevScore(-math.inf, math.inf)
    )


@pytest.mark.parametrize(
    ("patience", "accuracies", "stops"),
    [
        (1, [], False),
        (1, [0.5], False),
        (1, [0.5, 0.5], False),
        (1, [0.5, 0.4], True),
        (2, [0.5, 0.4], False),
        (2, [0.5, 0.7, 0.5], False),
        (2, [0.5, 0.7, 0.4], True),
    ],
)
def test_drop_compares_accuracy_with_that_of_patience_epochs_ago(
    patience, accuracies, stops
):
    assert (
        early_stopping.AccuracyDrop(patience).should_stop(9, accuracies)
        == stops
    )


def test_drop_keeps_the_last_epoch():
    best = DevScore(0.9, 0.1)
    assert early_stopping.AccuracyDrop(1).is_best(DevScore(0.1, 2.0), best)


@pytest.mark.parametrize(
    "criterion", [early_stopping.Patience, early_stopping.AccuracyDrop]
)
def test_patience_of_zero_never_stops(criterion):
    assert not criterion(0).should_stop(100, [0.9, 0.1])


def test_settings_choose_the_criterion():
    config = config_lib.Config(stopping="patience", patience=3)
    patience = early_stopping.make(config)
    assert isinstance(patience, early_stopping.Patience)
    assert patience.should_stop(3, [])
    assert not patience.should_stop(2, [])
    config = config_lib.Config(stopping="drop", patience=1)
    drop = early_stopping.make(config)
    assert isinstance(drop, early_stopping.AccuracyDrop)
    assert drop.should_stop(0, [0.5, 0.4])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
