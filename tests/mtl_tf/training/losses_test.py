import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.training import losses

LN2, LN3 = math.log(2), math.log(3)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_task_loss_by_hand():
    # Logits (ln 3, 0): probabilities 3/4 and 1/4, -ln 3/4 = ln 4 - ln 3.
    logits = tf.constant([[[LN3, 0], [LN3, 0]], [[0, 0], [LN3, 0]]])
    labels = tf.constant([[0, 1], [1, 0]])
    # Batch 0: (ln 4 - ln 3 + ln 4) / 2;
    # batch 1: (ln 2 + ln 4 - ln 3) / 2.
    expected = [(4 * LN2 - LN3) / 2, (3 * LN2 - LN3) / 2]
    np.testing.assert_allclose(losses.task_loss(logits, labels), expected)


def test_task_loss_with_class_weights():
    logits = tf.zeros([2, 2, 2])
    labels = tf.constant([[0, 1], [1, 1]])
    weights = tf.constant([[0.5, 2.0], [1.0, 10.0]])
    # Each text ln 2. Batch 0: (0.5 + 2) / 2 = 1.25; batch 1: 10.
    np.testing.assert_allclose(
        losses.task_loss(logits, labels, weights),
        [1.25 * LN2, 10 * LN2],
        rtol=1e-6,
    )


def test_padded_labels_do_not_change_the_task_loss():
    real = keras.random.normal([1, 3, 2])
    padded = tf.pad(real, [[0, 0], [0, 0], [0, 2]], constant_values=-1e9)
    labels = tf.constant([[0, 1, 1]])
    np.testing.assert_array_equal(
        losses.task_loss(padded, labels), losses.task_loss(real, labels)
    )


def test_discrimination_loss_by_numpy():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 3, 4)).astype(np.float32)
    task_ids = [3, 1]
    expected = [
        np.mean([-np.log(p[k]) for p in softmax(batch_logits)])
        for batch_logits, k in zip(logits, task_ids, strict=True)
    ]
    actual = losses.discrimination_loss(
        tf.constant(logits), tf.constant(task_ids)
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_confusion_loss_by_hand_and_as_a_cross_entropy():
    # Logits (ln 3, 0): logsumexp = ln 4, mean = ln 3 / 2.
    logits = tf.constant([[[LN3, 0.0]]])
    np.testing.assert_allclose(
        losses.confusion_loss(logits), [2 * LN2 - LN3 / 2], rtol=1e-6
    )
    logits = keras.random.normal([2, 3, 5])
    # The cross-entropy between the uniform distribution and softmax(logits).
    expected = -np.log(softmax(logits.numpy())).mean(axis=(1, 2))
    np.testing.assert_allclose(
        losses.confusion_loss(logits), expected, rtol=1e-5
    )


@pytest.mark.parametrize("num_tasks", [2, 5])
def test_confusion_loss_is_least_for_uniform_predictions(num_tasks):
    uniform = tf.fill([1, 1, num_tasks], 7.0)
    with tf.GradientTape() as tape:
        tape.watch(uniform)
        least = losses.confusion_loss(uniform)
    np.testing.assert_allclose(least, [math.log(num_tasks)], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(least, uniform), 0 * uniform)
    for _ in range(10):
        near = uniform + keras.random.normal([1, 1, num_tasks], stddev=0.1)
        assert losses.confusion_loss(near)[0] > least[0]


@pytest.mark.parametrize(
    ("task_ids", "entropy"),
    [
        ([0, 1, 2, 3], 2 * LN2),
        ([2, 2], 0.0),
        # 1/2 ln 2 + 2 * 1/4 ln 4 = 1.5 ln 2
        ([0, 3, 3, 1], 1.5 * LN2),
    ],
)
def test_task_prior_entropy(task_ids, entropy):
    actual = losses.task_prior_entropy(tf.constant(task_ids), 4)
    np.testing.assert_allclose(actual, entropy, atol=1e-6)


def test_reversal_gate_closes_above_the_entropy():
    batch_losses = tf.constant([0.1, 1.9, 2.1, 1000.0])
    entropy = tf.constant(2.0)
    np.testing.assert_array_equal(
        losses.reversal_gate(batch_losses, entropy, "reversal"), [1, 1, 0, 0]
    )
    np.testing.assert_array_equal(
        losses.reversal_gate(batch_losses, entropy, "reversal_unbounded"),
        [1, 1, 1, 1],
    )
    with pytest.raises(ValueError, match="'confusion' reverses no gradient"):
        losses.reversal_gate(batch_losses, entropy, "confusion")


def orthogonality(shared, private, kind):
    loss = losses.orthogonality_loss(
        tf.constant(shared, tf.float32), tf.constant(private, tf.float32), kind
    )
    return loss.numpy()


def test_frobenius_by_hand():
    # S = [[1, 2], [3, 4]], H = [[1], [-1]]: S^T H = (1 - 3, 2 - 4),
    # squares 4 + 4.
    actual = orthogonality([[[1, 2], [3, 4]]], [[[1], [-1]]], "frobenius")
    np.testing.assert_allclose(actual, [8])


def test_normalized_by_hand():
    # S = [[1, 2], [3, 2]], minus its means (2, 2): [[-1, 0], [1, 0]].
    # H = [[0, 6], [6, 0]], minus its means (3, 3): [[-3, 3], [3, -3]], rows of
    # unit length: [[-1, 1], [1, -1]] / sqrt 2.
    # S^T H = [[2, -2], [0, 0]] / sqrt 2; squares 2, 2, 0, 0; their mean is 1.
    actual = orthogonality([[[1, 2], [3, 2]]], [[[0, 6], [6, 0]]], "normalized")
    np.testing.assert_allclose(actual, [1], rtol=1e-6)


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_orthogonality_by_numpy(kind):
    random = np.random.default_rng(0)
    shared = random.normal(size=(3, 4, 2))
    private = random.normal(size=(3, 4, 5))
    expected = []
    for s, h in zip(shared, private, strict=True):
        if kind == "normalized":
            s, h = s - s.mean(axis=0), h - h.mean(axis=0)
            s = np.array([row / math.hypot(*row) for row in s])
            h = np.array([row / math.hypot(*row) for row in h])
        squares = [(s[:, i] @ h[:, j]) ** 2 for i in range(2) for j in range(5)]
        expected.append(
            np.mean(squares) if kind == "normalized" else sum(squares)
        )
    np.testing.assert_allclose(
        orthogonality(shared, private, kind), expected, rtol=1e-5
    )


def test_frobenius_grows_with_squared_batch_size_and_feature_sizes():
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


def test_normalized_does_not_depend_on_scale_offset_and_size():
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
def test_orthogonal_features_have_no_loss(kind):
    # Over the batch, (1, 1, -1, -1) is orthogonal to (1, -1, 1, -1).
    s, h = [[[1], [1], [-1], [-1]]], [[[1], [-1], [1], [-1]]]
    assert orthogonality(s, h, kind) == 0


@pytest.mark.parametrize("kind", choices.ORTHOGONALITY_LOSSES)
def test_equal_features_have_a_finite_gradient(kind):
    shared = tf.ones([1, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(shared)
        loss = losses.orthogonality_loss(shared, tf.ones([1, 2, 2]), kind)
    assert np.isfinite(tape.gradient(loss, shared)).all()


def test_unknown_orthogonality_loss_is_refused():
    with pytest.raises(ValueError, match="got 'cosine'"):
        orthogonality([[[1]]], [[[1]]], "cosine")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
