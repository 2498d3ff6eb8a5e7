import functools
import types

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model

TEXTS = ["a", "bb", "a", "bb"]
LABELS = ["1", "5", "5", "5"]


class _LengthModel:
    """Is sure of the label 1 for a text of one letter, of 5 for others."""

    def classify(self, index, seq1, seq2):
        short = tf.strings.length(seq2)[:, None] == 1
        return tf.where(short, [[0.9, 0.1]], [[0.1, 0.9]])


def make_model(labels=("1", "5"), metric="macro_recall"):
    run = types.SimpleNamespace(
        config=types.SimpleNamespace(sequences="seq2"),
        tasks=(tasks_lib.Task("stars", labels, metric),),
        run_dir="run",
    )
    run.check_task = functools.partial(run_directory.Run.check_task, run)
    return trained_model.TrainedModel(run, {"stars": (_LengthModel(), 0)}, {})


@pytest.mark.parametrize("nothing", [None, float("nan"), np.float32("nan"), ""])
def test_absent_groups(nothing):
    scores = make_model().evaluate("stars", TEXTS, LABELS)
    # Label 1: one of one; label 5: two of three.
    assert scores["macro_recall"] == pytest.approx((1 + 2 / 3) / 2)
    # Rows without a topic are no topic: as if there were no groups.
    groups = ["x", nothing, nothing, nothing]
    assert make_model().evaluate("stars", TEXTS, LABELS, groups) == scores
    by_topic = make_model(metric="macro_recall_by_topic")
    with pytest.raises(ValueError, match="row 1 has no group, which the"):
        by_topic.evaluate("stars", TEXTS, LABELS, groups)


@pytest.mark.parametrize(
    "groups",
    [[7, 7, 8, 8], [7.0, 7, 8.0, 8], np.array([7.0, 7, 8, 8]), "7 7.0 8 8"],
)
def test_groups_can_be_numbers(groups):
    groups = groups.split() if isinstance(groups, str) else groups
    model = make_model(metric="macro_recall_by_topic")
    scores = model.evaluate("stars", TEXTS, LABELS, groups)
    # Topic 7: all right; topic 8: label 5 alone, one of two.
    assert scores["macro_recall_by_topic"] == pytest.approx((1 + 1 / 2) / 2)


@pytest.mark.parametrize("labels", [("1", "5"), ("1.0", "5.0")])
@pytest.mark.parametrize(
    "gold",
    [[1, 5, 5, 5], [1.0, 5.0, 5, 5], np.array([1.0, 5, 5, 5]), "1 5.0 5 5.0"],
)
def test_labels_can_be_numbers(labels, gold):
    gold = gold.split() if isinstance(gold, str) else gold
    scores = make_model(labels).evaluate("stars", TEXTS, gold)
    assert scores["accuracy"] == 3 / 4


@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        (["1", None, "1", "1"], None, r"labels\[1\]: expected a label, got"),
        ([1, 5, 1.5, 1], None, r"labels\[2\]: .* regression targets"),
        (LABELS, [["x"], "x", "x", "x"], r"groups\[0\]: expected a text for"),
    ],
)
def test_evaluate_refuses_invalid_arguments(labels, groups, message):
    with pytest.raises(ValueError, match=message):
        make_model().evaluate("stars", TEXTS, labels, groups)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
