import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm as lstm_lib
from mtl_tf.layers.packed_rnn import lstm_ops
from tests.helpers import packed

TASK_BATCHES, SEQ_LEN, BATCH, WIDTH, HIDDEN_SIZE = 2, 9, 3, 3, 2
# The first task batch is shorter than the other, and has a text of one token.
# Both have more steps than one iteration of a loop, and less than two.
LENGTHS = np.array([[6, 1, 3], [2, 9, 5]], np.int32)
both_directions = pytest.mark.parametrize("backwards", [False, True])


@pytest.fixture
def arrays():
    """Inputs, both kernels, bias, and an upstream gradient."""
    random = np.random.default_rng(0)
    shapes = (
        (TASK_BATCHES, SEQ_LEN, BATCH, WIDTH),
        (TASK_BATCHES, WIDTH, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, HIDDEN_SIZE, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, SEQ_LEN, BATCH, HIDDEN_SIZE),
    )
    return [random.normal(size=shape).astype(np.float32) for shape in shapes]


def run(inputs, *weights, **kwargs):
    """Runs `lstm` on unpacked inputs; states are 0 beyond the end of a text."""
    inputs = packed.pack(inputs, LENGTHS)
    return packed.unpack(
        lstm_ops.lstm(inputs, *weights, LENGTHS, **kwargs), LENGTHS
    )


def texts():
    """Yields (task batch, slice of the steps, index in it) of each text."""
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        yield task_batch, slice(LENGTHS[task_batch, text]), text


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_text(inputs, kernel, recurrent_kernel, bias):
    """Computes h_1 .. h_T of one text, [seq_len, width], by Eq. 1-3."""
    h, c, states = np.zeros(HIDDEN_SIZE), np.zeros(HIDDEN_SIZE), []
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
    actual = run(inputs, *weights, backwards=backwards).numpy()
    for task_batch, steps, text in texts():
        tokens = inputs[task_batch, steps, text]
        of_task_batch = [weight[task_batch] for weight in weights]
        if backwards:
            states = one_text(tokens[::-1], *of_task_batch)[::-1]
        else:
            states = one_text(tokens, *of_task_batch)
        np.testing.assert_allclose(
            actual[task_batch, steps, text], states, atol=1e-6
        )


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
    """Computes gradients of sum(h * upstream) by `keras.layers.LSTM`."""
    inputs, *weights, upstream = arrays
    states = np.zeros_like(upstream)
    gradients = [np.zeros_like(array) for array in arrays[:-1]]
    for task_batch, steps, text in texts():
        layer = keras.layers.LSTM(
            HIDDEN_SIZE, return_sequences=True, go_backwards=backwards
        )
        tokens = tf.constant(inputs[task_batch, steps, text])[tf.newaxis]
        layer.build(tokens.shape)
        layer.set_weights(
            [weight[task_batch % len(weight)] for weight in weights]
        )
        with tf.GradientTape() as tape:
            tape.watch(tokens)
            h = layer(tokens)[0]
            if backwards:
                h = h[::-1]
            loss = tf.reduce_sum(h * upstream[task_batch, steps, text])
        by_inputs, *by_weights = tape.gradient(
            loss, [tokens, *layer.trainable_variables]
        )
        states[task_batch, steps, text] = h
        gradients[0][task_batch, steps, text] = by_inputs[0]
        for total, gradient in zip(gradients[1:], by_weights, strict=True):
            total[task_batch % len(total)] += gradient
    return states, gradients


@both_directions
@pytest.mark.parametrize(
    ("for_training", "traced"), [(True, False), (True, True), (False, True)]
)
@pytest.mark.parametrize("shared", [False, True])
def test_values_and_gradients_equal_keras(
    arrays, backwards, for_training, traced, shared
):
    if shared:
        # One set of weights for all task batches.
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
    expected_states, expected_gradients = by_keras(arrays, backwards)
    np.testing.assert_allclose(states, expected_states, atol=1e-6)
    for actual, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(actual, expected, atol=5e-6)


@both_directions
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("garbage", [1e4, -1e30])
def test_padding_does_not_change_values_or_gradients(
    arrays, backwards, shared, garbage
):
    inputs, *weights, upstream = map(tf.constant, arrays)
    if shared:
        weights = [weight[:1] for weight in weights]
    other = np.full(inputs.shape, garbage, np.float32)
    for task_batch, steps, text in texts():
        other[task_batch, steps, text] = inputs[task_batch, steps, text]
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
    # Beyond the end of a text there is no gradient.
    by_inputs = results[1][1].numpy()
    for task_batch, steps, text in texts():
        assert by_inputs[task_batch, steps, text].all()
        assert not by_inputs[task_batch, steps.stop :, text].any()


@both_directions
def test_states_are_packed_like_the_inputs(arrays, backwards):
    inputs, *weights, _ = arrays
    h = lstm_ops.lstm(
        packed.pack(inputs, LENGTHS), *weights, LENGTHS, backwards=backwards
    )
    rows = packed.rows(LENGTHS)
    assert h.shape == (len(rows), BATCH, HIDDEN_SIZE)
    alone = lstm_ops.lstm(
        inputs[1], *(w[1:] for w in weights), LENGTHS[1:], backwards=backwards
    )
    for row, (task_batch, step) in enumerate(rows):
        if task_batch == 1:
            np.testing.assert_allclose(h[row], alone[step], atol=1e-6)


def make(**kwargs):
    layer = lstm_lib.PerTaskLSTM(HIDDEN_SIZE, num_tasks=3, seed=0, **kwargs)
    layer.build((None, None, WIDTH))
    return layer


@both_directions
def test_layer_uses_the_weights_of_each_task(arrays, backwards):
    inputs = packed.pack(arrays[0], LENGTHS)
    layer = make(backwards=backwards, init_range=1.0)
    actual = layer(inputs, LENGTHS, np.array([2, 0]))
    weights = [weight.numpy()[[2, 0]] for weight in layer.weights]
    expected = lstm_ops.lstm(inputs, *weights, LENGTHS, backwards=backwards)
    np.testing.assert_array_equal(actual, expected)


def test_forget_bias_is_added_to_the_forget_gate_only():
    start = make(forget_bias=1.0).bias.numpy() - make().bias.numpy()
    # Columns in the order i, f, g, o.
    np.testing.assert_allclose(start, [[0, 0, 1, 1, 0, 0, 0, 0]] * 3, atol=1e-6)


def test_recurrent_dropout_mask_is_the_same_in_all_steps():
    """A row of the recurrent weights is dropped as a whole, or scaled up."""
    hidden_size, rate, num_tasks = 50, 0.3, 4
    layer = lstm_lib.PerTaskLSTM(
        hidden_size, num_tasks, init_range=1.0, recurrent_dropout=rate, seed=0
    )
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num_tasks * SEQ_LEN, 2, WIDTH)).astype(
        np.float32
    )
    lengths = np.full((num_tasks, 2), SEQ_LEN, np.int32)
    with tf.GradientTape() as tape:
        h = layer(inputs, lengths, np.arange(num_tasks), training=True)
        loss = tf.reduce_sum(h[-num_tasks:] ** 2)  # of the last step
    gradient = tape.gradient(loss, layer.recurrent_kernel.value)
    gradient = tf.convert_to_tensor(gradient).numpy()

    # The gradient of a dropped row is 0.
    kept = gradient.any(axis=-1)
    # Four standard deviations for 200 rows: 4 sqrt(.3 .7 / 200) = 0.13.
    assert abs((1 - kept.mean()) - rate) < 0.13
    assert len({tuple(row) for row in kept}) == num_tasks
    mask = kept[..., np.newaxis] / (1 - rate)
    kernel, recurrent_kernel, bias = (w.numpy() for w in layer.weights)
    recurrent_kernel *= mask.astype(np.float32)
    expected = lstm_ops.lstm(inputs, kernel, recurrent_kernel, bias, lengths)
    np.testing.assert_allclose(h, expected, atol=1e-5)


def test_recurrent_dropout_is_off_at_inference_and_redrawn_in_training(arrays):
    inputs, task_ids = packed.pack(arrays[0], LENGTHS), np.array([0, 0])
    layer = make(recurrent_dropout=0.5, init_range=1.0)
    np.testing.assert_array_equal(
        layer(inputs, LENGTHS, task_ids),
        make(init_range=1.0)(inputs, LENGTHS, task_ids),
    )
    steps = [layer(inputs, LENGTHS, task_ids, training=True) for _ in range(8)]
    assert len({step.numpy().tobytes() for step in steps}) > 1


def test_lstms_of_the_same_sizes_share_their_loops(arrays):
    @tf.function
    def train(inputs, *weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            states = [
                lstm_ops.lstm(inputs, *weights, LENGTHS, backwards=backwards)
                for backwards in (False, True)
            ]
        return tape.gradient(states, weights)

    inputs = packed.pack(arrays[0], LENGTHS)
    graph = train.get_concrete_function(inputs, *arrays[1:4]).graph
    definition = graph.as_graph_def()
    assert not any("While" in node.op for node in definition.node)
    has_loop = {
        function.signature.name: any("While" in x.op for x in function.node_def)
        for function in definition.library.function
    }
    called = collections.Counter(
        node.attr["f"].func.name
        for node in definition.node
        if "PartitionedCall" in node.op and has_loop[node.attr["f"].func.name]
    )
    # Forward and backward, for each LSTM.
    assert list(called.values()) == [2, 2]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
