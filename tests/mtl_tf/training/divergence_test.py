import dataclasses
import math

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.training import divergence

TASK = tasks_lib.Task("films", ("bad", "fair", "good"), "accuracy")
CONFIG = config_lib.Config(learning_rate=5.0, clip_norm=0.5)
LN_3 = 1.0986122886681098


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (0.69314718, "0.6931"),
        (-12.5, "-12.5000"),
        (999.5, "999.5000"),
        (26_000_000.0, "2.6e+07"),
        (3.14159e31, "3.142e+31"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_loss_is_formatted_in_few_characters(loss, text):
    assert divergence.format_loss(loss) == text


@dataclasses.dataclass
class Split:
    """The labels of some rows."""

    labels: np.ndarray

    def __len__(self):
        return len(self.labels)


def predictions(predicted, labels):
    split = Split(np.array(labels))
    return predictions_lib.SplitPredictions(
        TASK, np.eye(3)[predicted], split, {}, 0.5
    )


def history(*losses):
    """Makes one line per loss; the loss of another task is low."""
    return [
        {"dev": {"tasks": {"films": {"loss": x}, "books": {"loss": 0.1}}}}
        for x in losses
    ]


WELL = {predictions_lib.MAIN: predictions([0, 1, 2, 0], [0, 1, 2, 1])}


@pytest.mark.parametrize(
    "losses",
    [
        (LN_3 - 1e-3,),
        # One good epoch is enough: the best one is kept.
        (26_000_000.0, 0.5, 3e31),
        # The loss of a guess, up to rounding.
        (LN_3 * (1 + 1e-8),),
        (),
    ],
)
def test_good_run_has_no_warnings(losses):
    assert divergence.find(CONFIG, TASK, history(*losses), WELL) == []


def test_loss_above_that_of_a_guess_is_a_warning(caplog):
    (sign,) = divergence.find(CONFIG, TASK, history(3e31, 26_000_000.0), WELL)
    logged = [(x.levelname, x.getMessage()) for x in caplog.records]
    assert logged == [("WARNING", sign)]
    assert sign == (
        "films: the dev loss was never below ln(3) = 1.0986, the loss of a "
        "guess; the lowest was 2.6e+07. Training diverged, or has learned "
        "nothing: lower learning_rate (now 5), or limit gradients with "
        "clip_norm (now 0.5)"
    )


def test_loss_of_a_guess_depends_on_the_number_of_labels():
    # Above ln 2, and below ln 3.
    two = tasks_lib.Task("films", ("no", "yes"))
    well = {predictions_lib.MAIN: predictions([0, 1, 0], [0, 1, 1])}
    assert divergence.find(CONFIG, TASK, history(0.9), well) == []
    (sign,) = divergence.find(CONFIG, two, history(0.9), well)
    assert "ln(2) = 0.6931" in sign


def test_constant_predictions_are_a_warning():
    dev = {
        predictions_lib.MAIN: predictions([2, 2, 2], [0, 1, 2]),
        predictions_lib.LABEL_TRANSFER: predictions([0, 0, 0], [0, 1, 2]),
    }
    main, transfer = divergence.find(CONFIG, TASK, history(1.0), dev)
    assert main == (
        "films: all 3 dev rows are predicted to be 'good'. Train for longer "
        "(epochs, patience), change learning_rate (now 5), or, where this "
        "label is the most frequent one, set class_weights=balanced (now none)"
    )
    assert "predicted (label_transfer) to be 'bad'" in transfer


def test_constant_predictions_for_constant_labels_are_no_warning():
    dev = {predictions_lib.MAIN: predictions([1, 1], [1, 1])}
    assert divergence.find(CONFIG, TASK, history(0.5), dev) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(
        FloatingPointError,
        match=rf"^loss/task is {value} before step 7\..*\(now 5\.0\)",
    ):
        divergence.check_finite(
            CONFIG, 7, {"loss/total": 1, "loss/task": value}
        )
    divergence.check_finite(CONFIG, 7, {"loss/total": 1.0})


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
