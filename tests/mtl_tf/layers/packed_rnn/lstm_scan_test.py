"""The form of an LSTM for accelerators."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import lstm_ops
from mtl_tf.layers.packed_rnn import lstm_scan
from mtl_tf.layers.packed_rnn import recurrence as recurrence_lib
from tests.helpers import packed

pytestmark = pytest.mark.xla

WIDTH, HIDDEN_SIZE, BATCH = 3, 2, 3
LENGTHS = np.array([[4, 1, 3], [2, 3, 1]], np.int32)
TASK_BATCHES = len(LENGTHS)
both_directions = pytest.mark.parametrize("backwards", [False, True])


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def weights(random):
    shapes = (
        (TASK_BATCHES, WIDTH, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, HIDDEN_SIZE, 4 * HIDDEN_SIZE),
        (TASK_BATCHES, 4 * HIDDEN_SIZE),
    )
    return [
        tf.constant(random.normal(size=shape), tf.float32) for shape in shapes
    ]


@pytest.fixture
def inputs(random):
    """Unpacked inputs."""
    shape = (TASK_BATCHES, LENGTHS.max(), BATCH, WIDTH)
    return random.normal(size=shape).astype(np.float32)


def scan(*arguments, **kwargs):
    return lstm_ops.lstm(*arguments, recurrence="scan", **kwargs)


def train(inputs, weights, lengths=LENGTHS, **kwargs):
    """Returns a result, and gradients of inputs, weights and first state."""
    shape = (*lengths.shape, HIDDEN_SIZE)
    initial = [tf.fill(shape, 0.5), tf.fill(shape, -0.5)]
    arguments = [inputs, *weights, *initial]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        results = lstm_ops.lstm(
            inputs, *weights, lengths, initial_state=tuple(initial), **kwargs
        )
        # Elements beyond the end of a text are undefined.
        if kwargs["result"] == "states":
            results = packed.unpack(results, lengths)
        results = tf.nest.flatten(results)
        loss = tf.add_n([tf.reduce_sum(tf.sin(x)) for x in results])
    gradients = tape.gradient(loss, arguments)
    return [*results, *map(tf.convert_to_tensor, gradients)]


@both_directions
@pytest.mark.parametrize("result", lstm_ops.RESULTS)
@pytest.mark.parametrize("for_training", [True, False])
def test_results_and_gradients_equal_the_packed_form(
    inputs, weights, backwards, result, for_training
):
    rows = packed.pack(inputs, LENGTHS)
    actual, expected = (
        train(
            *(rows, weights),
            backwards=backwards,
            result=result,
            recurrence=recurrence,
            for_training=for_training,
        )
        for recurrence in ("scan", "packed")
    )
    for x, y in zip(actual, expected, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5, rtol=0)


@both_directions
@pytest.mark.parametrize("garbage", [1e4, np.inf, np.nan])
def test_padding_does_not_change_values_or_gradients(
    inputs, weights, backwards, garbage
):
    mask = np.arange(LENGTHS.max()) < LENGTHS[..., np.newaxis]
    mask = mask.transpose(0, 2, 1)[..., np.newaxis]
    other = np.where(mask, inputs, np.float32(garbage))
    results = [
        train(
            *(packed.pack(x, LENGTHS), weights),
            backwards=backwards,
            result="states",
            recurrence="scan",
        )
        for x in (inputs, other)
    ]
    for first, second in zip(*results, strict=True):
        # Bit for bit.
        np.testing.assert_array_equal(first, second)
    by_inputs = packed.unpack(results[1][1], LENGTHS)
    np.testing.assert_array_equal(
        by_inputs != 0, np.broadcast_to(mask, (*mask.shape[:3], WIDTH))
    )


def test_last_state_is_that_of_the_last_token(inputs, weights):
    rows = packed.pack(inputs, LENGTHS)
    states = packed.unpack(scan(rows, *weights, LENGTHS), LENGTHS).numpy()
    last = scan(rows, *weights, LENGTHS, result="last_hidden").numpy()
    for task_batch, text in np.ndindex(LENGTHS.shape):
        np.testing.assert_array_equal(
            last[task_batch, text],
            states[task_batch, LENGTHS[task_batch, text] - 1, text],
        )


def test_step_of_a_graph_with_unknown_sizes(inputs, weights):
    spec = tf.TensorSpec([None, None, WIDTH])

    @tf.function(
        input_signature=[spec, tf.TensorSpec([None, None], tf.int32)],
        autograph=False,
    )
    def step(rows, lengths):
        weights_of_batch = [w[: tf.shape(lengths)[0]] for w in weights]
        with tf.GradientTape() as tape:
            tape.watch(rows)
            last = scan(rows, *weights_of_batch, lengths, result="last_hidden")
            loss = tf.reduce_sum(last**2)
        return last, tape.gradient(loss, rows)

    for lengths in (LENGTHS, LENGTHS[:, :2], LENGTHS[:1]):
        task_batches, batch = lengths.shape
        rows = packed.pack(inputs[:task_batches, :, :batch], lengths)
        last, gradient = step(rows, tf.constant(lengths))
        expected = lstm_ops.lstm(
            rows,
            *(weight[:task_batches] for weight in weights),
            lengths,
            result="last_hidden",
        )
        np.testing.assert_allclose(last, expected, atol=1e-6)
        assert gradient.shape == rows.shape


def test_sizes_are_rounded_up_to_few():
    rounded = [int(lstm_scan.round_up(tf.constant(n))) for n in range(1, 401)]
    assert sorted(set(rounded)) == [
        *(1, 2, 3, 4, 6, 8, 12, 16, 24, 32),
        *(48, 64, 96, 128, 192, 256, 384, 512),
    ]
    for size, padded in enumerate(rounded, start=1):
        assert size <= padded <= 1.5 * size


@pytest.fixture
def compiled(monkeypatch):
    """Lists the shapes of the arguments of each compiled function.

    XLA compiles a function once for each of them.
    """
    shapes = {"forward": set(), "backward": set()}

    def record(name, trace):
        def traced(key):
            function = trace(key)

            def call(*arguments):
                flat = tf.nest.flatten(arguments)
                shapes[name].add(tuple(tuple(x.shape) for x in flat))
                return function(*arguments)

            return call

        return traced

    for name in shapes:
        attribute = f"_trace_{name}"
        trace = getattr(lstm_scan, attribute)
        monkeypatch.setattr(lstm_scan, attribute, record(name, trace))
    return shapes


def test_number_of_programs_is_bounded(compiled, weights, random):
    for longest in range(1, 13):
        for backwards in (False, True):
            lengths = np.full([TASK_BATCHES, BATCH], longest, np.int32)
            rows = tf.constant(
                random.normal(size=(TASK_BATCHES * longest, BATCH, WIDTH)),
                tf.float32,
            )
            train(
                *(rows, weights, lengths),
                backwards=backwards,
                result="states",
                recurrence="scan",
            )
    # Lengths of 1, 2, 3, 4, 6, 8 and 12.
    assert len(compiled["forward"]) == 7
    assert len(compiled["backward"]) == 7


def test_bfloat16_is_close_to_the_packed_form(inputs, weights):
    rows = packed.pack(inputs, LENGTHS)
    actual, expected = (
        train(
            *(rows, weights),
            result="states",
            recurrence=recurrence,
            precision="bfloat16",
        )
        for recurrence in ("scan", "packed")
    )
    for x, y in zip(actual, expected, strict=True):
        np.testing.assert_allclose(x, y, atol=0.05)


@pytest.mark.parametrize(
    ("gpus", "expected"), [([], "packed"), (["a GPU"], "scan")]
)
def test_auto_chooses_by_device(monkeypatch, gpus, expected):
    monkeypatch.setattr(
        tf.config, "get_visible_devices", lambda kind: {"GPU": gpus}[kind]
    )
    assert recurrence_lib.choose("auto") == expected
    # What is asked for is not changed.
    assert recurrence_lib.choose("packed") == "packed"
    assert recurrence_lib.choose("scan") == "scan"


def test_other_forms_are_refused(inputs, weights):
    rows = packed.pack(inputs, LENGTHS)
    with pytest.raises(
        ValueError, match=r"recurrence: expected one of .*'scan'.* got 'loop'"
    ):
        lstm_ops.lstm(rows, *weights, LENGTHS, recurrence="loop")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
