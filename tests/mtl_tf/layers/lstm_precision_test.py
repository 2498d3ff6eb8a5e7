"""An LSTM whose products have factors of bfloat16."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm
from mtl_tf.layers import stacked_lstm
from tests import packed

# Enough texts and units that sums have many terms.
GROUPS, TIME, BATCH, WIDTH, UNITS = 3, 12, 8, 20, 16
both_directions = pytest.mark.parametrize("backwards", [False, True])
shared_or_own = pytest.mark.parametrize("shared", [False, True])


def make(shared):
    """Inputs by group, both kernels, bias, h_0 and c_0; and lengths."""
    random = np.random.default_rng(0)
    sets = 1 if shared else GROUPS
    shapes = (
        (GROUPS, TIME, BATCH, WIDTH),
        (sets, WIDTH, 4 * UNITS),
        (sets, UNITS, 4 * UNITS),
        (sets, 4 * UNITS),
        (GROUPS, BATCH, UNITS),
        (GROUPS, BATCH, UNITS),
    )
    arrays = [tf.random.normal(shape) for shape in shapes]
    # Gates in the middle of their ranges.
    arrays[1:3] = [0.3 * array for array in arrays[1:3]]
    lengths = random.integers(1, TIME + 1, (GROUPS, BATCH)).astype(np.int32)
    lengths[1, 2] = TIME
    return arrays, lengths


def train(arguments, lengths, precision, backwards):
    """Results of all steps and of the end, and gradients of all arguments."""
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        inputs, *weights, h_0, c_0 = arguments
        states, (h, c) = (
            lstm.lstm(
                packed.pack(inputs, lengths),
                *weights,
                lengths,
                backwards=backwards,
                initial_state=(h_0, c_0),
                result=result,
                precision=precision,
            )
            for result in ("states", "end")
        )
        results = [packed.unpack(states, lengths), h, c]
        random = np.random.default_rng(1)
        loss = tf.add_n(
            [
                tf.reduce_sum(result * random.normal(size=result.shape))
                for result in results
            ]
        )
    return results, tape.gradient(loss, arguments)


def furthest(got, wanted):
    """The largest difference, as a share of the largest number wanted."""
    return np.max(abs(got - wanted)) / np.max(abs(wanted))


@both_directions
@shared_or_own
def test_bfloat16_is_near_float32_in_values_and_gradients(backwards, shared):
    arguments, lengths = make(shared)
    wanted, wanted_gradients = train(arguments, lengths, "float32", backwards)
    got, gradients = train(arguments, lengths, "bfloat16", backwards)
    for one, other in zip(got, wanted, strict=True):
        assert one.dtype == tf.float32
        # bfloat16 has 8 bits: the two are not the same.
        assert 1e-5 < furthest(one, other) < 0.02
    for one, other in zip(gradients, wanted_gradients, strict=True):
        assert one.dtype == tf.float32
        assert 1e-5 < furthest(one, other) < 0.05


def bits_of_bfloat16(array):
    """What is left of float32 numbers when they are rounded."""
    return tf.cast(tf.cast(array, tf.bfloat16), tf.float32)


def test_the_state_goes_on_in_float32():
    # One unit that forgets nothing and adds sigmoid(0) * tanh(g) = 1 / 1000 in
    # each step to c, which begins at 1. In bfloat16 nothing would come of it:
    # numbers from 1 on are 1 / 128 apart.
    steps = 100
    bias = tf.constant([[0.0, 99.0, np.arctanh(0.002), 99.0]])
    _, c = lstm.lstm(
        tf.zeros([steps, 1, 1]),
        tf.zeros([1, 1, 4]),
        tf.zeros([1, 1, 4]),
        bias,
        tf.constant([[steps]]),
        initial_state=(tf.zeros([1, 1, 1]), tf.ones([1, 1, 1])),
        result="end",
        precision="bfloat16",
    )
    assert bits_of_bfloat16(1.001) == 1
    # The bias is a factor: 1 / 256 of it may be rounded off.
    np.testing.assert_allclose(c, [[[1 + steps * 0.001]]], atol=0.1 / 256)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_sums_are_not_made_in_bfloat16():
    # One step from h_0 = 0, from factors in bfloat16. Numbers, and what comes
    # out of a product, are rounded; what is being added up is not.
    random = np.random.default_rng(0)
    width = 1000
    inputs, kernel, bias = (
        bits_of_bfloat16(random.normal(0.03, 1 / 30, shape)).numpy()
        for shape in ((1, BATCH, width), (1, width, 4 * UNITS), (1, 4 * UNITS))
    )
    z = inputs[0].astype(np.float64) @ kernel[0] + bias[0]
    i, _, g, o = np.split(bits_of_bfloat16(z).numpy(), 4, axis=-1)
    wanted = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))
    got = lstm.lstm(
        inputs,
        kernel,
        np.zeros((1, UNITS, 4 * UNITS), np.float32),
        bias,
        np.ones((1, BATCH), np.int32),
        precision="bfloat16",
    )
    # A sum halfway between two numbers may be rounded to either: all but a few.
    assert np.mean(abs(got[0] - wanted) < 1e-5) > 0.95


def test_layers_hand_the_precision_on():
    layers = [
        stacked_lstm.StackedLSTM(
            UNITS, 1, init_range=1.0, seed=0, precision=precision
        )
        for precision in lstm.PRECISIONS
    ]
    inputs = tf.random.normal([TIME, BATCH, WIDTH])
    lengths, reader = np.full((1, BATCH), TIME, np.int32), np.array([0])
    got, gradients = [], []
    for layer in layers:
        with tf.GradientTape() as tape:
            states = layer(inputs, lengths, reader, training=True)
            loss = tf.reduce_sum(states**2)
        got.append(states.numpy())
        assert {weight.dtype for weight in layer.weights} == {"float32"}
        weights = [weight.value for weight in layer.trainable_weights]
        gradients.append(tape.gradient(loss, weights))
    assert (got[0] != got[1]).any()
    assert {g.dtype for g in gradients[1]} == {tf.float32}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
