"""The states that an LSTM starts from and ends in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from tests.helpers import packed

GROUPS, TIME, BATCH, WIDTH, UNITS = 2, 5, 3, 3, 2
# The first group ends before the batch does, and holds a text of one token.
LENGTHS = np.array([[4, 1, 3], [2, 5, 5]], np.int32)
both_directions = pytest.mark.parametrize("backwards", [False, True])


def make(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def arrays():
    """inputs, both kernels and bias of the groups, and an upstream gradient."""
    return make(
        0,
        (GROUPS, TIME, BATCH, WIDTH),
        (GROUPS, WIDTH, 4 * UNITS),
        (GROUPS, UNITS, 4 * UNITS),
        (GROUPS, 4 * UNITS),
        (GROUPS, TIME, BATCH, UNITS),
    )


def texts():
    """Yields (group, its slice of time, number in the batch) of each text."""
    for group, text in np.ndindex(GROUPS, BATCH):
        yield group, slice(LENGTHS[group, text]), text


def run(inputs, *weights, lengths=LENGTHS, **kwargs):
    """`lstm.lstm` of inputs by group; states by group, and that of the end."""
    arguments = (packed.pack(inputs, lengths), *weights, lengths)
    states = lstm_ops.lstm(*arguments, **kwargs)
    end = lstm_ops.lstm(*arguments, result="end", **kwargs)
    return packed.unpack(states, lengths), end


# Of h_0, c_0, and of the gradients that come to h and c of the end.
def state_arrays():
    return make(1, *[(GROUPS, BATCH, UNITS)] * 4)


def states_by_keras(inputs, weights, start, backwards):
    """The h of all steps and the state of the end, group by group.

    Keras loses a mask beside `initial_state` unless it is given to the call.
    """
    states, ends = [], []
    for group in range(GROUPS):
        layer = keras.layers.LSTM(
            UNITS, return_sequences=True, return_state=True
        )
        lengths = tf.constant(LENGTHS[group])
        tokens = tf.transpose(inputs[group], [1, 0, 2])
        if backwards:
            tokens = tf.reverse_sequence(tokens, lengths, seq_axis=1)
        layer.build(tokens.shape)
        # Tensors take the place of the weights, so that a tape sees them.
        cell = layer.cell
        for name, weight in zip(
            ("kernel", "recurrent_kernel", "bias"), weights, strict=True
        ):
            cell._untrack_variable(getattr(cell, name))
            setattr(cell, name, weight[group % len(weight)])
        mask = tf.sequence_mask(lengths, TIME)
        h, *end = layer(
            tokens, initial_state=[s[group] for s in start], mask=mask
        )
        if backwards:
            h = tf.reverse_sequence(h, lengths, seq_axis=1)
        h = h * tf.cast(mask, tf.float32)[..., tf.newaxis]
        states.append(tf.transpose(h, [1, 0, 2]))
        ends.append(end)
    return tf.stack(states), [tf.stack(s) for s in zip(*ends, strict=True)]


@both_directions
@pytest.mark.parametrize(
    ("used", "shared", "for_training"),
    [
        ("states", False, True),
        ("end", False, True),
        ("both", False, True),
        ("both", True, True),
        ("both", True, False),
    ],
)
def test_states_and_their_gradients_are_those_of_keras(
    arrays, backwards, used, shared, for_training
):
    *arguments, upstream = map(tf.constant, arrays)
    if shared:
        arguments[1:] = [weight[:1] for weight in arguments[1:]]
    *start, upstream_h, upstream_c = map(tf.constant, state_arrays())
    arguments += start

    def ours(inputs, kernel, recurrent_kernel, bias, h_0, c_0):
        return run(
            inputs,
            kernel,
            recurrent_kernel,
            bias,
            backwards=backwards,
            initial_state=(h_0, c_0),
            for_training=for_training,
        )

    def theirs(inputs, kernel, recurrent_kernel, bias, h_0, c_0):
        weights = (kernel, recurrent_kernel, bias)
        return states_by_keras(inputs, weights, (h_0, c_0), backwards)

    results = []
    for compute in (ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            states, (h, c) = compute(*arguments)
            loss = 0.0
            if used != "end":
                loss += tf.reduce_sum(states * upstream)
            if used != "states":
                loss += tf.reduce_sum(h * upstream_h + c * upstream_c)
        gradients = tape.gradient(loss, arguments)
        gradients = map(tf.convert_to_tensor, gradients)
        results.append([states, h, c, *gradients])
    for got, wanted in zip(*results, strict=True):
        assert tf.reduce_any(wanted != 0)
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@both_directions
def test_gradients_are_finite_differences(arrays, backwards):
    arguments = [*arrays[:-1], *state_arrays()[:2]]

    def loss(*arguments):
        *arguments, h_0, c_0 = arguments
        states, (h, c) = run(
            *arguments, backwards=backwards, initial_state=(h_0, c_0)
        )
        return (
            tf.reduce_sum(states**2)
            + tf.reduce_sum(tf.sin(h))
            + tf.reduce_sum(c**2)
        )

    with tf.GradientTape() as tape:
        tensors = list(map(tf.constant, arguments))
        tape.watch(tensors)
        total = loss(*tensors)
    gradients = tape.gradient(total, tensors)
    random, small = np.random.default_rng(2), 1e-2
    for place, gradient in enumerate(gradients):
        # Along some directions at random.
        for _ in range(3):
            direction = random.normal(size=gradient.shape).astype(np.float32)
            direction /= np.linalg.norm(direction)
            after, before = (
                loss(
                    *arguments[:place],
                    arguments[place] + step * direction,
                    *arguments[place + 1 :],
                )
                for step in (small, -small)
            )
            np.testing.assert_allclose(
                np.sum(gradient * direction),
                (after - before) / (2 * small),
                atol=1e-2,
            )


@both_directions
def test_an_lstm_goes_on_where_another_stopped(arrays, backwards):
    inputs, *weights, _ = arrays
    # Texts of 5 tokens, read in one piece or as 2 (or 3) and 3 (or 2).
    whole = np.full((GROUPS, BATCH), TIME, np.int32)
    states, end = run(inputs, *weights, lengths=whole, backwards=backwards)
    parts = [inputs[:, :2], inputs[:, 2:]]
    state, read = None, []
    for part in parts[::-1] if backwards else parts:
        lengths = np.full((GROUPS, BATCH), part.shape[1], np.int32)
        h, state = run(
            part,
            *weights,
            lengths=lengths,
            backwards=backwards,
            initial_state=state,
        )
        read.append(h)
    read = tf.concat(read[::-1] if backwards else read, axis=1)
    np.testing.assert_allclose(read, states, atol=1e-6)
    for got, wanted in zip(state, end, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


@both_directions
def test_padding_and_other_groups_change_no_end(arrays, backwards):
    inputs, *weights, _ = arrays
    start = state_arrays()[:2]

    def end(inputs, start):
        _, state = run(
            inputs, *weights, backwards=backwards, initial_state=start
        )
        return np.stack(state)

    other = np.full((GROUPS, TIME + 3, *inputs.shape[2:]), 1e4, np.float32)
    for group, time, text in texts():
        other[group, time, text] = inputs[group, time, text]
    wanted = end(inputs, start)
    np.testing.assert_allclose(end(other, start), wanted, atol=1e-6)
    np.testing.assert_array_equal(end(other[:, :TIME], start), wanted)
    # Of the same shapes; bit for bit.
    inputs = np.concatenate([inputs[:1], -inputs[1:]])
    start = [np.concatenate([s[:1], 2 - s[1:]]) for s in start]
    got = end(inputs, start)
    np.testing.assert_array_equal(got[:, 0], wanted[:, 0])
    assert (got[:, 1] != wanted[:, 1]).all()


@both_directions
def test_last_is_h_of_the_end_in_values_and_gradients(arrays, backwards):
    inputs, *weights, _ = map(tf.constant, arrays)
    weight = tf.constant(state_arrays()[2])
    arguments = [packed.pack(inputs, LENGTHS), *weights]
    results = []
    for result in ("last", "end"):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            h = lstm_ops.lstm(
                *arguments, LENGTHS, backwards=backwards, result=result
            )
            h = h[0] if result == "end" else h
            loss = tf.reduce_sum(h * weight)
        results.append([h, *tape.gradient(loss, arguments)])
    for got, wanted in zip(*results, strict=True):
        assert tf.reduce_any(wanted != 0)
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_the_layer_takes_and_gives_states(arrays):
    inputs, start = packed.pack(arrays[0], LENGTHS), state_arrays()[:2]
    layer = lstm_lib.PerTaskLSTM(UNITS, num_tasks=3, init_range=1.0, seed=0)
    task_ids = np.array([2, 0])
    layer.build(inputs.shape)
    weights = [weight.numpy()[task_ids] for weight in layer.weights]
    for result in lstm_ops.RESULTS:
        np.testing.assert_array_equal(
            layer(inputs, LENGTHS, task_ids, start, result=result),
            lstm_ops.lstm(
                inputs,
                *weights,
                LENGTHS,
                initial_state=start,
                result=result,
            ),
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
