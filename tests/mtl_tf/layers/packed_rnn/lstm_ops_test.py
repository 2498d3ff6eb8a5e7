import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from tests.helpers import packed

GROUPS, TIME, BATCH, WIDTH, UNITS = 2, 9, 3, 3, 2
# The first group ends before the batch does, and holds a text of one token.
# Steps that both have are more than a round of the loop, and no two rounds.
LENGTHS = np.array([[6, 1, 3], [2, 9, 5]], np.int32)
both_directions = pytest.mark.parametrize("backwards", [False, True])


@pytest.fixture
def arrays():
    """inputs, both kernels and bias of the groups, and an upstream gradient."""
    random = np.random.default_rng(0)
    shapes = (
        (GROUPS, TIME, BATCH, WIDTH),
        (GROUPS, WIDTH, 4 * UNITS),
        (GROUPS, UNITS, 4 * UNITS),
        (GROUPS, 4 * UNITS),
        (GROUPS, TIME, BATCH, UNITS),
    )
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def run(inputs, *weights, **kwargs):
    """`lstm.lstm` of inputs by group; states by group, zero beyond an end."""
    inputs = packed.pack(inputs, LENGTHS)
    return packed.unpack(
        lstm_ops.lstm(inputs, *weights, LENGTHS, **kwargs), LENGTHS
    )


def texts():
    """Yields (group, its slice of time, number in the batch) of each text."""
    for group, text in np.ndindex(GROUPS, BATCH):
        yield group, slice(LENGTHS[group, text]), text


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_text(inputs, kernel, recurrent_kernel, bias):
    """h_1 .. h_T of one text [time, width], by the equations."""
    h, c, states = np.zeros(UNITS), np.zeros(UNITS), []
    for x_t in inputs:
        z = x_t @ kernel + h @ recurrent_kernel + bias
        i, f, g, o = np.split(z, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.array(states)


@both_directions
def test_equations(arrays, backwards):
    inputs, *weights, _ = arrays
    got = run(inputs, *weights, backwards=backwards).numpy()
    for group, time, text in texts():
        tokens = inputs[group, time, text]
        of_group = [weight[group] for weight in weights]
        if backwards:
            states = one_text(tokens[::-1], *of_group)[::-1]
        else:
            states = one_text(tokens, *of_group)
        np.testing.assert_allclose(got[group, time, text], states, atol=1e-6)


def test_one_step_by_hand():
    # One unit, x = 1; i, f, g, o get ln 3, 0, 1 and -ln 3 from x, and h_0 = 0:
    # c = sigmoid(ln 3) tanh(1) = 3/4 * 0.761594 = 0.571196
    # h = sigmoid(-ln 3) tanh(c) = 1/4 * 0.516237 = 0.129059
    kernel = [[[np.log(3), 0, 1, -np.log(3)]]]
    h = lstm_ops.lstm(
        tf.ones([1, 1, 1]),
        tf.constant(kernel, tf.float32),
        tf.fill([1, 1, 4], 9.0),
        tf.zeros([1, 4]),
        tf.constant([[1]]),
    )
    np.testing.assert_allclose(h, [[[0.129059]]], atol=1e-6)


def by_keras(arrays, backwards):
    """Gradients of sum(h * upstream), by `keras.layers.LSTM` text by text."""
    inputs, *weights, upstream = arrays
    states = np.zeros_like(upstream)
    gradients = [np.zeros_like(array) for array in arrays[:-1]]
    for group, time, text in texts():
        layer = keras.layers.LSTM(
            UNITS, return_sequences=True, go_backwards=backwards
        )
        tokens = tf.constant(inputs[group, time, text])[tf.newaxis]
        layer.build(tokens.shape)
        layer.set_weights([weight[group % len(weight)] for weight in weights])
        with tf.GradientTape() as tape:
            tape.watch(tokens)
            h = layer(tokens)[0]
            if backwards:
                h = h[::-1]
            loss = tf.reduce_sum(h * upstream[group, time, text])
        by_inputs, *by_weights = tape.gradient(
            loss, [tokens, *layer.trainable_variables]
        )
        states[group, time, text] = h
        gradients[0][group, time, text] = by_inputs[0]
        for total, part in zip(gradients[1:], by_weights, strict=True):
            total[group % len(total)] += part
    return states, gradients


@both_directions
@pytest.mark.parametrize(
    ("for_training", "traced"), [(True, False), (True, True), (False, True)]
)
@pytest.mark.parametrize("shared", [False, True])
def test_values_and_gradients_are_those_of_keras(
    arrays, backwards, for_training, traced, shared
):
    if shared:
        # One set of weights for all groups.
        arrays[1:4] = [weight[:1] for weight in arrays[1:4]]

    def train(*arrays):
        *arguments, upstream = arrays
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            h = run(*arguments, backwards=backwards, for_training=for_training)
            loss = tf.reduce_sum(h * upstream)
        gradients = tape.gradient(loss, arguments)
        return h, list(map(tf.convert_to_tensor, gradients))

    if traced:
        train = tf.function(train)
    states, gradients = train(*map(tf.constant, arrays))
    wanted_states, wanted_gradients = by_keras(arrays, backwards)
    np.testing.assert_allclose(states, wanted_states, atol=1e-6)
    for got, wanted in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(got, wanted, atol=5e-6)


@both_directions
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("garbage", [1e4, -1e30])
def test_what_lies_beyond_the_end_changes_nothing(
    arrays, backwards, shared, garbage
):
    inputs, *weights, upstream = map(tf.constant, arrays)
    if shared:
        weights = [weight[:1] for weight in weights]
    other = np.full(inputs.shape, garbage, np.float32)
    for group, time, text in texts():
        other[group, time, text] = inputs[group, time, text]
    results = []
    for arguments in ([inputs, *weights], [tf.constant(other), *weights]):
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            h = run(*arguments, backwards=backwards)
            loss = tf.reduce_sum(h * upstream)
        results.append([h, *tape.gradient(loss, arguments)])
    for first, second in zip(*results, strict=True):
        # Bit for bit.
        np.testing.assert_array_equal(first, second)
    # Beyond the ends nothing has a gradient.
    by_inputs = results[1][1].numpy()
    for group, time, text in texts():
        assert by_inputs[group, time, text].all()
        assert not by_inputs[group, time.stop :, text].any()


@both_directions
def test_states_are_packed_as_the_inputs_are(arrays, backwards):
    inputs, *weights, _ = arrays
    h = lstm_ops.lstm(
        packed.pack(inputs, LENGTHS), *weights, LENGTHS, backwards=backwards
    )
    rows = packed.rows(LENGTHS)
    assert h.shape == (len(rows), BATCH, UNITS)
    alone = lstm_ops.lstm(
        inputs[1], *(w[1:] for w in weights), LENGTHS[1:], backwards=backwards
    )
    for row, (group, step) in enumerate(rows):
        if group == 1:
            np.testing.assert_allclose(h[row], alone[step], atol=1e-6)


def make(**kwargs):
    layer = lstm_lib.PerTaskLSTM(UNITS, num_tasks=3, seed=0, **kwargs)
    layer.build((None, None, WIDTH))
    return layer


@both_directions
def test_the_layer_reads_each_group_with_its_reader(arrays, backwards):
    inputs = packed.pack(arrays[0], LENGTHS)
    layer = make(backwards=backwards, init_range=1.0)
    got = layer(inputs, LENGTHS, np.array([2, 0]))
    weights = [weight.numpy()[[2, 0]] for weight in layer.weights]
    wanted = lstm_ops.lstm(inputs, *weights, LENGTHS, backwards=backwards)
    np.testing.assert_array_equal(got, wanted)


def test_the_forget_bias_is_added_to_the_start_of_the_forget_gate_alone():
    start = make(forget_bias=1.0).bias.numpy() - make().bias.numpy()
    # Columns in the order i, f, g, o.
    np.testing.assert_allclose(start, [[0, 0, 1, 1, 0, 0, 0, 0]] * 3, atol=1e-6)


def test_recurrent_dropout_drops_the_same_elements_of_h_in_all_time_steps():
    """A row of the recurrent weights is dropped whole, or scaled up."""
    hidden_size, rate, num_tasks = 50, 0.3, 4
    layer = lstm_lib.PerTaskLSTM(
        hidden_size, num_tasks, init_range=1.0, recurrent_dropout=rate, seed=0
    )
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num_tasks * TIME, 2, WIDTH)).astype(np.float32)
    lengths = np.full((num_tasks, 2), TIME, np.int32)
    with tf.GradientTape() as tape:
        h = layer(inputs, lengths, np.arange(num_tasks), training=True)
        loss = tf.reduce_sum(h[-num_tasks:] ** 2)  # of the last step
    gradient = tape.gradient(loss, layer.recurrent_kernel.value)
    gradient = tf.convert_to_tensor(gradient).numpy()

    # A row that any time step of any text saw has a gradient.
    kept = gradient.any(axis=-1)
    # Four standard deviations for 200 rows: 4 sqrt(.3 .7 / 200) = 0.13.
    assert abs((1 - kept.mean()) - rate) < 0.13
    assert len({tuple(row) for row in kept}) == num_tasks
    mask = kept[..., np.newaxis] / (1 - rate)
    kernel, recurrent_kernel, bias = (w.numpy() for w in layer.weights)
    recurrent_kernel *= mask.astype(np.float32)
    wanted = lstm_ops.lstm(inputs, kernel, recurrent_kernel, bias, lengths)
    np.testing.assert_allclose(h, wanted, atol=1e-5)


def test_recurrent_dropout_is_off_at_inference_and_new_in_each_step(arrays):
    inputs, task_ids = packed.pack(arrays[0], LENGTHS), np.array([0, 0])
    layer = make(recurrent_dropout=0.5, init_range=1.0)
    np.testing.assert_array_equal(
        layer(inputs, LENGTHS, task_ids),
        make(init_range=1.0)(inputs, LENGTHS, task_ids),
    )
    steps = [layer(inputs, LENGTHS, task_ids, training=True) for _ in range(8)]
    assert len({step.numpy().tobytes() for step in steps}) > 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
