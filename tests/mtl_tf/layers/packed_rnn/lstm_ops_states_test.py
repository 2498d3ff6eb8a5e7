"""Initial and final states of an LSTM."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from tests.helpers import packed

TASK_BATCHES, SEQ_LEN, BATCH, WIDTH, HIDDEN_SIZE = 2, 5, 3, 3, 2
# The first task batch is shorter than the other, and has a text of one token.
LENGTHS = np.array([[4, 1, 3], [2, 5, 5]], np.int32)
both_directions = pytest.mark.parametrize("backwards", [False, True])


def make(seed, *shapes):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def arrays():
    """Inputs, both kernels, bias, and an upstream gradient."""
    return make(
        0,
        (TASK_BATCHES, SEQ_LEN, BATCH, WIDTH),
        (TASK_BATCHES, WIDTH, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, HIDDEN_SIZE, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, SEQ_LEN, BATCH, HIDDEN_SIZE),
    )


def texts():
    """Yields (task batch, slice of the steps, index in it) of each text."""
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        yield task_batch, slice(LENGTHS[task_batch, text]), text


def run(inputs, *weights, lengths=LENGTHS, **kwargs):
    """Runs `lstm` on unpacked inputs; returns states and the final state."""
    arguments = (packed.pack(inputs, lengths), *weights, lengths)
    states = lstm_ops.lstm(*arguments, **kwargs)
    final = lstm_ops.lstm(*arguments, result="final_state", **kwargs)
    return packed.unpack(states, lengths), final


def state_arrays():
    """Makes h_0, c_0, and upstream gradients of the final h and c."""
    return make(1, *[(TASK_BATCHES, BATCH, HIDDEN_SIZE)] * 4)


def states_by_keras(inputs, weights, start, backwards):
    """Computes h of all steps and the final state by `keras.layers.LSTM`.

    With an `initial_state`, Keras ignores a mask that is no argument of the
    call.
    """
    states, ends = [], []
    for task_batch in range(TASK_BATCHES):
        layer = keras.layers.LSTM(
            HIDDEN_SIZE, return_sequences=True, return_state=True
        )
        lengths = tf.constant(LENGTHS[task_batch])
        tokens = tf.transpose(inputs[task_batch], [1, 0, 2])
        if backwards:
            tokens = tf.reverse_sequence(tokens, lengths, seq_axis=1)
        layer.build(tokens.shape)
        # Tensors replace the variables, so that a tape can watch them.
        cell = layer.cell
        for name, weight in zip(
            ("kernel", "recurrent_kernel", "bias"), weights, strict=True
        ):
            cell._untrack_variable(getattr(cell, name))
            setattr(cell, name, weight[task_batch % len(weight)])
        mask = tf.sequence_mask(lengths, SEQ_LEN)
        h, *final = layer(
            tokens, initial_state=[s[task_batch] for s in start], mask=mask
        )
        if backwards:
            h = tf.reverse_sequence(h, lengths, seq_axis=1)
        h = h * tf.cast(mask, tf.float32)[..., tf.newaxis]
        states.append(tf.transpose(h, [1, 0, 2]))
        ends.append(final)
    return tf.stack(states), [tf.stack(s) for s in zip(*ends, strict=True)]


@both_directions
@pytest.mark.parametrize(
    ("used", "shared", "for_training"),
    [
        ("states", False, True),
        ("final_state", False, True),
        ("both", False, True),
        ("both", True, True),
        ("both", True, False),
    ],
)
def test_states_and_gradients_equal_keras(
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
            if used != "final_state":
                loss += tf.reduce_sum(states * upstream)
            if used != "states":
                loss += tf.reduce_sum(h * upstream_h + c * upstream_c)
        gradients = tape.gradient(loss, arguments)
        gradients = map(tf.convert_to_tensor, gradients)
        results.append([states, h, c, *gradients])
    for actual, expected in zip(*results, strict=True):
        assert tf.reduce_any(expected != 0)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


@both_directions
def test_gradients_equal_finite_differences(arrays, backwards):
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
    for index, gradient in enumerate(gradients):
        # Along random directions.
        for _ in range(3):
            direction = random.normal(size=gradient.shape).astype(np.float32)
            direction /= np.linalg.norm(direction)
            after, before = (
                loss(
                    *arguments[:index],
                    arguments[index] + step * direction,
                    *arguments[index + 1 :],
                )
                for step in (small, -small)
            )
            np.testing.assert_allclose(
                np.sum(gradient * direction),
                (after - before) / (2 * small),
                atol=1e-2,
            )


@both_directions
def test_lstm_continues_from_the_final_state_of_another(arrays, backwards):
    inputs, *weights, _ = arrays
    # Texts of 5 tokens, as one piece, or as pieces of 2 and 3.
    full_lengths = np.full((TASK_BATCHES, BATCH), SEQ_LEN, np.int32)
    states, final = run(
        inputs, *weights, lengths=full_lengths, backwards=backwards
    )
    pieces = [inputs[:, :2], inputs[:, 2:]]
    state, read = None, []
    for piece in pieces[::-1] if backwards else pieces:
        lengths = np.full((TASK_BATCHES, BATCH), piece.shape[1], np.int32)
        h, state = run(
            piece,
            *weights,
            lengths=lengths,
            backwards=backwards,
            initial_state=state,
        )
        read.append(h)
    read = tf.concat(read[::-1] if backwards else read, axis=1)
    np.testing.assert_allclose(read, states, atol=1e-6)
    for actual, expected in zip(state, final, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-6)


@both_directions
def test_padding_and_other_task_batches_do_not_change_the_final_state(
    arrays, backwards
):
    inputs, *weights, _ = arrays
    start = state_arrays()[:2]

    def final(inputs, start):
        _, state = run(
            inputs, *weights, backwards=backwards, initial_state=start
        )
        return np.stack(state)

    other = np.full(
        (TASK_BATCHES, SEQ_LEN + 3, *inputs.shape[2:]), 1e4, np.float32
    )
    for task_batch, tokens, text in texts():
        other[task_batch, tokens, text] = inputs[task_batch, tokens, text]
    expected = final(inputs, start)
    np.testing.assert_allclose(final(other, start), expected, atol=1e-6)
    np.testing.assert_array_equal(final(other[:, :SEQ_LEN], start), expected)
    # With equal shapes, bit for bit.
    inputs = np.concatenate([inputs[:1], -inputs[1:]])
    start = [np.concatenate([s[:1], 2 - s[1:]]) for s in start]
    actual = final(inputs, start)
    np.testing.assert_array_equal(actual[:, 0], expected[:, 0])
    assert (actual[:, 1] != expected[:, 1]).all()


@both_directions
def test_last_equals_h_of_end_in_values_and_gradients(arrays, backwards):
    inputs, *weights, _ = map(tf.constant, arrays)
    weight = tf.constant(state_arrays()[2])
    arguments = [packed.pack(inputs, LENGTHS), *weights]
    results = []
    for result in ("last_hidden", "final_state"):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            h = lstm_ops.lstm(
                *arguments, LENGTHS, backwards=backwards, result=result
            )
            h = h[0] if result == "final_state" else h
            loss = tf.reduce_sum(h * weight)
        results.append([h, *tape.gradient(loss, arguments)])
    for actual, expected in zip(*results, strict=True):
        assert tf.reduce_any(expected != 0)
        np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_layer_accepts_and_returns_states(arrays):
    inputs, start = packed.pack(arrays[0], LENGTHS), state_arrays()[:2]
    layer = lstm_lib.PerTaskLSTM(
        HIDDEN_SIZE, num_tasks=3, init_range=1.0, seed=0
    )
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
