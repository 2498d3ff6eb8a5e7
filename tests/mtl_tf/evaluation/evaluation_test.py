import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.evaluation import scoring
from mtl_tf.models import multitask_model

_TASKS = (
    tasks_lib.Task("books", ("bad", "good")),
    tasks_lib.Task("films", ("poor", "fair", "great")),
)


def make_split(texts, labels, task=0, groups=None):
    """Makes a split of texts without a first sequence."""
    offsets = np.cumsum([0] + [size for x in texts for size in (0, len(x))])
    return input_pipeline.Split(
        task_id=task,
        ids=np.array([b"row"] * len(texts), object),
        groups=np.array(groups or [b""] * len(texts), object),
        labels=np.array(labels, np.int32),
        duplicate=np.zeros(len(texts), bool),
        diversity=None,
        lengths=np.array([len(x) for x in texts], np.int32),
        token_ids=records.TokenIds(np.concatenate(texts), offsets),
        rows=np.arange(len(texts)),
        max_tokens=1000,
        reads_seq1=np.zeros(len(texts), bool),
    )


def take(split, rows):
    """Returns some rows of a split, as a split."""
    columns = ("ids", "groups", "labels", "duplicate", "lengths", "rows")
    return dataclasses.replace(
        split,
        reads_seq1=split.reads_seq1[rows],
        **{name: getattr(split, name)[rows] for name in columns},
    )


# Logits by first token: labels 0, 1, and one that books does not have.
_LOGITS = tf.constant(
    [
        [0.0, math.log(3), 50.0],  # 1/4, 3/4
        [math.log(4), 0.0, -50.0],  # 4/5, 1/5
        [900.0, -900.0, 0.0],  # 1, 0: exp would overflow
    ]
)


def make_first_token_model():
    """Makes a model whose logits depend on the first token only."""
    tokens = keras.Input((None, None), dtype="int32", name="token_ids")
    return keras.Model(
        {"token_ids": tokens},
        {
            "logits": keras.ops.take(_LOGITS, tokens[:, :, 0], axis=0),
            "shared": keras.ops.cast(tokens[:, :, :1], "float32"),
        },
    )


def test_probabilities_features_and_loss_by_hand():
    # Batches are sorted by length, but the order of rows is kept.
    split = make_split([[0, 7, 7], [1, 7], [2]], [0, 0, 0])
    predictor = predictor_lib.Predictor(make_first_token_model(), _TASKS)
    predictions = predictor.predict(split)
    assert predictions.split is split
    np.testing.assert_allclose(
        predictions.probabilities, [[0.25, 0.75], [0.8, 0.2], [1, 0]], rtol=1e-6
    )
    assert predictions.predicted.tolist() == [1, 0, 0]
    assert list(predictions.features) == ["shared"]
    assert predictions.features["shared"].tolist() == [[0], [1], [2]]
    # -(ln 1/4 + ln 4/5 + ln 1) / 3 = ln 5 / 3
    assert predictions.loss == pytest.approx(math.log(5) / 3, rel=1e-6)


def test_loss_without_labels_is_nan():
    split = make_split([[0], [1]], [-1, -1])
    predictions = predictor_lib.Predictor(
        make_first_token_model(), _TASKS
    ).predict(split)
    assert math.isnan(predictions.loss)


def test_split_without_rows_is_refused():
    split = take(make_split([[0]], [0]), [])
    predictor = predictor_lib.Predictor(make_first_token_model(), _TASKS)
    with pytest.raises(ValueError, match="no rows to predict"):
        predictor.predict(split)


@pytest.fixture(scope="module")
def model():
    config = config_lib.Config(
        hidden_size=3,
        embedding_dim=4,
        init_range=1.0,
        word_dropout=0.5,
        feature_dropout=0.5,
    )
    return multitask_model.build(config, (2, 3), 12)


@pytest.fixture(scope="module")
def split():
    random = np.random.default_rng(0)
    texts = [random.integers(12, size=size) for size in range(1, 71)]
    random.shuffle(texts)
    return make_split(texts, random.integers(3, size=70), task=1)


def test_predictions_equal_those_of_the_model_for_single_texts(model, split):
    # Few rows: a call without a graph takes long.
    split = take(split, np.arange(6))
    predictions = predictor_lib.Predictor(model, _TASKS).predict(split)
    assert predictions.probabilities.shape == (6, 3)
    np.testing.assert_allclose(
        predictions.probabilities.sum(axis=1), np.ones(6), rtol=1e-12
    )
    log_likelihood = 0.0
    for row in range(6):
        tokens = split.token_ids.seq2(row)
        outputs = model(
            {
                "token_ids": tokens[None, None].astype(np.int32),
                "lengths": np.array([[len(tokens)]], np.int32),
                "task_ids": np.array([1], np.int32),
            }
        )
        logits = outputs["logits"].numpy()[0, 0].astype(np.float64)
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(
            predictions.probabilities[row], expected, rtol=0, atol=1e-6
        )
        log_likelihood += np.log(expected[split.labels[row]])
        for name in ("shared", "private"):
            np.testing.assert_allclose(
                predictions.features[name][row],
                outputs[name].numpy()[0, 0],
                rtol=0,
                atol=1e-6,
            )
    assert predictions.loss == pytest.approx(-log_likelihood / 6, abs=1e-6)
    # The predictions differ between texts.
    assert np.ptp(predictions.probabilities, axis=0).min() > 0.01


def test_predictions_do_not_depend_on_other_texts_in_a_batch(
    model, split, monkeypatch
):
    predictor = predictor_lib.Predictor(model, _TASKS)
    together = predictor.predict(split).probabilities
    # Other texts, more padding, other task batches.
    rows = np.random.default_rng(1).permutation(70)[:41]
    some = predictor.predict(take(split, rows)).probabilities
    np.testing.assert_allclose(some, together[rows], rtol=0, atol=1e-6)
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 100)
    monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", 3)
    smaller = predictor.predict(split).probabilities
    np.testing.assert_allclose(smaller, together, rtol=0, atol=1e-6)


def make_predictions(labels, probabilities, task=_TASKS[0], groups=None):
    split = make_split([[0]] * len(labels), labels, groups=groups)
    return predictions_lib.SplitPredictions(
        task, np.array(probabilities), split, {}, 0.0
    )


def test_scores_of_all_rows_and_of_a_mask():
    predictions = make_predictions(
        [0, 0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]]
    )
    # Predicted 0, 1, 1, 1. F1: of bad 2 * 1 * .5 / 1.5 = 2/3, of good
    # 2 * 2/3 * 1 / (5/3) = 4/5.
    assert predictions.scores() == {
        "accuracy": 0.75,
        "macro_f1": pytest.approx((2 / 3 + 4 / 5) / 2),
        "n": 4,
    }
    # Labels 0, 1 and predicted 1, 1: F1 of bad 0, of good 2/3.
    assert predictions.scores(np.array([False, True, True, False])) == {
        "accuracy": 0.5,
        "macro_f1": pytest.approx(1 / 3),
        "n": 2,
    }


def test_scores_by_topic_use_the_rows_of_the_mask():
    task = tasks_lib.Task("books", ("bad", "good"), "macro_recall_by_topic")
    certain = np.eye(2)
    predictions = make_predictions(
        [0, 1, 1, 0, 0],
        certain[[0, 1, 0, 1, 0]],
        task,
        [b"x", b"x", b"x", b"y", b"y"],
    )
    # x: (1/1 + 1/2) / 2, y: 1/2 of the one label there; together:
    # (2/3 + 1/2) / 2.
    scores = predictions.scores()
    assert scores["macro_recall_by_topic"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert scores["macro_recall"] == pytest.approx(7 / 12)
    # Without the third and the fifth: x 1, y 0; together (1/2 + 1) / 2.
    scores = predictions.scores(np.array([True, True, False, True, False]))
    assert scores == {
        "accuracy": pytest.approx(2 / 3),
        "macro_f1": pytest.approx(2 / 3),
        "macro_recall": 0.75,
        "macro_recall_by_topic": 0.5,
        "n": 3,
    }


def test_rows_without_a_topic_are_refused_by_scores_by_topic():
    task = tasks_lib.Task("books", ("bad", "good"), "macro_recall_by_topic")
    predictions = make_predictions([0, 1], np.eye(2), task, [b"x", b""])
    with pytest.raises(ValueError, match="row 1 has no group"):
        predictions.scores()


def test_selection_score_is_higher_for_better_models():
    books = tasks_lib.Task("books", ("bad", "good"), "macro_mae")
    films = tasks_lib.Task("films", ("bad", "good"), "macro_f1")
    scores = {
        "books": {"accuracy": 0.9, "macro_f1": 0.9, "macro_mae": 0.25},
        "films": {"accuracy": 0.9, "macro_f1": 0.75, "macro_mae": 0.5},
        "games": {"accuracy": 0.1, "macro_f1": 0.1, "macro_mae": 0.1},
    }
    assert scoring.selection_score(books, scores["books"]) == -0.25
    assert scoring.selection_score(films, scores["films"]) == 0.75
    # Other tasks do not count.
    assert scoring.average([books, films], scores) == 0.25
    assert scoring.average([books], scores) == -0.25


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
