import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import softmax_head

# Rows of the flat matrix: 0-1 are task 0's, 2-5 task 1's, 6-8 task 2's.
LABEL_COUNTS = (2, 4, 3)
WIDTH = 2


@pytest.fixture
def layer():
    layer = softmax_head.SoftmaxHead(LABEL_COUNTS, init_range=1.0, seed=0)
    layer.build((None, None, WIDTH))
    layer.bias.assign(np.linspace(-1, 1, 9))
    return layer


def test_scores_by_hand(layer):
    layer.kernel.assign([[i, 10 * i] for i in range(9)])
    layer.bias.assign(100 * np.arange(9))
    scores = layer(tf.constant([[[1.0, 1.0]], [[2.0, 0.0]]]), np.array([2, 0]))
    # Task 2, h = (1, 1): row i gives i + 10 i + 100 i = 111 i, i = 6, 7, 8.
    # Task 0, h = (2, 0): row i gives 2 i + 100 i = 102 i, i = 0, 1.
    absent = layer.PADDING_LOGIT
    np.testing.assert_array_equal(
        scores, [[[666, 777, 888, absent]], [[0, 102, absent, absent]]]
    )


def test_each_group_gets_the_softmax_of_its_task(layer):
    features = np.random.default_rng(0).normal(size=(4, 3, WIDTH))
    num_tasks = [1, 0, 2, 0]
    probabilities = tf.nn.softmax(layer(features, np.array(num_tasks))).numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for group, task in enumerate(num_tasks):
        first = sum(LABEL_COUNTS[:task])
        rows = slice(first, first + LABEL_COUNTS[task])
        for text, h in enumerate(features[group]):
            wanted = np.exp(kernel[rows] @ h + bias[rows])
            wanted /= wanted.sum()
            got = probabilities[group, text]
            np.testing.assert_allclose(got[: len(wanted)], wanted, rtol=1e-5)
            # Not small: zero.
            assert not got[len(wanted) :].any()


def test_the_gradient_names_the_rows_of_the_steps_tasks_alone(layer):
    features = tf.ones([3, 1, WIDTH])
    with tf.GradientTape() as tape:
        scores = layer(features, np.array([2, 0, 2]))
        loss = tf.reduce_sum(tf.nn.log_softmax(scores)[..., 0])
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert isinstance(gradient, tf.IndexedSlices)
        rows = gradient.indices.numpy().tolist()
        assert rows == [6, 7, 8, 0, 1, 6, 7, 8]


def test_gradients_are_those_of_the_softmax(layer):
    """dL/db of -log p_y is p - onehot(y), dL/dW is that times h."""
    features = np.array([[[0.5, -2.0]]], np.float32)
    with tf.GradientTape() as tape:
        scores = layer(features, np.array([1]))
        loss = -tf.nn.log_softmax(scores)[0, 0, 3]
    by_kernel, by_bias = (
        tf.convert_to_tensor(gradient).numpy()
        for gradient in tape.gradient(loss, [layer.kernel, layer.bias])
    )
    wanted = np.zeros(9)
    h = features[0, 0]
    e = np.exp(layer.kernel.numpy()[2:6] @ h + layer.bias.numpy()[2:6])
    wanted[2:6] = e / e.sum() - [0, 0, 0, 1]
    np.testing.assert_allclose(by_bias, wanted, rtol=1e-5)
    np.testing.assert_allclose(by_kernel, np.outer(wanted, h), rtol=1e-5)


def test_scores_may_be_squashed_as_in_the_code():
    layer = softmax_head.SoftmaxHead(LABEL_COUNTS, tanh=True)
    layer.build((None, None, WIDTH))
    layer.kernel.assign([[i - 4.0, 0.25 * i] for i in range(9)])
    features = np.random.default_rng(0).normal(size=(2, 3, WIDTH))
    scores = layer(features, np.array([2, 0])).numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for group, rows in enumerate((slice(6, 9), slice(0, 2))):
        wanted = np.tanh(features[group] @ kernel[rows].T + bias[rows])
        labels = wanted.shape[1]
        np.testing.assert_allclose(scores[group, :, :labels], wanted, atol=1e-6)
        # Labels that the task does not have still have no probability.
        assert (scores[group, :, labels:] == layer.PADDING_LOGIT).all()
    # So of two labels none is likelier than 1 / (1 + e^-2) = 0.881.
    layer.kernel.assign([[(-1.0) ** i, 0] for i in range(9)])
    far = layer(np.array([[[1000.0, 0.0]]]), np.array([0]))
    most = tf.reduce_max(tf.nn.softmax(far)).numpy()
    assert most == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-6)


def test_start(layer):
    again = softmax_head.SoftmaxHead(LABEL_COUNTS, init_range=1.0, seed=0)
    again.build((None, None, WIDTH))
    assert again.kernel.shape == (9, WIDTH)
    assert abs(again.kernel.numpy()).max() <= 1
    np.testing.assert_array_equal(again.kernel, layer.kernel)
    assert not again.bias.numpy().any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
