"""More task batches than a block: other rows, the same results."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import lstm_ops
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import packing_tables

# Five task batches of 2, 4, 1, 3 and 4 steps, two texts each.
LENGTHS = np.array([[2, 1], [3, 4], [1, 1], [3, 1], [4, 4]], np.int32)
# (task batch, step) of each row in one block: task batches 1, 4, 3, 0 and 2.
ONE_BLOCK = [
    *((1, 0), (4, 0), (3, 0), (0, 0), (2, 0)),
    *((1, 1), (4, 1), (3, 1), (0, 1)),
    *((1, 2), (4, 2), (3, 2)),
    *((1, 3), (4, 3)),
]
# The same in blocks of two task batches: 1 and 4, 3 and 0, 2.
BLOCKS_OF_TWO = [
    *((1, 0), (4, 0), (1, 1), (4, 1), (1, 2), (4, 2), (1, 3), (4, 3)),
    *((3, 0), (0, 0), (3, 1), (0, 1), (3, 2)),
    (2, 0),
]
# The position of each row of the blocks in the single block.
POSITIONS = [ONE_BLOCK.index(row) for row in BLOCKS_OF_TWO]
WIDTH, HIDDEN_SIZE = 3, 2


# What is traced once in a process, for blocks of two.
_TRACED = [
    (module, name, functools.cache(getattr(module, name).__wrapped__))
    for module, name in (
        (packing_tables, "trace"),
        (lstm_ops, "_trace_forward"),
        (lstm_ops, "_trace_backward"),
    )
]


@pytest.fixture
def use_blocks_of_two(monkeypatch):
    def use():
        monkeypatch.setattr(packing_tables, "BLOCK_SIZE", 2)
        for module, name, function in _TRACED:
            monkeypatch.setattr(module, name, function)

    return use


def random_array(*shape):
    seed = sum(shape)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def make():
    return packing_lib.Packing(tf.constant(LENGTHS))


def values_and_gradients(function, *arguments, upstream):
    arguments = list(map(tf.constant, arguments))
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
        loss = tf.reduce_sum(value * upstream)
    gradients = tape.gradient(loss, arguments)
    return [value.numpy(), *(tf.convert_to_tensor(x) for x in gradients)]


def test_rows_and_attributes(use_blocks_of_two):
    grouped = np.zeros((5, 4, 2, 2), np.float32)
    for task_batch, step in np.ndindex(5, 4):
        grouped[task_batch, step] = task_batch, step
    use_blocks_of_two()
    packing = make()
    np.testing.assert_array_equal(packing.pack(grouped)[:, 0], BLOCKS_OF_TWO)
    assert (packing.num_steps, packing.seq_len) == (4 + 3 + 1, 4)


def test_segments(use_blocks_of_two):
    use_blocks_of_two()
    packing = make()
    actual = [packing.segment(number) for number in range(packing.num_segments)]
    ranks = [list(range(5)[segment.ranks]) for segment in actual]
    assert ranks == [[0, 1], [2, 3], [2], [4]]
    steps = [(int(x.first_step), int(x.end_step)) for x in actual]
    assert steps == [(0, 4), (4, 6), (6, 7), (7, 8)]
    rows = [(x.start.numpy().item(), x.end.numpy().item()) for x in actual]
    assert rows == [(0, 16), (16, 24), (24, 26), (26, 28)]
    assert [x.num_texts.numpy().item() for x in actual] == [4, 4, 2, 2]
    assert [int(x.num_continued) for x in actual] == [0, 0, 2, 0]
    new = [list(range(10)[x.starting]) for x in actual]
    assert new == [[0, 1, 2, 3], [4, 5, 6, 7], [], [8, 9]]


def test_full_last_block(use_blocks_of_two):
    use_blocks_of_two()
    packing = packing_lib.Packing(tf.constant([[1], [2], [2], [3]]))
    assert (packing.num_segments, packing.num_steps) == (4, 5)
    actual = [packing.segment(number) for number in range(packing.num_segments)]
    ranks = [list(range(4)[segment.ranks]) for segment in actual]
    assert ranks == [[0, 1], [0], [2, 3], [2]]


def test_tokens(use_blocks_of_two):
    tokens = np.arange(5 * 2 * 4, dtype=np.int32).reshape(5, 2, 4)
    one_block = make().pack_tokens(tokens).numpy()
    use_blocks_of_two()
    np.testing.assert_array_equal(
        make().pack_tokens(tokens), one_block[POSITIONS]
    )


@pytest.mark.parametrize("name", ["unpack", "last"])
def test_unpack_and_last_do_not_depend_on_blocks(name, use_blocks_of_two):
    packed = random_array(len(POSITIONS), 2, WIDTH)
    upstream = random_array(*getattr(make(), name)(packed).shape)
    if name == "unpack":
        # Beyond the end of a task batch the result is undefined.
        mask = tf.sequence_mask(np.max(LENGTHS, axis=1), 4)
        upstream *= tf.cast(mask[..., tf.newaxis, tf.newaxis], tf.float32)

    def function(packed):
        value = getattr(make(), name)(packed)
        return value * tf.cast(upstream != 0, tf.float32)

    value, gradient = values_and_gradients(function, packed, upstream=upstream)
    use_blocks_of_two()
    actual = values_and_gradients(
        function, packed[POSITIONS], upstream=upstream
    )
    np.testing.assert_array_equal(actual[0], value)
    np.testing.assert_array_equal(actual[1], gradient.numpy()[POSITIONS])


def test_pack_orders_rows_by_block(use_blocks_of_two):
    unpacked = random_array(5, 4, 2, WIDTH)
    upstream = random_array(len(POSITIONS), 2, WIDTH)

    def pack(unpacked):
        return make().pack(unpacked)

    value, gradient = values_and_gradients(pack, unpacked, upstream=upstream)
    use_blocks_of_two()
    actual = values_and_gradients(pack, unpacked, upstream=upstream[POSITIONS])
    np.testing.assert_array_equal(actual[0], value[POSITIONS])
    np.testing.assert_array_equal(actual[1], gradient)


def test_reversed_rows(use_blocks_of_two):
    packed = random_array(len(POSITIONS), 2, WIDTH)
    value = make().reverse(packed).numpy()
    use_blocks_of_two()
    np.testing.assert_array_equal(
        make().reverse(packed[POSITIONS]), value[POSITIONS]
    )


def test_gathered_task_batches(use_blocks_of_two):
    packed, task_batches = (
        random_array(len(POSITIONS), 2, WIDTH),
        [2, 1, 3, 1, 0],
    )
    value = packing_lib.Packing(LENGTHS[task_batches]).unpack(
        make().gather(packed, task_batches)
    )
    use_blocks_of_two()
    gathered = make().gather(packed[POSITIONS], task_batches)
    actual = packing_lib.Packing(LENGTHS[task_batches]).unpack(gathered)
    np.testing.assert_array_equal(actual, value)


def test_map_task_batches(use_blocks_of_two):
    packed = random_array(len(POSITIONS), 2, WIDTH)

    def function(rows):
        return tf.stack([rows[0], rows[-1], tf.reduce_sum(rows, axis=0)])

    value = make().map_task_batches(function, packed)
    use_blocks_of_two()
    actual = make().map_task_batches(function, packed[POSITIONS])
    np.testing.assert_array_equal(actual, value)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("for_training", [False, True])
@pytest.mark.parametrize("num_tasks", [1, 5])
def test_lstm(use_blocks_of_two, num_tasks, for_training, traced, backwards):
    arguments = [
        random_array(5, 4, 2, WIDTH),
        random_array(num_tasks, WIDTH, 4 * HIDDEN_SIZE),
        random_array(num_tasks, HIDDEN_SIZE, 4 * HIDDEN_SIZE),
        random_array(num_tasks, 4 * HIDDEN_SIZE),
        random_array(5, 2, HIDDEN_SIZE),
        random_array(5, 2, HIDDEN_SIZE),
    ]

    def run(grouped, kernel, recurrent_kernel, bias, h, c):
        packing = make()
        ends = lstm_ops.lstm(
            packing.pack(grouped),
            *(kernel, recurrent_kernel, bias),
            packing.lengths,
            backwards=backwards,
            initial_state=(h, c),
            result="final_state",
            for_training=for_training,
        )
        return tf.concat(ends, axis=-1)

    def train():
        function = tf.function(run) if traced else run
        upstream = random_array(5, 2, 2 * HIDDEN_SIZE)
        return values_and_gradients(function, *arguments, upstream=upstream)

    one_block = train()
    use_blocks_of_two()
    for actual, expected in zip(train(), one_block, strict=True):
        assert np.any(expected)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
