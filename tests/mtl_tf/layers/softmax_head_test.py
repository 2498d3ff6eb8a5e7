import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import softmax_head

# Rows of the matrix: 0-1 are of task 0, 2-5 of task 1, 6-8 of task 2.
NUM_CLASSES = (2, 4, 3)
WIDTH = 2


@pytest.fixture
def layer():
    layer = softmax_head.SoftmaxHead(NUM_CLASSES, init_range=1.0, seed=0)
    layer.build((None, None, WIDTH))
    layer.bias.assign(np.linspace(-1, 1, 9))
    return layer


def test_logits_by_hand(layer):
    layer.kernel.assign([[i, 10 * i] for i in range(9)])
    layer.bias.assign(100 * np.arange(9))
    features = tf.constant([[[1.0, 1.0]], [[2.0, 0.0]]])
    logits = layer(features, np.array([2, 0]))["logits"]
    # Task 2, h = (1, 1): row i gives i + 10 i + 100 i = 111 i, i = 6, 7, 8.
    # Task 0, h = (2, 0): row i gives 2 i + 100 i = 102 i, i = 0, 1.
    padding = layer.MASKED_LOGIT
    np.testing.assert_array_equal(
        logits, [[[666, 777, 888, padding]], [[0, 102, padding, padding]]]
    )


def test_probabilities_equal_the_softmax_of_the_task(layer):
    features = np.random.default_rng(0).normal(size=(4, 3, WIDTH))
    task_ids = [1, 0, 2, 0]
    logits = layer(features, np.array(task_ids))["logits"]
    probabilities = tf.nn.softmax(logits).numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for task_batch, task in enumerate(task_ids):
        first = sum(NUM_CLASSES[:task])
        rows = slice(first, first + NUM_CLASSES[task])
        for text, h in enumerate(features[task_batch]):
            expected = np.exp(kernel[rows] @ h + bias[rows])
            expected /= expected.sum()
            actual = probabilities[task_batch, text]
            np.testing.assert_allclose(
                actual[: len(expected)], expected, rtol=1e-5
            )
            # Exactly zero.
            assert not actual[len(expected) :].any()


def test_gradient_is_only_of_rows_of_tasks_in_the_batch(layer):
    features = tf.ones([3, 1, WIDTH])
    with tf.GradientTape() as tape:
        logits = layer(features, np.array([2, 0, 2]))["logits"]
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 0])
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert isinstance(gradient, tf.IndexedSlices)
        rows = gradient.indices.numpy().tolist()
        assert rows == [6, 7, 8, 0, 1, 6, 7, 8]


def test_gradients_equal_those_of_the_softmax(layer):
    """dL/db of -log p_y is p - onehot(y), dL/dW is that times h."""
    features = np.array([[[0.5, -2.0]]], np.float32)
    with tf.GradientTape() as tape:
        logits = layer(features, np.array([1]))["logits"]
        loss = -tf.nn.log_softmax(logits)[0, 0, 3]
    by_kernel, by_bias = (
        tf.convert_to_tensor(gradient).numpy()
        for gradient in tape.gradient(loss, [layer.kernel, layer.bias])
    )
    expected = np.zeros(9)
    h = features[0, 0]
    e = np.exp(layer.kernel.numpy()[2:6] @ h + layer.bias.numpy()[2:6])
    expected[2:6] = e / e.sum() - [0, 0, 0, 1]
    np.testing.assert_allclose(by_bias, expected, rtol=1e-5)
    np.testing.assert_allclose(by_kernel, np.outer(expected, h), rtol=1e-5)


def test_tanh_logits():
    layer = softmax_head.SoftmaxHead(NUM_CLASSES, tanh=True)
    layer.build((None, None, WIDTH))
    layer.kernel.assign([[i - 4.0, 0.25 * i] for i in range(9)])
    features = np.random.default_rng(0).normal(size=(2, 3, WIDTH))
    logits = layer(features, np.array([2, 0]))["logits"].numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for task_batch, rows in enumerate((slice(6, 9), slice(0, 2))):
        expected = np.tanh(features[task_batch] @ kernel[rows].T + bias[rows])
        labels = expected.shape[1]
        np.testing.assert_allclose(
            logits[task_batch, :, :labels], expected, atol=1e-6
        )
        # Labels of other tasks still have probability 0.
        assert (logits[task_batch, :, labels:] == layer.MASKED_LOGIT).all()
    # The probability of one of two labels is at most 1 / (1 + e^-2) = 0.881.
    layer.kernel.assign([[(-1.0) ** i, 0] for i in range(9)])
    far = layer(np.array([[[1000.0, 0.0]]]), np.array([0]))["logits"]
    largest = tf.reduce_max(tf.nn.softmax(far)).numpy()
    assert largest == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-6)


def test_initial_values(layer):
    again = softmax_head.SoftmaxHead(NUM_CLASSES, init_range=1.0, seed=0)
    again.build((None, None, WIDTH))
    assert again.kernel.shape == (9, WIDTH)
    assert abs(again.kernel.numpy()).max() <= 1
    np.testing.assert_array_equal(again.kernel, layer.kernel)
    assert not again.bias.numpy().any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
