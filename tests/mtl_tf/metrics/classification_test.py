import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from mtl_tf.metrics import classification

STANCE = ("against", "favor", "none")
# As its files have them.
FNC = ("unrelated", "discuss", "agree", "disagree")
FIVE = ("-2", "-1", "0", "1", "2")


def draw(labels, rows=200, topics=7, seed=0):
    """Gold, predicted (60 % right) and topics; some labels are rare."""
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
    found = classification.compute("accuracy", ("a", "b", "c"), gold, predicted)
    assert found["accuracy"] == pytest.approx(3 / 5)
    # F1: 2 * 1 * 0.5 / 1.5, 2 * 0.5 * 1 / 1.5, 0 (label 2 is never predicted).
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_a_label_that_is_nowhere_counts_as_zero():
    """The macro average runs over declared labels, not over seen ones."""
    gold = np.array([0, 1, 0, 1])
    found = classification.compute("macro_f1", ("a", "b", "c"), gold, gold)
    assert found == {
        "accuracy": 1.0,
        "macro_f1": pytest.approx(2 / 3),
    }


# The data: label 4 of five is never predicted, and label 0 is not in gold.
def without_a_label(gold, predicted):
    gold, predicted = np.maximum(gold, 1), np.minimum(predicted, 3)
    return gold, predicted


def mae_of_labels(gold, predicted):
    """Mean over labels in gold of scikit-learn's mean absolute error."""
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
def test_as_scikit_learn_has_them(change, seed):
    gold, predicted, topics = draw(5, seed=seed)
    if change:
        gold, predicted = change(gold, predicted)
    found = classification.compute(
        "macro_recall", FIVE, gold, predicted, topics
    )
    found |= classification.compute("macro_mae", FIVE, gold, predicted, topics)
    assert found == {
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
    # The averages are not the same thing.
    assert len({f"{value:.6f}" for value in found.values()}) == 6


def test_recall_by_topic_by_hand():
    labels = ("negative", "positive")
    # Topic a: recall 1/2 and 1. b has one label alone, of recall 2/3; that
    # the other one is predicted there adds no label. c: 0.
    gold = [0, 0, 1, 1, 1, 1, 0]
    predicted = [0, 1, 1, 1, 1, 0, 1]
    topics = ["a", "a", "a", "b", "b", "b", "c"]
    assert score(
        "macro_recall_by_topic", labels, gold, predicted, topics
    ) == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)
    # Pooled: 1/3 of the negative, 3/4 of the positive.
    assert score("macro_recall", labels, gold, predicted) == pytest.approx(
        (1 / 3 + 3 / 4) / 2
    )


def test_mae_by_hand():
    # -2: off by 0 and 4; 0: off by 1; 1: off by 0. None of -1 and 2.
    gold, predicted = [0, 0, 2, 3], [0, 4, 1, 3]
    wanted = ((0 + 4) / 2 + 1 + 0) / 3
    assert score("macro_mae", FIVE, gold, predicted) == pytest.approx(wanted)
    # Topic x: (0/1 + 1/1) / 2, y: (4/1 + 0/1) / 2.
    topics = ["x", "y", "x", "y"]
    assert score(
        "macro_mae_by_topic", FIVE, gold, predicted, topics
    ) == pytest.approx((1 / 2 + 2) / 2)
    # Whatever the numbers of rows, always the middle is off by 6/5 of five.
    gold = np.repeat(range(5), [1, 9, 4, 20, 2])
    assert score("macro_mae", FIVE, gold, gold * 0 + 2) == pytest.approx(6 / 5)


def test_labels_are_ordered_as_declared():
    """Names do not matter to the mean absolute error, places do."""
    assert score("macro_mae", ("2", "-1", "0"), [0, 0], [2, 1]) == 1.5


def test_f1_of_favor_and_against():
    gold, predicted, _ = draw(3)
    wanted = sklearn_metrics.f1_score(
        gold, predicted, labels=[0, 1], average="macro"
    )
    assert score("favor_against_f1", STANCE, gold, predicted) == pytest.approx(
        wanted
    )
    # Wherever the two stand.
    turned = ("none", "favor", "against")
    assert score(
        "favor_against_f1", turned, 2 - gold, 2 - predicted
    ) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("favor_against_f1", STANCE),
        ("fnc_score", ("agree", "disagree", "discuss", "unrelated")),
    ],
)
def test_labels_of_a_metric_in_capitals(metric, labels):
    # As SemEval-2016 spells FAVOR, AGAINST and NONE.
    gold = np.array([0, 1, 2, 0, 1, 2])
    predicted = np.array([0, 1, 1, 2, 1, 0])
    capitals = tuple(label.upper() for label in labels)
    expected = score(metric, labels, gold, predicted)
    assert score(metric, capitals, gold, predicted) == expected


def test_f1_of_favor_and_against_by_hand():
    # Of eval.pl. favor: 1 right of 2 said, 1 in gold: 2/3; against: 1 right of
    # 1 said, 2 in gold: 2/3; what is none counts where it is taken for others.
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
    """Points as the FNC-1's rules have them, row by row."""
    points = 0.0
    for true, said in zip(gold, predicted, strict=True):
        if true == said:
            points += 0.25
            if true != "unrelated":
                points += 0.5
        if "unrelated" not in (true, said):
            points += 0.25
    return points


def test_fnc_score_is_the_official_one():
    gold, predicted, _ = draw(4)
    names = [[FNC[x] for x in column] for column in (gold, predicted)]
    best = official_fnc_score(names[0], names[0])
    assert score("fnc_score", FNC, gold, predicted) == pytest.approx(
        official_fnc_score(*names) / best
    )


@pytest.mark.parametrize(
    ("gold", "predicted", "wanted"),
    [
        # All right; of related ones the wrong one; related for unrelated.
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
def test_fnc_score_by_hand(gold, predicted, wanted):
    assert score("fnc_score", FNC, gold, predicted) == pytest.approx(wanted)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("metric", classification.METRICS)
def test_one_row(metric, correct):
    labels = ("favor", "against", "unrelated")
    found = score(metric, labels, [0], [0 if correct else 2], ["x"])
    worst = 2 if "mae" in metric else 0
    # Of three labels, or of two, one is there.
    best = {"macro_f1": 1 / 3, "favor_against_f1": 1 / 2}.get(metric, 1)
    best = 0 if "mae" in metric else best
    assert found == pytest.approx(best if correct else worst)


@pytest.mark.parametrize("metric", classification.METRICS)
def test_samples_are_scored_as_each_alone(metric):
    labels = ("favor", "against", "unrelated")
    gold, predicted, _ = draw(3, 60)
    topics = np.random.default_rng(1).integers(4, size=60)
    random = np.random.default_rng(2)
    # In the second sample topic 3 has no rows; in the last, rows repeat.
    weights = [np.ones(60, int), topics < 3, random.integers(4, size=60)]
    found = classification.score(
        metric, labels, gold, predicted, np.array([weights], float), topics
    )
    samples = [np.repeat(np.arange(60), times) for times in weights]
    wanted = [
        score(
            metric,
            labels,
            gold[rows],
            predicted[rows],
            topics[rows].astype(str),
        )
        for rows in samples
    ]
    np.testing.assert_allclose(found, [wanted])


@pytest.mark.parametrize("seed", range(20))
def test_any_labels_and_topics_are_as_scikit_learn_has_them(seed):
    random = np.random.default_rng(seed)
    labels, rows, topics = random.integers([2, 1, 1], [40, 120, 50])
    gold, predicted = random.integers(labels, size=(2, rows))
    predicted = np.where(random.random(rows) < 0.5, gold, predicted)
    topics = random.integers(topics, size=rows).astype(str)
    names = [f"label {number}" for number in range(labels)]
    f1 = sklearn_metrics.f1_score(
        gold, predicted, labels=range(labels), average="macro", zero_division=0
    )
    wanted = {
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
    for name, value in wanted.items():
        found = score(name, names, gold, predicted, topics)
        assert found == pytest.approx(value, rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize(
    ("metric", "labels", "topics", "wanted"),
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
def test_what_is_reported(metric, labels, topics, wanted):
    assert classification.reported(metric, labels, topics) == [
        "accuracy",
        "macro_f1",
        *wanted,
    ]
    numbers = np.arange(len(labels))
    given = np.full(len(labels), "x") if topics else None
    found = classification.compute(metric, labels, numbers, numbers, given)
    assert list(found) == ["accuracy", "macro_f1", *wanted]
    assert all(type(value) is float for value in found.values())


def test_topics_of_some_rows_are_none_for_a_pooled_metric():
    rows = np.array([0, 1])
    found = classification.compute(
        "macro_recall", ("a", "b"), rows, rows, np.array(["x", ""])
    )
    assert "macro_recall_by_topic" not in found


def test_bytes_serve_as_topics():
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
        f"row {row} has no group, which the metric macro_mae_by_topic takes "
        "for the row's topic; macro_mae needs none"
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


def test_lower_is_better_for_errors_alone():
    lower = {k for k, v in classification.METRICS.items() if v.lower_is_better}
    assert lower == {"macro_mae", "macro_mae_by_topic"}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
