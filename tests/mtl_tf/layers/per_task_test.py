import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import per_task


class Scale(per_task.PerTaskLayer):
    """A layer that computes features * weight + bias."""

    def build(self, features_shape, task_ids_shape=None):
        self.weight = self.add_per_task_weight("weight", (features_shape[-1],))
        self.bias = self.add_per_task_weight(
            "bias", (features_shape[-1],), offset=tf.constant([5.0, 0.0])
        )

    def call(self, features, task_ids):
        weight = self.gather(self.weight, task_ids)[:, tf.newaxis]
        return features * weight + self.gather(self.bias, task_ids)[:, None]


def test_task_batch_uses_the_weights_of_its_task():
    layer = Scale(3)
    layer.build((None, None, 2))
    layer.weight.assign([[1, 2], [10, 20], [100, 200]])
    layer.bias.assign(np.zeros((3, 2)))
    output = layer(tf.ones([4, 1, 2]), tf.constant([2, 0, 2, 1]))
    np.testing.assert_array_equal(
        output[:, 0], [[100, 200], [1, 2], [100, 200], [10, 20]]
    )


def test_gradient_is_sparse_and_only_of_tasks_in_the_batch():
    layer = Scale(4)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.ones([3, 1, 2]), tf.constant([3, 1, 3])))
    gradient = tape.gradient(loss, layer.weight.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [3, 1, 3]


def test_initial_weights_are_uniform_and_differ():
    layer = Scale(1000, init_range=0.3, seed=1)
    layer.build((None, None, 2))
    weight = layer.weight.numpy()
    bias = layer.bias.numpy() - [5, 0]
    for start in (weight, bias):
        assert abs(start).max() <= 0.3 + 1e-6
        # The standard deviation of a uniform distribution is range / sqrt(3);
        # that of its estimate from n = 2000 is below range / sqrt(n).
        assert abs(start.std() - 0.3 / 3**0.5) < 4 * 0.3 / 2000**0.5
    assert abs(weight - bias).max() > 0.1


@pytest.mark.parametrize(("seed", "is_equal"), [(1, True), (2, False)])
def test_seed_determines_the_initial_weights(seed, is_equal):
    layers = [Scale(3, seed=1), Scale(3, seed=seed)]
    for layer in layers:
        layer.build((None, None, 2))
    same = layers[0].weight.numpy() == layers[1].weight.numpy()
    assert same.all() == is_equal


def test_zero_tasks_are_rejected():
    with pytest.raises(
        ValueError, match="num_tasks: expected 1 or more, got 0"
    ):
        Scale(0)


def test_seed_state_is_named_after_its_layer():
    class Noise(keras.layers.Layer):
        def build(self, input_shape):
            self.seed_generator = per_task.seed_generator(7)

    paths = []
    for _ in range(2):
        layer = Noise(name="noise")
        layer.build((1,))
        paths += [variable.path for variable in layer.variables]
        # The name must not depend on other generators of the process.
        keras.random.SeedGenerator(7)
    assert paths == ["noise/seed_generator/seed_generator_state"] * 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
