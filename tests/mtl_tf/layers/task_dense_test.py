import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import task_dense

NUM_TASKS, WIDTH, HIDDEN_SIZE = 3, 4, 2


@pytest.fixture
def layer():
    layer = task_dense.TaskDense(HIDDEN_SIZE, NUM_TASKS, init_range=1.0, seed=0)
    layer.build((None, None, WIDTH))
    return layer


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(3, 5, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("task_ids", [[0, 1, 2], [2, 0, 2]])
def test_equation(layer, features, task_ids):
    actual = layer(features, np.array(task_ids)).numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    assert bias.any()
    for task_batch, task in enumerate(task_ids):
        for text, h in enumerate(features[task_batch]):
            expected = np.tanh(h @ kernel[task] + bias[task])
            np.testing.assert_allclose(
                actual[task_batch, text], expected, atol=1e-6
            )


def test_tasks_do_not_depend_on_each_other(layer, features):
    """Nor on the number or the order of the other tasks."""
    all_three = layer(features, np.array([0, 1, 2])).numpy()
    reversed_ = layer(features[::-1], np.array([2, 1, 0])).numpy()[::-1]
    np.testing.assert_allclose(reversed_, all_three, atol=1e-6)
    alone = layer(features[2:], np.array([2])).numpy()
    np.testing.assert_allclose(alone, all_three[2:], atol=1e-6)
    # The weights of a task do not change the results of the others.
    for weight in layer.weights:
        value = weight.numpy()
        value[1] += 1
        weight.assign(value)
    changed = layer(features, np.array([0, 1, 2])).numpy()
    np.testing.assert_array_equal(changed[[0, 2]], all_three[[0, 2]])
    assert (changed[1] != all_three[1]).all()


def test_gradient_is_only_of_tasks_in_the_batch(layer, features):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(features[:2], np.array([2, 0])))
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert isinstance(gradient, tf.IndexedSlices)
        assert gradient.indices.numpy().tolist() == [2, 0]


@pytest.mark.parametrize("task_ids", [[0, 1, 2], [2, 0, 2], [1]])
def test_chained_layers_equation(features, task_ids):
    layer = task_dense.ChainedTaskDense(
        HIDDEN_SIZE, NUM_TASKS, init_range=1.0, seed=0
    )
    actual = layer(features[: len(task_ids)], np.array(task_ids)).numpy()
    kernels = [kernel.numpy() for kernel in layer.kernels]
    assert [kernel.shape for kernel in kernels] == [(4, 2), (2, 2), (2, 2)]
    assert (kernels[1] != kernels[2]).all()
    bias = layer.bias.numpy()
    assert bias.any()
    for task_batch, task in enumerate(task_ids):
        for text, h in enumerate(features[task_batch]):
            for layer_index in range(task + 1):
                h = np.tanh(h @ kernels[layer_index] + bias[layer_index])
            np.testing.assert_allclose(actual[task_batch, text], h, atol=1e-6)


def test_chained_layer_trains_the_layers_before_it(features):
    layer = task_dense.ChainedTaskDense(
        HIDDEN_SIZE, NUM_TASKS, init_range=1.0, seed=0
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(features[:1], np.array([1])))
    gradients = tape.gradient(loss, [k.value for k in layer.kernels])
    moved = [tf.reduce_any(g != 0).numpy() for g in gradients]
    assert moved == [True, True, False]


def test_other_activations(features):
    layer = task_dense.TaskDense(HIDDEN_SIZE, 1, activation="relu", seed=0)
    actual = layer(features, np.array([0, 0, 0])).numpy()
    linear = features @ layer.kernel.numpy()[0] + layer.bias.numpy()[0]
    np.testing.assert_allclose(actual, np.maximum(linear, 0), atol=1e-6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
