import math

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.training import losses

LN2, LN3 = math.log(2), math.log(3)


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_task_loss_by_hand():
    # Scores (ln 3, 0): probabilities 3/4 and 1/4, -ln 3/4 = ln 4 - ln 3.
    scores = tf.constant([[[LN3, 0], [LN3, 0]], [[0, 0], [LN3, 0]]])
    labels = tf.constant([[0, 1], [1, 0]])
    # Group 0: (ln 4 - ln 3 + ln 4) / 2; group 1: (ln 2 + ln 4 - ln 3) / 2.
    wanted = [(4 * LN2 - LN3) / 2, (3 * LN2 - LN3) / 2]
    np.testing.assert_allclose(losses.task_loss(scores, labels), wanted)


def test_task_loss_with_class_weights():
    scores = tf.zeros([2, 2, 2])
    labels = tf.constant([[0, 1], [1, 1]])
    weights = tf.constant([[0.5, 2.0], [1.0, 10.0]])
    # Each text ln 2. Group 0: (0.5 + 2) / 2 = 1.25; group 1: 10.
    np.testing.assert_allclose(
        losses.task_loss(scores, labels, weights),
        [1.25 * LN2, 10 * LN2],
        rtol=1e-6,
    )


def test_labels_that_a_task_does_not_have_play_no_part():
    real = tf.random.normal([1, 3, 2])
    padded = tf.pad(real, [[0, 0], [0, 0], [0, 2]], constant_values=-1e9)
    labels = tf.constant([[0, 1, 1]])
    np.testing.assert_array_equal(
        losses.task_loss(padded, labels), losses.task_loss(real, labels)
    )


def test_discrimination_loss_by_numpy():
    random = np.random.default_rng(0)
    scores = random.normal(size=(2, 3, 4)).astype(np.float32)
    task = [3, 1]
    wanted = [
        np.mean([-np.log(p[k]) for p in softmax(group)])
        for group, k in zip(scores, task, strict=True)
    ]
    got = losses.discrimination_loss(tf.constant(scores), tf.constant(task))
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_confusion_loss_by_hand_and_as_a_cross_entropy():
    # Scores (ln 3, 0): logsumexp = ln 4, mean = ln 3 / 2.
    scores = tf.constant([[[LN3, 0.0]]])
    np.testing.assert_allclose(
        losses.confusion_loss(scores), [2 * LN2 - LN3 / 2], rtol=1e-6
    )
    scores = tf.random.normal([2, 3, 5])
    # The cross-entropy between the uniform distribution and softmax(scores).
    wanted = -np.log(softmax(scores.numpy())).mean(axis=(1, 2))
    np.testing.assert_allclose(losses.confusion_loss(scores), wanted, rtol=1e-5)


@pytest.mark.parametrize("tasks", [2, 5])
def test_confusion_is_least_where_all_tasks_are_as_likely(tasks):
    level = tf.fill([1, 1, tasks], 7.0)
    with tf.GradientTape() as tape:
        tape.watch(level)
        least = losses.confusion_loss(level)
    np.testing.assert_allclose(least, [math.log(tasks)], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(least, level), 0 * level)
    for _ in range(10):
        near = level + tf.random.normal([1, 1, tasks], stddev=0.1)
        assert losses.confusion_loss(near)[0] > least[0]


@pytest.mark.parametrize(
    ("task", "entropy"),
    [
        ([0, 1, 2, 3], 2 * LN2),
        ([2, 2], 0.0),
        # 1/2 ln 2 + 2 * 1/4 ln 4 = 1.5 ln 2
        ([0, 3, 3, 1], 1.5 * LN2),
    ],
)
def test_mix_entropy(task, entropy):
    got = losses.task_prior_entropy(tf.constant(task), 4)
    np.testing.assert_allclose(got, entropy, atol=1e-6)


def test_reversal_is_open_while_the_discriminator_beats_the_task_mix():
    by_group = tf.constant([0.1, 1.9, 2.1, 1000.0])
    entropy = tf.constant(2.0)
    np.testing.assert_array_equal(
        losses.reversal_gate(by_group, entropy, "reversal"), [1, 1, 0, 0]
    )
    np.testing.assert_array_equal(
        losses.reversal_gate(by_group, entropy, "reversal_unbounded"),
        [1, 1, 1, 1],
    )
    with pytest.raises(ValueError, match="'confusion' reverses no gradient"):
        losses.reversal_gate(by_group, entropy, "confusion")


def orthogonality(shared, private, kind):
    loss = losses.orthogonality_loss(
        tf.constant(shared, tf.float32), tf.constant(private, tf.float32), kind
    )
    return loss.numpy()


def test_frobenius_by_hand():
    # S = [[1, 2], [3, 4]], H = [[1], [-1]]: S^T H = (1 - 3, 2 - 4),
    # squares 4 + 4.
    got = orthogonality([[[1, 2], [3, 4]]], [[[1], [-1]]], "frobenius")
    np.testing.assert_allclose(got, [8])


def test_normalized_by_hand():
    # S = [[1, 2], [3, 2]], less its means (2, 2): [[-1, 0], [1, 0]].
    # H = [[0, 6], [6, 0]], less its means (3, 3): [[-3, 3], [3, -3]], rows of
    # unit length: [[-1, 1], [1, -1]] / sqrt 2.
    # S^T H = [[2, -2], [0, 0]] / sqrt 2; squares 2, 2, 0, 0; their mean is 1.
    got = orthogonality([[[1, 2], [3, 2]]], [[[0, 6], [6, 0]]], "normalized")
    np.testing.assert_allclose(got, [1], rtol=1e-6)


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_orthogonality_by_numpy(kind):
    random = np.random.default_rng(0)
    shared = random.normal(size=(3, 4, 2))
    private = random.normal(size=(3, 4, 5))
    wanted = []
    for s, h in zip(shared, private, strict=True):
        if kind == "normalized":
            s, h = s - s.mean(axis=0), h - h.mean(axis=0)
            s = np.array([row / math.hypot(*row) for row in s])
            h = np.array([row / math.hypot(*row) for row in h])
        squares = [(s[:, i] @ h[:, j]) ** 2 for i in range(2) for j in range(5)]
        wanted.append(
            np.mean(squares) if kind == "normalized" else sum(squares)
        )
    np.testing.assert_allclose(
        orthogonality(shared, private, kind), wanted, rtol=1e-5
    )


def test_frobenius_grows_with_the_square_of_the_batch_and_both_widths():
    random = np.random.default_rng(0)
    s, h = random.normal(size=(2, 1, 4, 3))
    once = orthogonality(s, h, "frobenius")
    for _ in range(2):
        # Twice the texts: S^T H doubles, its squares are four times as large.
        s, h = (np.concatenate([x, x], axis=1) for x in (s, h))
        once *= 4
        np.testing.assert_allclose(
            orthogonality(s, h, "frobenius"), once, rtol=1e-5
        )
    s = np.concatenate([s, s], axis=2)
    np.testing.assert_allclose(
        orthogonality(s, h, "frobenius"), 2 * once, rtol=1e-5
    )


def test_normalized_knows_neither_scale_nor_offset_nor_width():
    random = np.random.default_rng(0)
    s, h = random.normal(size=(2, 1, 6, 3))
    once = orthogonality(s, h, "normalized")
    np.testing.assert_allclose(
        orthogonality(100 * s, h / 20 - 7, "normalized"), once, rtol=1e-4
    )
    # Each feature twice: rows are sqrt 2 as long, squares half as large.
    wide = np.concatenate([s, s], axis=2)
    np.testing.assert_allclose(
        orthogonality(wide, h, "normalized"), once / 2, rtol=1e-5
    )


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_orthogonal_features_cost_nothing(kind):
    # Over the batch, (1, 1, -1, -1) is orthogonal to (1, -1, 1, -1).
    s, h = [[[1], [1], [-1], [-1]]], [[[1], [-1], [1], [-1]]]
    assert orthogonality(s, h, kind) == 0


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_features_that_are_all_alike_have_a_gradient(kind):
    shared = tf.ones([1, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(shared)
        loss = losses.orthogonality_loss(shared, tf.ones([1, 2, 2]), kind)
    assert np.isfinite(tape.gradient(loss, shared)).all()


def test_other_orthogonality_losses_are_refused():
    with pytest.raises(ValueError, match="got 'cosine'"):
        orthogonality([[[1]]], [[[1]]], "cosine")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
