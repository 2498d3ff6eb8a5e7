import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import gradient_reversal


@pytest.mark.parametrize("scale", [0.0, 0.05, 1.0, 3.0, -0.5])
@pytest.mark.parametrize("value", [[[0.0, -2.0]], [[2**-9, 7.5], [3.0, -1e6]]])
def test_identity_forward_and_minus_scale_times_the_gradient_back(value, scale):
    features = tf.constant(value)
    upstream = tf.cast(tf.range(1, 1 + tf.size(features)), tf.float32)
    upstream = tf.reshape(upstream, tf.shape(features))
    with tf.GradientTape() as tape:
        tape.watch(features)
        output = gradient_reversal.gradient_reversal(features, scale)
    got = tape.gradient(output, features, output_gradients=upstream)
    np.testing.assert_array_equal(output, value)
    np.testing.assert_array_equal(got, np.float32(-scale) * upstream.numpy())


def test_a_scale_for_each_group():
    features = tf.ones([3, 2, 4])
    scale = tf.constant([0.5, 0.0, 2.0])[:, tf.newaxis, tf.newaxis]
    with tf.GradientTape() as tape:
        tape.watch([features, scale])
        output = gradient_reversal.gradient_reversal(features, scale)
        loss = tf.reduce_sum(10 * output)
    by_features, by_scale = tape.gradient(loss, [features, scale])
    np.testing.assert_array_equal(
        by_features, np.broadcast_to([[[-5.0]], [[0.0]], [[-20.0]]], (3, 2, 4))
    )
    assert by_scale is None


def test_against_finite_differences():
    """Below the reversal the gradient is that of -scale times the loss."""
    random = np.random.default_rng(0)
    features, weights = random.normal(size=(2, 3, 4))
    scale, step = 0.3, 1e-5

    def loss(x):
        return np.sum(np.sin(weights * x) * x)

    wanted = np.zeros_like(features)
    for place in np.ndindex(*features.shape):
        shift = np.zeros_like(features)
        shift[place] = step
        difference = loss(features + shift) - loss(features - shift)
        wanted[place] = -scale * difference / (2 * step)

    x = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(x)
        reversed_ = gradient_reversal.gradient_reversal(x, scale)
        value = tf.reduce_sum(tf.sin(weights * reversed_) * reversed_)
    np.testing.assert_allclose(tape.gradient(value, x), wanted, atol=1e-9)


def test_in_a_traced_function_with_open_shapes():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def gradient(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            output = gradient_reversal.gradient_reversal(features, 0.5)
            loss = tf.reduce_sum(output**2)
        return tape.gradient(loss, features)

    # -0.5 * 2 * 3 = -3
    np.testing.assert_array_equal(gradient(tf.fill([2, 1], 3.0)), [[-3], [-3]])
    np.testing.assert_array_equal(gradient(tf.fill([1, 2], 3.0)), [[-3, -3]])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
