"""An LSTM whose products have factors of bfloat16."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from mtl_tf.layers.packed_rnn import precision as precision_lib
from tests.helpers import packed

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
            lstm_ops.lstm(
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
    _, c = lstm_ops.lstm(
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


@pytest.fixture(params=["as this machine does", "in float32"])
def _products(request, monkeypatch):
    """Both ways to products in bfloat16, whichever this machine takes."""
    if request.param == "in float32":
        monkeypatch.setattr(
            precision_lib, "_has_native_bfloat16", lambda: False
        )


# Terms of the sums that are looked at. In bfloat16 a number is one of 256
# between two powers of 2: such sums are off by some of these steps.
TERMS = 1000


def make_step(rows, width, shared):
    """One step from h_0 = 0, with factors that are in bfloat16 already.

    Returns:
      Inputs, kernel, recurrent kernel, bias; and float64 i, g and o by group.
    """
    random = np.random.default_rng(0)
    groups, sets = 2, 1 if shared else 2
    inputs, kernel, bias = (
        bits_of_bfloat16(random.normal(0.03, 1 / 30, shape)).numpy()
        for shape in (
            (groups, rows, width),
            (sets, width, 4 * UNITS),
            (sets, 4 * UNITS),
        )
    )
    z = inputs.astype(np.float64) @ kernel + bias[:, np.newaxis]
    i, _, g, o = np.split(bits_of_bfloat16(z).numpy(), 4, axis=-1)
    recurrent = np.zeros((sets, UNITS, 4 * UNITS), np.float32)
    gates = sigmoid(i), np.tanh(g), sigmoid(o)
    return (inputs, kernel, recurrent, bias), gates


def share_near(got, wanted):
    """Share of numbers that are as good as the same.

    A sum halfway between two numbers may be rounded to either: a few are not.
    """
    return np.mean(abs(got - wanted) < 1e-5 * np.max(abs(wanted)))


@shared_or_own
@pytest.mark.parametrize("for_training", [False, True])
@pytest.mark.usefixtures("_products")
def test_sums_are_not_made_in_bfloat16(shared, for_training):
    # Numbers, and what comes out of a product, are rounded; what is being
    # added up is not.
    arguments, (i, g, o) = make_step(BATCH, TERMS, shared)
    got = lstm_ops.lstm(
        *arguments,
        np.ones((2, BATCH), np.int32),
        precision="bfloat16",
        for_training=for_training,
    )
    assert share_near(got, o * np.tanh(i * g)) > 0.95


@shared_or_own
@pytest.mark.usefixtures("_products")
def test_sums_of_gradients_are_not_made_in_bfloat16(shared):
    # The weights' gradient adds up over texts, the inputs' one over gates.
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
    wanted_dw = np.swapaxes(inputs, 1, 2) @ dz
    wanted_db = dz.sum(axis=1)
    if shared:
        wanted_dw = wanted_dw.sum(axis=0, keepdims=True)
        wanted_db = wanted_db.sum(axis=0, keepdims=True)
    for got, wanted in (
        (dx, dz @ np.swapaxes(kernel, 1, 2)),
        (dw, wanted_dw),
        (db, wanted_db),
    ):
        assert got.shape == wanted.shape
        assert share_near(got, bits_of_bfloat16(wanted).numpy()) > 0.95


def test_sums_are_right_with_the_kernels_of_another_processor():
    # Without oneDNN, TensorFlow runs those that it has for processors without
    # AVX-512. They are chosen as it is loaded.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-k", "not_made_in_bfloat16", __file__),
        ],
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    # For each: the two ways, shared weights or not, and in training or not.
    assert "12 passed" in done.stdout


@pytest.mark.parametrize("native", [True, False])
def test_a_graph_that_answers_is_right_on_any_machine(native, monkeypatch):
    # It may be exported. That of training runs where it is made.
    monkeypatch.setattr(precision_lib, "_has_native_bfloat16", lambda: native)
    layer = lstm_lib.PerTaskLSTM(
        UNITS, 2, init_range=1.0, seed=0, precision="bfloat16"
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


def test_layers_hand_the_precision_on():
    layers = [
        lstm_lib.PerTaskLSTM(
            UNITS, 1, init_range=1.0, seed=0, precision=precision
        )
        for precision in choices.PRECISIONS
    ]
    inputs = tf.random.normal([TIME, BATCH, WIDTH])
    lengths, task_ids = np.full((1, BATCH), TIME, np.int32), np.array([0])
    got, gradients = [], []
    for layer in layers:
        with tf.GradientTape() as tape:
            states = layer(inputs, lengths, task_ids, training=True)
            loss = tf.reduce_sum(states**2)
        got.append(states.numpy())
        assert {weight.dtype for weight in layer.weights} == {"float32"}
        weights = [weight.value for weight in layer.trainable_weights]
        gradients.append(tape.gradient(loss, weights))
    assert (got[0] != got[1]).any()
    assert {g.dtype for g in gradients[1]} == {tf.float32}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
