import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import task_discriminator


def make(tasks=3, width=2, **kwargs):
    layer = task_discriminator.TaskDiscriminator(tasks, **kwargs)
    layer.build((None, None, width))
    return layer


def test_scores():
    layer = make()
    layer.kernel.assign([[1, 0], [0, 1], [1, -1]])
    layer.bias.assign([0, 10, 100])
    # s = (2, 3): 2, 3 + 10, 2 - 3 + 100; s = (-1, 0): -1, 10, -1 + 100.
    scores = layer(tf.constant([[[2.0, 3.0]], [[-1.0, 0.0]]]))
    np.testing.assert_array_equal(scores, [[[2, 13, 99]], [[-1, 10, 99]]])


def gradients(layer, features, frozen):
    with tf.GradientTape() as tape:
        tape.watch(features)
        scores = layer(features, frozen=frozen)
        # Not their plain sum: a softmax loss weights them too.
        loss = tf.reduce_sum(scores * tf.range(3.0) ** 2)
    return tape.gradient(loss, [features, *layer.trainable_variables])


def test_frozen_lets_no_gradient_into_its_weights():
    layer = make(seed=1)
    features = tf.random.normal([2, 4, 2])
    by_features, *by_weights = gradients(layer, features, frozen=True)
    assert by_weights == [None, None]
    expected, *by_weights = gradients(layer, features, frozen=False)
    np.testing.assert_array_equal(by_features, expected)
    assert all(tf.reduce_min(abs(g[1:])) > 0 for g in by_weights)


def test_start():
    layer = make(tasks=20, width=50, init_range=0.2, seed=3)
    start = layer.kernel.numpy()
    assert start.shape == (20, 50)
    assert 0.19 < abs(start).max() <= 0.2 + 1e-6
    assert not layer.bias.numpy().any()
    again = make(tasks=20, width=50, init_range=0.2, seed=3)
    np.testing.assert_array_equal(again.kernel, start)


def test_one_task_is_refused():
    with pytest.raises(ValueError, match="at least 2 tasks, got 1"):
        task_discriminator.TaskDiscriminator(1)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
