import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import gradient_reversal


@pytest.mark.parametrize("scale", [0.0, 0.05, 1.0, 3.0, -0.5])
@pytest.mark.parametrize("value", [[[0.0, -2.0]], [[2**-9, 7.5], [3.0, -1e6]]])
def test_identity_forward_and_scaled_negative_gradient(value, scale):
    features = tf.constant(value)
    upstream = tf.cast(tf.range(1, 1 + tf.size(features)), tf.float32)
    upstream = tf.reshape(upstream, tf.shape(features))
    with tf.GradientTape() as tape:
        tape.watch(features)
        output = gradient_reversal.GradientReversal(scale)(features)
    actual = tape.gradient(output, features, output_gradients=upstream)
    np.testing.assert_array_equal(output, value)
    np.testing.assert_array_equal(actual, np.float32(-scale) * upstream.numpy())


def test_a_gate_for_each_task_batch():
    features = tf.ones([3, 2, 4])
    gate = tf.constant([1.0, 0.0, 4.0])[:, tf.newaxis, tf.newaxis]
    layer = gradient_reversal.GradientReversal(0.5)
    with tf.GradientTape() as tape:
        tape.watch([features, gate])
        loss = tf.reduce_sum(10 * layer(features, gate))
    by_features, by_gate = tape.gradient(loss, [features, gate])
    np.testing.assert_array_equal(
        by_features, np.broadcast_to([[[-5.0]], [[0.0]], [[-20.0]]], (3, 2, 4))
    )
    assert by_gate is None


def test_against_finite_differences():
    """The gradient before the reversal is that of -scale times the loss."""
    random = np.random.default_rng(0)
    features, weights = random.normal(size=(2, 3, 4))
    scale, step = 0.3, 1e-5

    def loss(x):
        return np.sum(np.sin(weights * x) * x)

    expected = np.zeros_like(features)
    for index in np.ndindex(*features.shape):
        shift = np.zeros_like(features)
        shift[index] = step
        difference = loss(features + shift) - loss(features - shift)
        expected[index] = -scale * difference / (2 * step)

    x = tf.constant(features)
    layer = gradient_reversal.GradientReversal(scale, dtype="float64")
    with tf.GradientTape() as tape:
        tape.watch(x)
        reversed_ = layer(x)
        value = tf.reduce_sum(tf.sin(weights * reversed_) * reversed_)
    np.testing.assert_allclose(tape.gradient(value, x), expected, atol=1e-9)


def test_traced_function_with_unknown_shapes():
    layer = gradient_reversal.GradientReversal(0.5)

    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def gradient(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = tf.reduce_sum(layer(features) ** 2)
        return tape.gradient(loss, features)

    # -0.5 * 2 * 3 = -3
    np.testing.assert_array_equal(gradient(tf.fill([2, 1], 3.0)), [[-3], [-3]])
    np.testing.assert_array_equal(gradient(tf.fill([1, 2], 3.0)), [[-3, -3]])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
