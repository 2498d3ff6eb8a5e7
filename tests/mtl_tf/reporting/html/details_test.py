import itertools

import numpy as np
import pytest
from scipy import special

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import calibration
from mtl_tf.reporting.html import details
from mtl_tf.runs import prediction_files

TASK = tasks_lib.Task("t", ("no", "maybe", "yes"))


def make_predictions(gold, probabilities, **counts):
    probabilities = np.array(probabilities, np.float64)
    return prediction_files.SavedPredictions(
        np.array([f"t-{row}" for row in range(len(gold))]),
        np.full(len(gold), ""),
        np.array(gold),
        probabilities.argmax(axis=1),
        probabilities,
        np.zeros(len(gold), bool),
        {name: np.array(values) for name, values in counts.items()},
    )


def certain(gold, predicted):
    return make_predictions(gold, np.eye(3)[predicted])


def test_labels_of_a_worked_example():
    # no: 3 rows, 2 correct; maybe: none; yes: 2 rows, 1 correct.
    actual = details.label_scores(
        certain([0, 0, 0, 2, 2], [0, 0, 2, 2, 0]), TASK
    )
    assert [label.name for label in actual] == ["no", "maybe", "yes"]
    assert [label.counts for label in actual] == [[2, 0, 1], [0] * 3, [1, 0, 1]]
    for name in ("precision", "recall", "f1"):
        first, absent, last = (getattr(label, name) for label in actual)
        assert (first, last) == pytest.approx((2 / 3, 0.5))
        # Macro F1 counts absent labels as 0.
        assert absent == (0 if name == "f1" else None)
    assert actual[0].shares == pytest.approx([2 / 3, 0, 1 / 3])
    assert actual[1].shares == [0, 0, 0]


def test_many_labels_are_the_most_frequent_and_all_others():
    task = tasks_lib.Task("t", tuple(f"label {n}" for n in range(50)))
    # Label n has n rows. All rows of label 49 are predicted as label 2, and one
    # row of label 3 as label 49.
    gold = np.repeat(np.arange(50), np.arange(50))
    predicted = np.where(gold == 49, 2, gold)
    predicted[np.flatnonzero(gold == 3)[0]] = 49
    probabilities = np.eye(50)[predicted]
    actual = details.label_scores(make_predictions(gold, probabilities), task)
    assert [label.name for label in actual] == [
        *(f"label {n}" for n in range(10, 50)),
        "other (10)",
    ]
    assert actual[0].counts == [10] + [0] * 40
    assert (actual[0].precision, actual[0].recall, actual[0].f1) == (1, 1, 1)
    assert actual[39].counts == [0] * 40 + [49]
    assert (actual[39].precision, actual[39].recall, actual[39].f1) == (0, 0, 0)
    # 0 + ... + 9 rows.
    assert actual[40].counts == [0] * 39 + [1, 44]
    assert actual[40].precision is actual[40].recall is actual[40].f1 is None


def test_the_most_frequent_confusions():
    # Of 4 rows of no, 2 are predicted as maybe and 1 as yes; of 2 rows of yes,
    # 1 is predicted as no.
    predictions = certain([0, 0, 0, 0, 1, 2, 2], [1, 2, 1, 0, 1, 0, 2])
    actual = details.confusions(predictions, TASK)
    assert actual == [
        details.Confusion("no", "maybe", 2, 4),
        # A half is more than a quarter.
        details.Confusion("yes", "no", 1, 2),
        details.Confusion("no", "yes", 1, 4),
    ]
    assert details.confusions(predictions, TASK, count=1) == actual[:1]
    assert details.confusions(certain([0, 1], [0, 1]), TASK) == []


def draw(rows, seed):
    """Draws the predictions of an overconfident model."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, 3))
    calibrated = special.softmax(logits, axis=1)
    gold = (random.random((rows, 1)) > calibrated.cumsum(axis=1)).sum(axis=1)
    return make_predictions(gold, calibration.scale(calibrated, 0.5))


def test_the_temperature_is_fitted_on_dev_and_used_on_test():
    dev, test = draw(3000, 0), draw(2000, 1)
    actual = details.calibrate("t", dev, test)
    assert actual.temperature == pytest.approx(2, rel=0.1)
    assert actual.temperature == calibration.fit_temperature(
        dev.probabilities, dev.gold
    )
    assert actual.accuracy == pytest.approx(
        np.mean(test.predicted == test.gold)
    )
    assert actual.confidence == pytest.approx(
        test.probabilities.max(axis=1).mean()
    )
    assert actual.error > 0.1
    assert actual.scaled_error < 0.04
    assert actual.error == calibration.expected_calibration_error(
        test.probabilities, test.gold
    )
    assert len(actual.correct) == len(actual.raw) == len(actual.scaled) == 2000
    assert (actual.scaled < actual.raw).mean() > 0.99


def test_input_statistics_of_a_worked_example():
    predictions = make_predictions(
        [0] * 3,
        np.eye(3)[[0] * 3],
        tokens=[10, 30, 20],
        unknown=[1, 5, 0],
        cut=[0, 7, 1],
    )
    actual = details.input_statistics("t", "dev", predictions)
    assert actual == details.InputStatistics("t", "dev", 3, 20.0, 0.1, 2 / 3)


def test_accuracy_by_length_of_a_worked_example():
    predictions = make_predictions(
        [0] * 8,
        np.eye(3)[[0, 1, 0, 0, 1, 1, 0, 1]],
        tokens=[1, 50, 2, 3, 40, 20, 9, 9],
    )
    # By length: 1 2 | 3 | 9 9 20 | 40 50. Both texts of length 9 are in the
    # third bin, and one of them is correct.
    assert details.accuracy_by_length(predictions) == [
        details.LengthBin(1, 2, 2, 1.0),
        details.LengthBin(3, 3, 1, 1.0),
        details.LengthBin(9, 20, 3, pytest.approx(1 / 3)),
        details.LengthBin(40, 50, 2, 0.0),
    ]


def test_distinct_lengths_make_equal_bins():
    random = np.random.default_rng(0)
    tokens = random.permutation(np.arange(1, 401))
    predictions = make_predictions(
        [0] * 400, np.eye(3)[random.integers(2, size=400)], tokens=tokens
    )
    correct = predictions.correct[np.argsort(tokens)].reshape(4, 100)
    assert details.accuracy_by_length(predictions) == [
        details.LengthBin(100 * quarter + 1, 100 * (quarter + 1), 100, accuracy)
        for quarter, accuracy in enumerate(correct.mean(axis=1))
    ]


@pytest.mark.parametrize(
    "tokens",
    [[7] * 9, [7] * 8 + [8], [1] + [7] * 30, [3, 4] * 20, [0, 1, 1, 2, 2, 2]],
)
def test_texts_of_a_length_share_a_bin(tokens):
    predictions = make_predictions(
        [0] * len(tokens), np.eye(3)[[0] * len(tokens)], tokens=tokens
    )
    bins = details.accuracy_by_length(predictions)
    for first, second in itertools.pairwise(bins):
        assert first.longest < second.shortest
    assert [bins[0].shortest, bins[-1].longest] == [
        min(tokens),
        max(tokens),
    ]
    assert sum(of_bin.num_texts for of_bin in bins) == len(tokens)


def test_there_may_be_fewer_texts_than_bins():
    predictions = make_predictions([0], [[1, 0, 0]], tokens=[5])
    assert details.accuracy_by_length(predictions) == [
        details.LengthBin(5, 5, 1, 1.0)
    ]


def test_mistakes_are_the_most_confident_errors():
    predictions = make_predictions(
        [0, 0, 0, 2, 0],
        [
            [0.1, 0.6, 0.3],  # wrong
            [0.9, 0.1, 0.0],  # correct
            [0.0, 0.1, 0.9],  # wrong, the worst
            [0.0, 0.0, 1.0],  # correct
            [0.2, 0.7, 0.1],  # wrong
        ],
    )
    actual = details.mistakes(predictions, TASK, 2)
    assert actual == [
        details.Example(
            "t", "t-2", "no", [details.PredictedLabel("yes", 0.9, False)]
        ),
        details.Example(
            "t", "t-4", "no", [details.PredictedLabel("maybe", 0.7, False)]
        ),
    ]
    assert len(details.mistakes(predictions, TASK)) == 3
    assert details.mistakes(certain([0, 1], [0, 1]), TASK) == []


def test_disagreements_have_correct_and_wrong_predictions():
    first = make_predictions(
        [0, 0, 0, 0],
        [[0.9, 0.1, 0], [0.6, 0.4, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]],
    )
    second = make_predictions(
        [0, 0, 0, 0],
        [[0.1, 0.1, 0.8], [0.4, 0.6, 0], [0.4, 0.6, 0], [0.6, 0.4, 0]],
    )
    actual = details.disagreements([[first], [second]], TASK)
    assert [round(difference, 6) for difference, _ in actual] == [0.8, 0.2]
    # Both runs are wrong on the third row, and correct on the fourth.
    assert [example.id for _, example in actual] == ["t-0", "t-1"]
    assert actual[0][1].predictions == [
        details.PredictedLabel("no", 0.9, True),
        details.PredictedLabel("yes", 0.8, False),
    ]
    assert details.disagreements([[first], [second]], TASK, 1) == actual[:1]


def test_seeds_predict_by_their_mean_probabilities():
    one = make_predictions([0], [[0.9, 0.1, 0.0]])
    other = make_predictions([0], [[0.2, 0.8, 0.0]])
    wrong = make_predictions([0], [[0.0, 0.3, 0.7]])
    ((difference, example),) = details.disagreements(
        [[one, other], [wrong]], TASK
    )
    assert difference == pytest.approx(0.55)
    mean = example.predictions[0]
    assert (mean.label, mean.correct) == ("no", True)
    assert mean.probability == pytest.approx(0.55)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
