import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mtl_tf.metrics import classification

STANCE = ("against", "favor", "none")
# In the order of its files.
FNC = ("unrelated", "discuss", "agree", "disagree")
FIVE = ("-2", "-1", "0", "1", "2")


def draw(labels, rows=200, topics=7, seed=0):
    """Draws gold, predicted (60 % correct) and topics; some labels are rare."""
    random = np.random.default_rng(seed)
    shares = np.arange(1, labels + 1) / np.arange(1, labels + 1).sum()
    gold = random.choice(labels, rows, p=shares)
    wrong = random.integers(labels, size=rows)
    predicted = np.where(random.random(rows) < 0.6, gold, wrong)
    return gold, predicted, random.integers(topics, size=rows).astype(str)


def score(metric, labels, gold, predicted, topics=None):
    gold, predicted = np.array(gold), np.array(predicted)
    topics = None if topics is None else np.array(topics)
    return classification.compute(metric, labels, gold, predicted, topics)[
        metric
    ]


def test_accuracy_and_macro_f1_by_hand():
    gold = np.array([0, 0, 1, 1, 2])
    predicted = np.array([0, 1, 1, 1, 1])
    actual = classification.compute(
        "accuracy", ("a", "b", "c"), gold, predicted
    )
    assert actual["accuracy"] == pytest.approx(3 / 5)
    # F1: 2 * 1 * 0.5 / 1.5, 2 * 0.5 * 1 / 1.5, 0 (label 2 is never predicted).
    assert actual["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_labels_without_rows_have_f1_zero():
    """The macro average is over declared labels, not over those in the data."""
    gold = np.array([0, 1, 0, 1])
    actual = classification.compute("macro_f1", ("a", "b", "c"), gold, gold)
    assert actual == {
        "accuracy": 1.0,
        "macro_f1": pytest.approx(2 / 3),
    }


def without_a_label(gold, predicted):
    """Removes label 0 from gold, and label 4 from the predictions."""
    gold, predicted = np.maximum(gold, 1), np.minimum(predicted, 3)
    return gold, predicted


def mae_of_labels(gold, predicted):
    """Averages scikit-learn's mean absolute error over labels in gold."""
    return np.mean(
        [
            sklearn_metrics.mean_absolute_error(
                gold[gold == label], predicted[gold == label]
            )
            for label in np.unique(gold)
        ]
    )


def recall_of_labels(gold, predicted):
    return sklearn_metrics.recall_score(
        gold, predicted, labels=np.unique(gold), average="macro"
    )


def over_topics(function, gold, predicted, topics):
    return np.mean(
        [
            function(gold[topics == topic], predicted[topics == topic])
            for topic in np.unique(topics)
        ]
    )


@pytest.mark.parametrize("change", [None, without_a_label])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_those_of_scikit_learn(change, seed):
    gold, predicted, topics = draw(5, seed=seed)
    if change:
        gold, predicted = change(gold, predicted)
    actual = classification.compute(
        "macro_recall", FIVE, gold, predicted, topics
    )
    actual |= classification.compute("macro_mae", FIVE, gold, predicted, topics)
    assert actual == {
        "accuracy": sklearn_metrics.accuracy_score(gold, predicted),
        "macro_f1": pytest.approx(
            sklearn_metrics.f1_score(
                gold,
                predicted,
                labels=range(5),
                average="macro",
                zero_division=0,
            )
        ),
        "macro_recall": pytest.approx(recall_of_labels(gold, predicted)),
        "macro_recall_by_topic": pytest.approx(
            over_topics(recall_of_labels, gold, predicted, topics)
        ),
        "macro_mae": pytest.approx(mae_of_labels(gold, predicted)),
        "macro_mae_by_topic": pytest.approx(
            over_topics(mae_of_labels, gold, predicted, topics)
        ),
    }
    # The data tells the metrics apart.
    assert len({f"{value:.6f}" for value in actual.values()}) == 6


def test_recall_by_topic_by_hand():
    labels = ("negative", "positive")
    # Topic a: recall 1/2 and 1. Topic b has one label in gold, of recall 2/3;
    # the other label, which is only predicted, does not count. Topic c: 0.
    gold = [0, 0, 1, 1, 1, 1, 0]
    predicted = [0, 1, 1, 1, 1, 0, 1]
    topics = ["a", "a", "a", "b", "b", "b", "c"]
    assert score(
        "macro_recall_by_topic", labels, gold, predicted, topics
    ) == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)
    # Over all rows: recall 1/3 of negative, 3/4 of positive.
    assert score("macro_recall", labels, gold, predicted) == pytest.approx(
        (1 / 3 + 3 / 4) / 2
    )


def test_mae_by_hand():
    # -2: off by 0 and 4; 0: off by 1; 1: off by 0. None of -1 and 2.
    gold, predicted = [0, 0, 2, 3], [0, 4, 1, 3]
    expected = ((0 + 4) / 2 + 1 + 0) / 3
    assert score("macro_mae", FIVE, gold, predicted) == pytest.approx(expected)
    # Topic x: (0/1 + 1/1) / 2, y: (4/1 + 0/1) / 2.
    topics = ["x", "y", "x", "y"]
    assert score(
        "macro_mae_by_topic", FIVE, gold, predicted, topics
    ) == pytest.approx((1 / 2 + 2) / 2)
    # The middle of five labels is off by 6/5, whatever their rows.
    gold = np.repeat(range(5), [1, 9, 4, 20, 2])
    assert score("macro_mae", FIVE, gold, gold * 0 + 2) == pytest.approx(6 / 5)


def test_labels_are_ordered_as_declared():
    """The mean absolute error depends on label positions, not on names."""
    assert score("macro_mae", ("2", "-1", "0"), [0, 0], [2, 1]) == 1.5


def test_f1_of_favor_and_against():
    gold, predicted, _ = draw(3)
    expected = sklearn_metrics.f1_score(
        gold, predicted, labels=[0, 1], average="macro"
    )
    assert score("favor_against_f1", STANCE, gold, predicted) == pytest.approx(
        expected
    )
    # In any order of the labels.
    reordered = ("none", "favor", "against")
    assert score(
        "favor_against_f1", reordered, 2 - gold, 2 - predicted
    ) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("favor_against_f1", STANCE),
        ("fnc_score", ("agree", "disagree", "discuss", "unrelated")),
    ],
)
def test_labels_of_a_metric_may_be_in_capitals(metric, labels):
    # SemEval-2016 spells FAVOR, AGAINST and NONE.
    gold = np.array([0, 1, 2, 0, 1, 2])
    predicted = np.array([0, 1, 1, 2, 1, 0])
    capitals = tuple(label.upper() for label in labels)
    expected = score(metric, labels, gold, predicted)
    assert score(metric, capitals, gold, predicted) == expected


def test_f1_of_favor_and_against_by_hand():
    # As eval.pl computes it: precision and recall of favor are 1/2 and 1, those
    # of against 1 and 1/2.
    gold, predicted = [0, 0, 1, 2, 2], [0, 2, 1, 1, 2]
    assert score("favor_against_f1", STANCE, gold, predicted) == pytest.approx(
        2 / 3
    )
    # Never predicted: 0.
    assert score(
        "favor_against_f1", STANCE, gold, [1, 1, 1, 1, 1]
    ) == pytest.approx((2 * 1 / (5 + 1)) / 2)
    assert score("favor_against_f1", STANCE, [2], [2]) == 0


def official_fnc_score(gold, predicted):
    """Counts points row by row, by the rules of FNC-1."""
    points = 0.0
    for true, guess in zip(gold, predicted, strict=True):
        if true == guess:
            points += 0.25
            if true != "unrelated":
                points += 0.5
        if "unrelated" not in (true, guess):
            points += 0.25
    return points


def test_fnc_score_equals_the_official_score():
    gold, predicted, _ = draw(4)
    names = [[FNC[x] for x in column] for column in (gold, predicted)]
    best = official_fnc_score(names[0], names[0])
    assert score("fnc_score", FNC, gold, predicted) == pytest.approx(
        official_fnc_score(*names) / best
    )


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        # All correct; wrong label of related rows; related for unrelated.
        ([0, 1, 2, 3], [0, 1, 2, 3], 1),
        ([1, 2, 3], [2, 3, 1], 0.25),
        ([0, 0], [1, 2], 0),
        ([1, 2], [0, 0], 0),
        # 1/4 of 1/4; 1/4 of 1/4 + 1/4
        ([0], [0], 1),
        ([0, 0], [0, 3], 0.5),
        # 1/4 + 1 of 1/4 + 1 + 1
        ([0, 1, 2], [0, 1, 0], 1.25 / 2.25),
    ],
)
def test_fnc_score_by_hand(gold, predicted, expected):
    assert score("fnc_score", FNC, gold, predicted) == pytest.approx(expected)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("metric", classification.METRICS)
def test_one_row(metric, correct):
    labels = ("favor", "against", "unrelated")
    actual = score(metric, labels, [0], [0 if correct else 2], ["x"])
    worst = 2 if "mae" in metric else 0
    # Only one of the three (or two) averaged labels has rows.
    best = {"macro_f1": 1 / 3, "favor_against_f1": 1 / 2}.get(metric, 1)
    best = 0 if "mae" in metric else best
    assert actual == pytest.approx(best if correct else worst)


@pytest.mark.parametrize("metric", classification.METRICS)
def test_weighted_rows_are_scored_as_repeated_rows(metric):
    labels = ("favor", "against", "unrelated")
    gold, predicted, _ = draw(3, 60)
    topics = np.random.default_rng(1).integers(4, size=60)
    random = np.random.default_rng(2)
    # In the second sample topic 3 has no rows; in the last, rows repeat.
    weights = [np.ones(60, int), topics < 3, random.integers(4, size=60)]
    actual = classification.score(
        metric, labels, gold, predicted, np.array([weights], float), topics
    )
    samples = [np.repeat(np.arange(60), times) for times in weights]
    expected = [
        score(
            metric,
            labels,
            gold[rows],
            predicted[rows],
            topics[rows].astype(str),
        )
        for rows in samples
    ]
    np.testing.assert_allclose(actual, [expected])


@pytest.mark.parametrize("seed", range(20))
def test_random_data_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    labels, rows, topics = random.integers([2, 1, 1], [40, 120, 50])
    gold, predicted = random.integers(labels, size=(2, rows))
    predicted = np.where(random.random(rows) < 0.5, gold, predicted)
    topics = random.integers(topics, size=rows).astype(str)
    names = [f"label {index}" for index in range(labels)]
    f1 = sklearn_metrics.f1_score(
        gold, predicted, labels=range(labels), average="macro", zero_division=0
    )
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(gold, predicted),
        "macro_f1": f1,
        "macro_recall": recall_of_labels(gold, predicted),
        "macro_recall_by_topic": over_topics(
            recall_of_labels, gold, predicted, topics
        ),
        "macro_mae": mae_of_labels(gold, predicted),
        "macro_mae_by_topic": over_topics(
            mae_of_labels, gold, predicted, topics
        ),
    }
    for name, value in expected.items():
        actual = score(name, names, gold, predicted, topics)
        assert actual == pytest.approx(value, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize(
    ("metric", "labels", "topics", "expected"),
    [
        ("accuracy", ("a", "b"), True, []),
        ("macro_f1", ("a", "b"), False, []),
        ("macro_recall", ("a", "b"), False, ["macro_recall"]),
        (
            "macro_recall",
            ("a", "b"),
            True,
            ["macro_recall", "macro_recall_by_topic"],
        ),
        (
            "macro_mae_by_topic",
            ("a", "b"),
            True,
            ["macro_mae", "macro_mae_by_topic"],
        ),
        ("favor_against_f1", STANCE, True, ["favor_against_f1"]),
        ("accuracy", FNC, True, ["fnc_score"]),
        ("fnc_score", FNC, False, ["fnc_score"]),
        ("accuracy", (*FNC, "more"), False, []),
        ("fnc_score", ("unrelated", "agree"), False, ["fnc_score"]),
    ],
)
def test_reported_metrics(metric, labels, topics, expected):
    assert classification.reported_metrics(metric, labels, topics) == [
        "accuracy",
        "macro_f1",
        *expected,
    ]
    gold = np.arange(len(labels))
    topic_of_row = np.full(len(labels), "x") if topics else None
    actual = classification.compute(metric, labels, gold, gold, topic_of_row)
    assert list(actual) == ["accuracy", "macro_f1", *expected]
    assert all(type(value) is float for value in actual.values())


def test_metrics_by_topic_need_topics_of_all_rows():
    rows = np.array([0, 1])
    actual = classification.compute(
        "macro_recall", ("a", "b"), rows, rows, np.array(["x", ""])
    )
    assert "macro_recall_by_topic" not in actual


def test_topics_may_be_bytes():
    gold, predicted, topics = draw(5)
    names = np.array([topic.encode() for topic in topics], object)
    assert score(
        "macro_mae_by_topic", FIVE, gold, predicted, names
    ) == pytest.approx(over_topics(mae_of_labels, gold, predicted, topics))


def test_a_score_needs_rows():
    with pytest.raises(ValueError, match="at least one row"):
        classification.compute(
            "accuracy", ("a", "b"), np.array([]), np.array([])
        )


@pytest.mark.parametrize(
    ("topics", "row"), [(None, 0), (["x", "x", ""], 2), (["", "x", ""], 0)]
)
def test_a_metric_by_topic_needs_topics(topics, row):
    message = (
        f"row {row} has no group, which the metric macro_mae_by_topic uses as "
        "the topic; macro_mae does not need one"
    )
    with pytest.raises(ValueError, match=message):
        score("macro_mae_by_topic", FIVE, [0, 1, 2], [0, 1, 2], topics)


def test_check_topics_names_the_row():
    topics = np.array([b"x", b""], object)
    ids = np.array([b"t-1", b"t-2"], object)
    classification.check_topics("macro_recall", topics, ids)
    classification.check_topics("macro_recall_by_topic", topics[:1], ids[:1])
    with pytest.raises(ValueError, match="row t-2 has no group"):
        classification.check_topics("macro_recall_by_topic", topics, ids)


def test_lower_is_better_only_for_errors():
    lower = {k for k, v in classification.METRICS.items() if v.lower_is_better}
    assert lower == {"macro_mae", "macro_mae_by_topic"}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
