import gc
import weakref

import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from mtl_tf.utils import gradient_registry
from tests.helpers import trainers


def names():
    return set(ops.gradient_registry._registry)


def traced():
    """Returns a concrete function with a custom gradient."""

    @tf.custom_gradient
    def square(x):
        return x**2, lambda upstream: 2 * x * upstream

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square(x)
        return tape.gradient(y, x)

    return tf.function(gradient).get_concrete_function(tf.TensorSpec([]))


def test_what_a_block_traces_is_forgotten_and_works():
    traced()
    before = names()
    with gradient_registry.released():
        function = traced()
        assert names() - before
    assert names() == before
    assert float(function(tf.constant(3.0))) == 6
    # Its graph goes with it.
    graph = weakref.ref(function.graph)
    del function
    gc.collect()
    assert graph() is None


def test_other_gradients_stay():
    with gradient_registry.released():
        tf.RegisterGradient("GradientRegistryTest")(lambda op, upstream: None)
    assert "GradientRegistryTest" in names()


def test_a_training_step_leaves_nothing():
    before = names()
    trainer = trainers.make_trainer(**trainers.LSTM, adversarial_weight=0.05)
    logs = trainer.train_step(trainers.make_batch())
    assert float(logs["training/gradient_norm"]) > 0
    assert names() == before


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
