import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import task_discriminator


def make(tasks=3, width=2, **kwargs):
    layer = task_discriminator.TaskDiscriminator(tasks, **kwargs)
    layer.build((None, None, width))
    return layer


def test_logits():
    layer = make()
    layer.kernel.assign([[1, 0], [0, 1], [1, -1]])
    layer.bias.assign([0, 10, 100])
    # s = (2, 3): 2, 3 + 10, 2 - 3 + 100; s = (-1, 0): -1, 10, -1 + 100.
    logits = layer(tf.constant([[[2.0, 3.0]], [[-1.0, 0.0]]]))
    np.testing.assert_array_equal(logits, [[[2, 13, 99]], [[-1, 10, 99]]])


def gradients(layer, features, frozen):
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = layer(features, frozen=frozen)
        # A weighted sum, like the gradient of a softmax loss.
        loss = tf.reduce_sum(logits * tf.range(3.0) ** 2)
    return tape.gradient(loss, [features, *layer.trainable_variables])


def test_frozen_weights_get_no_gradient():
    layer = make(seed=1)
    features = keras.random.normal([2, 4, 2])
    by_features, *by_weights = gradients(layer, features, frozen=True)
    assert by_weights == [None, None]
    expected, *by_weights = gradients(layer, features, frozen=False)
    np.testing.assert_array_equal(by_features, expected)
    assert all(tf.reduce_min(abs(g[1:])) > 0 for g in by_weights)


def test_initial_values():
    layer = make(tasks=20, width=50, init_range=0.2, seed=3)
    start = layer.kernel.numpy()
    assert start.shape == (20, 50)
    assert 0.19 < abs(start).max() <= 0.2 + 1e-6
    assert not layer.bias.numpy().any()
    again = make(tasks=20, width=50, init_range=0.2, seed=3)
    np.testing.assert_array_equal(again.kernel, start)


def test_one_task_is_rejected():
    with pytest.raises(
        ValueError, match="num_tasks: expected 2 or more, got 1"
    ):
        task_discriminator.TaskDiscriminator(1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
