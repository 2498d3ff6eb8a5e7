"""An LSTM with products of bfloat16 factors."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from mtl_tf.layers.packed_rnn import precision as precision_lib
from tests.helpers import packed

# Large enough for sums of many terms.
TASK_BATCHES, SEQ_LEN, BATCH, WIDTH, HIDDEN_SIZE = 3, 12, 8, 20, 16
both_directions = pytest.mark.parametrize("backwards", [False, True])
shared_or_own = pytest.mark.parametrize("shared", [False, True])


def make(shared):
    """Makes inputs, both kernels, bias, h_0 and c_0; and lengths."""
    random = np.random.default_rng(0)
    sets = 1 if shared else TASK_BATCHES
    shapes = (
        (TASK_BATCHES, SEQ_LEN, BATCH, WIDTH),
        (sets, WIDTH, 4 * HIDDEN_SIZE),
        (sets, HIDDEN_SIZE, 4 * HIDDEN_SIZE),
        (sets, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, BATCH, HIDDEN_SIZE),
        (TASK_BATCHES, BATCH, HIDDEN_SIZE),
    )
    arrays = [keras.random.normal(shape) for shape in shapes]
    # Gates are in the middle of their ranges.
    arrays[1:3] = [0.3 * array for array in arrays[1:3]]
    lengths = random.integers(1, SEQ_LEN + 1, (TASK_BATCHES, BATCH)).astype(
        np.int32
    )
    lengths[1, 2] = SEQ_LEN
    return arrays, lengths


def train(arguments, lengths, precision, backwards):
    """Returns the states, the final state, and gradients of all arguments."""
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        inputs, *weights, h_0, c_0 = arguments
        states, (h, c) = (
            lstm_ops.lstm(
                packed.pack(inputs, lengths),
                *weights,
                lengths,
                backwards=backwards,
                initial_state=(h_0, c_0),
                result=result,
                precision=precision,
            )
            for result in ("states", "final_state")
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


def largest_difference(actual, expected):
    """Returns the largest difference, relative to the largest value."""
    return np.max(abs(actual - expected)) / np.max(abs(expected))


@both_directions
@shared_or_own
def test_bfloat16_values_and_gradients_are_close_to_float32(backwards, shared):
    arguments, lengths = make(shared)
    expected, expected_gradients = train(
        arguments, lengths, "float32", backwards
    )
    actual, gradients = train(arguments, lengths, "bfloat16", backwards)
    for x, y in zip(actual, expected, strict=True):
        assert x.dtype == tf.float32
        # bfloat16 has 8 bits: the two are not the same.
        assert 1e-5 < largest_difference(x, y) < 0.02
    for x, y in zip(gradients, expected_gradients, strict=True):
        assert x.dtype == tf.float32
        assert 1e-5 < largest_difference(x, y) < 0.05


def bits_of_bfloat16(array):
    """Rounds float32 numbers to bfloat16."""
    return tf.cast(tf.cast(array, tf.bfloat16), tf.float32)


def test_state_is_float32():
    # One unit that forgets nothing, and adds sigmoid(0) * tanh(g) = 1 / 1000
    # to c in each step, from c_0 = 1. In bfloat16, c would not change: numbers
    # above 1 are 1 / 128 apart.
    steps = 100
    bias = tf.constant([[0.0, 99.0, np.arctanh(0.002), 99.0]])
    _, c = lstm_ops.lstm(
        tf.zeros([steps, 1, 1]),
        tf.zeros([1, 1, 4]),
        tf.zeros([1, 1, 4]),
        bias,
        tf.constant([[steps]]),
        initial_state=(tf.zeros([1, 1, 1]), tf.ones([1, 1, 1])),
        result="final_state",
        precision="bfloat16",
    )
    assert bits_of_bfloat16(1.001) == 1
    # The bias is a factor: rounding may change it by 1 / 256.
    np.testing.assert_allclose(c, [[[1 + steps * 0.001]]], atol=0.1 / 256)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture(params=["as on this machine", "in float32"])
def _products(request, monkeypatch):
    """Both types of products in bfloat16, whichever this machine uses."""
    if request.param == "in float32":
        monkeypatch.setattr(
            precision_lib, "_has_native_bfloat16", lambda: False
        )


# Number of terms in the sums. In bfloat16 there are 128 numbers between two
# powers of 2: sums in bfloat16 would be off by several of these steps.
TERMS = 1000


def make_step(rows, width, shared):
    """Makes one step from h_0 = 0, with factors that are already rounded.

    Returns:
      Inputs, kernel, recurrent kernel, bias; and float64 i, g and o.
    """
    random = np.random.default_rng(0)
    task_batches, sets = 2, 1 if shared else 2
    inputs, kernel, bias = (
        bits_of_bfloat16(random.normal(0.03, 1 / 30, shape)).numpy()
        for shape in (
            (task_batches, rows, width),
            (sets, width, 4 * HIDDEN_SIZE),
            (sets, 4 * HIDDEN_SIZE),
        )
    )
    z = inputs.astype(np.float64) @ kernel + bias[:, np.newaxis]
    i, _, g, o = np.split(bits_of_bfloat16(z).numpy(), 4, axis=-1)
    recurrent = np.zeros((sets, HIDDEN_SIZE, 4 * HIDDEN_SIZE), np.float32)
    gates = sigmoid(i), np.tanh(g), sigmoid(o)
    return (inputs, kernel, recurrent, bias), gates


def share_near(actual, expected):
    """Returns the share of equal numbers.

    A few differ: a sum halfway between two numbers may be rounded to either.
    """
    return np.mean(abs(actual - expected) < 1e-5 * np.max(abs(expected)))


@shared_or_own
@pytest.mark.parametrize("for_training", [False, True])
@pytest.mark.usefixtures("_products")
def test_sums_are_not_computed_in_bfloat16(shared, for_training):
    # Factors and results of a product are rounded, partial sums are not.
    arguments, (i, g, o) = make_step(BATCH, TERMS, shared)
    actual = lstm_ops.lstm(
        *arguments,
        np.ones((2, BATCH), np.int32),
        precision="bfloat16",
        for_training=for_training,
    )
    assert share_near(actual, o * np.tanh(i * g)) > 0.95


@shared_or_own
@pytest.mark.usefixtures("_products")
def test_sums_of_gradients_are_not_computed_in_bfloat16(shared):
    # The gradient of weights is a sum over texts, that of inputs over gates.
    arguments, (i, g, o) = make_step(TERMS, WIDTH, shared)
    variables = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        states = lstm_ops.lstm(
            *variables,
            np.ones((2, TERMS), np.int32),
            precision="bfloat16",
        )
        loss = tf.reduce_sum(states)
    dx, dw, _, db = tape.gradient(loss, variables)
    c = i * g
    dc = o * (1 - np.tanh(c) ** 2)
    dz = [
        dc * g * i * (1 - i),
        np.zeros_like(c),
        dc * i * (1 - g**2),
        np.tanh(c) * o * (1 - o),
    ]
    dz = bits_of_bfloat16(np.concatenate(dz, axis=-1)).numpy()
    dz = dz.astype(np.float64)
    inputs, kernel = (x.astype(np.float64) for x in arguments[:2])
    expected_dw = np.swapaxes(inputs, 1, 2) @ dz
    expected_db = dz.sum(axis=1)
    if shared:
        expected_dw = expected_dw.sum(axis=0, keepdims=True)
        expected_db = expected_db.sum(axis=0, keepdims=True)
    for actual, expected in (
        (dx, dz @ np.swapaxes(kernel, 1, 2)),
        (dw, expected_dw),
        (db, expected_db),
    ):
        assert actual.shape == expected.shape
        assert share_near(actual, bits_of_bfloat16(expected).numpy()) > 0.95


def test_sums_are_correct_without_onednn():
    # Without oneDNN, TensorFlow uses its kernels for processors without
    # AVX-512. It chooses them when it is loaded.
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-k", "not_computed_in_bfloat16", __file__),
        ],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-3000:]
    # Both types of products, shared weights or not, in training or not.
    assert "12 passed" in process.stdout


@pytest.mark.parametrize("native", [True, False])
def test_inference_graph_is_portable(native, monkeypatch):
    # It may be exported. A training graph runs where it was traced.
    monkeypatch.setattr(precision_lib, "_has_native_bfloat16", lambda: native)
    layer = lstm_lib.PerTaskLSTM(
        HIDDEN_SIZE, 2, init_range=1.0, seed=0, precision="bfloat16"
    )

    def multiplied(training):
        traced = tf.function(layer).get_concrete_function(
            tf.TensorSpec([None, BATCH, WIDTH]),
            tf.TensorSpec([None, BATCH], tf.int32),
            tf.TensorSpec([None], tf.int32),
            training=training,
        )
        graph = traced.graph.as_graph_def()
        nodes = [*graph.node]
        for function in graph.library.function:
            nodes += function.node_def
        products = [node for node in nodes if "MatMul" in node.op]
        return {tf.as_dtype(node.attr["T"].type) for node in products}

    assert multiplied(training=False) == {tf.float32}
    assert multiplied(training=True) == {tf.bfloat16 if native else tf.float32}


def test_layer_passes_the_precision():
    layers = [
        lstm_lib.PerTaskLSTM(
            HIDDEN_SIZE, 1, init_range=1.0, seed=0, precision=precision
        )
        for precision in choices.PRECISIONS
    ]
    inputs = keras.random.normal([SEQ_LEN, BATCH, WIDTH])
    lengths, task_ids = np.full((1, BATCH), SEQ_LEN, np.int32), np.array([0])
    actual, gradients = [], []
    for layer in layers:
        with tf.GradientTape() as tape:
            states = layer(inputs, lengths, task_ids, training=True)
            loss = tf.reduce_sum(states**2)
        actual.append(states.numpy())
        assert {weight.dtype for weight in layer.weights} == {"float32"}
        weights = [weight.value for weight in layer.trainable_weights]
        gradients.append(tape.gradient(loss, weights))
    assert (actual[0] != actual[1]).any()
    assert {g.dtype for g in gradients[1]} == {tf.float32}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
