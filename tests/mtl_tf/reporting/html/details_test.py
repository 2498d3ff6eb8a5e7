import itertools

import numpy as np
import pytest

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
        {name: np.array(values) for name, values in counts.items()},
    )


def certain(gold, predicted):
    return make_predictions(gold, np.eye(3)[predicted])


def test_labels_of_a_worked_example():
    # no: 3 rows, 2 right; maybe: none; yes: 2 rows, 1 right.
    found = details.labels(certain([0, 0, 0, 2, 2], [0, 0, 2, 2, 0]), TASK)
    assert [label.name for label in found] == ["no", "maybe", "yes"]
    assert [label.counts for label in found] == [[2, 0, 1], [0] * 3, [1, 0, 1]]
    for name in ("precision", "recall", "f1"):
        first, nowhere, last = (getattr(label, name) for label in found)
        assert (first, last) == pytest.approx((2 / 3, 0.5))
        # As macro F1 counts it, over all labels of a task.
        assert nowhere == (0 if name == "f1" else None)
    assert found[0].shares == pytest.approx([2 / 3, 0, 1 / 3])
    assert found[1].shares == [0, 0, 0]


def test_of_many_labels_the_most_frequent_and_all_others():
    task = tasks_lib.Task("t", tuple(f"label {n}" for n in range(50)))
    # Label n is true of n rows; all of label 49 are taken for label 2, and
    # one of label 3 for label 49.
    gold = np.repeat(np.arange(50), np.arange(50))
    predicted = np.where(gold == 49, 2, gold)
    predicted[np.flatnonzero(gold == 3)[0]] = 49
    probabilities = np.eye(50)[predicted]
    found = details.labels(make_predictions(gold, probabilities), task)
    assert [label.name for label in found] == [
        *(f"label {n}" for n in range(30, 50)),
        "other (30)",
    ]
    assert found[0].counts == [30] + [0] * 20
    assert (found[0].precision, found[0].recall, found[0].f1) == (1, 1, 1)
    assert found[19].counts == [0] * 20 + [49]
    assert (found[19].precision, found[19].recall, found[19].f1) == (0, 0, 0)
    # 0 + ... + 29 rows.
    assert found[20].counts == [0] * 19 + [1, 434]
    assert found[20].precision is found[20].recall is found[20].f1 is None


def draw(rows, seed):
    """Rows of a model that is far too sure of itself."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(rows, 3))
    honest = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gold = (random.random((rows, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    return make_predictions(gold, calibration.scale(honest, 0.5))


def test_the_temperature_is_fitted_on_dev_and_used_on_test():
    dev, test = draw(3000, 0), draw(2000, 1)
    found = details.calibrate("t", dev, test)
    assert found.temperature == pytest.approx(2, rel=0.1)
    assert found.temperature == calibration.fit_temperature(
        dev.probabilities, dev.gold
    )
    assert found.accuracy == pytest.approx(np.mean(test.predicted == test.gold))
    assert found.confidence == pytest.approx(
        test.probabilities.max(axis=1).mean()
    )
    assert found.error > 0.1
    assert found.scaled_error < 0.04
    assert found.error == calibration.expected_calibration_error(
        test.probabilities, test.gold
    )
    assert len(found.correct) == len(found.raw) == len(found.scaled) == 2000
    assert (found.scaled < found.raw).mean() > 0.99


def test_reading_of_a_worked_example():
    predictions = make_predictions(
        [0] * 3,
        np.eye(3)[[0] * 3],
        tokens=[10, 30, 20],
        unknown=[1, 5, 0],
        cut=[0, 7, 1],
    )
    found = details.reading("t", "dev", predictions)
    assert found == details.Reading("t", "dev", 3, 20.0, 0.1, 2 / 3)


def test_accuracy_by_length_of_a_worked_example():
    predictions = make_predictions(
        [0] * 8,
        np.eye(3)[[0, 1, 0, 0, 1, 1, 0, 1]],
        tokens=[1, 50, 2, 3, 40, 20, 9, 9],
    )
    # By length: 1 2 | 3 | 9 9 20 | 40 50. Both 9 are in the second half, and
    # one of them is right.
    assert details.by_length(predictions) == [
        details.LengthGroup(1, 2, 2, 1.0),
        details.LengthGroup(3, 3, 1, 1.0),
        details.LengthGroup(9, 20, 3, pytest.approx(1 / 3)),
        details.LengthGroup(40, 50, 2, 0.0),
    ]


def test_different_lengths_make_quarters():
    random = np.random.default_rng(0)
    tokens = random.permutation(np.arange(1, 401))
    predictions = make_predictions(
        [0] * 400, np.eye(3)[random.integers(2, size=400)], tokens=tokens
    )
    correct = predictions.correct[np.argsort(tokens)].reshape(4, 100)
    assert details.by_length(predictions) == [
        details.LengthGroup(
            100 * quarter + 1, 100 * (quarter + 1), 100, accuracy
        )
        for quarter, accuracy in enumerate(correct.mean(axis=1))
    ]


@pytest.mark.parametrize(
    "tokens",
    [[7] * 9, [7] * 8 + [8], [1] + [7] * 30, [3, 4] * 20, [0, 1, 1, 2, 2, 2]],
)
def test_no_length_stands_in_two_groups(tokens):
    predictions = make_predictions(
        [0] * len(tokens), np.eye(3)[[0] * len(tokens)], tokens=tokens
    )
    groups = details.by_length(predictions)
    for first, second in itertools.pairwise(groups):
        assert first.longest < second.shortest
    assert [groups[0].shortest, groups[-1].longest] == [
        min(tokens),
        max(tokens),
    ]
    assert sum(group.texts for group in groups) == len(tokens)


def test_fewer_texts_than_groups():
    predictions = make_predictions([0], [[1, 0, 0]], tokens=[5])
    assert details.by_length(predictions) == [details.LengthGroup(5, 5, 1, 1.0)]


def test_mistakes_are_the_surest_wrong_answers():
    predictions = make_predictions(
        [0, 0, 0, 2, 0],
        [
            [0.1, 0.6, 0.3],  # wrong
            [0.9, 0.1, 0.0],  # right
            [0.0, 0.1, 0.9],  # wrong, the worst
            [0.0, 0.0, 1.0],  # right
            [0.2, 0.7, 0.1],  # wrong
        ],
    )
    found = details.mistakes(predictions, TASK, 2)
    assert found == [
        details.Example("t", "t-2", "no", [details.Answer("yes", 0.9, False)]),
        details.Example(
            "t", "t-4", "no", [details.Answer("maybe", 0.7, False)]
        ),
    ]
    assert len(details.mistakes(predictions, TASK)) == 3
    assert details.mistakes(certain([0, 1], [0, 1]), TASK) == []


def test_disagreements_are_where_one_is_right_and_one_is_wrong():
    first = make_predictions(
        [0, 0, 0, 0],
        [[0.9, 0.1, 0], [0.6, 0.4, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]],
    )
    second = make_predictions(
        [0, 0, 0, 0],
        [[0.1, 0.1, 0.8], [0.4, 0.6, 0], [0.4, 0.6, 0], [0.6, 0.4, 0]],
    )
    found = details.disagreements([[first], [second]], TASK)
    assert [round(apart, 6) for apart, _ in found] == [0.8, 0.2]
    # Of the third, both are wrong; of the fourth, both are right.
    assert [example.id for _, example in found] == ["t-0", "t-1"]
    assert found[0][1].answers == [
        details.Answer("no", 0.9, True),
        details.Answer("yes", 0.8, False),
    ]
    assert details.disagreements([[first], [second]], TASK, 1) == found[:1]


def test_seeds_answer_by_their_mean_probabilities():
    one = make_predictions([0], [[0.9, 0.1, 0.0]])
    other = make_predictions([0], [[0.2, 0.8, 0.0]])
    wrong = make_predictions([0], [[0.0, 0.3, 0.7]])
    ((apart, example),) = details.disagreements([[one, other], [wrong]], TASK)
    assert apart == pytest.approx(0.55)
    answer = example.answers[0]
    assert (answer.label, answer.correct) == ("no", True)
    assert answer.probability == pytest.approx(0.55)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
