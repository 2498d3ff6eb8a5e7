"""More groups than a block: as with one block, but for the order of rows."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import lstm_ops
from mtl_tf.layers.packed_rnn import packing

# Five groups of 2, 4, 1, 3 and 4 steps, two texts each.
LENGTHS = np.array([[2, 1], [3, 4], [1, 1], [3, 1], [4, 4]], np.int32)
# (group, step) of each row in one block: the groups 1, 4, 3, 0 and 2.
ONE_BLOCK = [
    *((1, 0), (4, 0), (3, 0), (0, 0), (2, 0)),
    *((1, 1), (4, 1), (3, 1), (0, 1)),
    *((1, 2), (4, 2), (3, 2)),
    *((1, 3), (4, 3)),
]
# And in blocks of two groups: 1 and 4, 3 and 0, 2.
BLOCKS_OF_TWO = [
    *((1, 0), (4, 0), (1, 1), (4, 1), (1, 2), (4, 2), (1, 3), (4, 3)),
    *((3, 0), (0, 0), (3, 1), (0, 1), (3, 2)),
    (2, 0),
]
# Where each row of the blocks stands in the one.
PLACES = [ONE_BLOCK.index(row) for row in BLOCKS_OF_TWO]
WIDTH, UNITS = 3, 2


@pytest.fixture
def pack_in_blocks_of_two(monkeypatch):
    return lambda: monkeypatch.setattr(packing, "BLOCK", 2)


def random(*shape):
    seed = sum(shape)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def make():
    return packing.Packing(tf.constant(LENGTHS))


def values_and_gradients(function, *arguments, upstream):
    arguments = list(map(tf.constant, arguments))
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function(*arguments)
        loss = tf.reduce_sum(value * upstream)
    gradients = tape.gradient(loss, arguments)
    return [value.numpy(), *(tf.convert_to_tensor(x) for x in gradients)]


def test_rows_and_steps(pack_in_blocks_of_two):
    grouped = np.zeros((5, 4, 2, 2), np.float32)
    for group, step in np.ndindex(5, 4):
        grouped[group, step] = group, step
    pack_in_blocks_of_two()
    made = make()
    np.testing.assert_array_equal(made.pack(grouped)[:, 0], BLOCKS_OF_TWO)
    assert (made.steps, made.longest) == (4 + 3 + 1, 4)


def test_segments(pack_in_blocks_of_two):
    pack_in_blocks_of_two()
    made = make()
    found = [made.segment(number) for number in range(made.segments)]
    ranks = [list(range(5)[segment.ranks]) for segment in found]
    assert ranks == [[0, 1], [2, 3], [2], [4]]
    steps = [(int(x.first_step), int(x.end_step)) for x in found]
    assert steps == [(0, 4), (4, 6), (6, 7), (7, 8)]
    rows = [(x.begin.numpy().item(), x.end.numpy().item()) for x in found]
    assert rows == [(0, 16), (16, 24), (24, 26), (26, 28)]
    assert [x.texts.numpy().item() for x in found] == [4, 4, 2, 2]
    assert [int(x.going_on) for x in found] == [0, 0, 2, 0]
    new = [list(range(10)[x.new]) for x in found]
    assert new == [[0, 1, 2, 3], [4, 5, 6, 7], [], [8, 9]]


def test_a_last_block_that_is_full(pack_in_blocks_of_two):
    pack_in_blocks_of_two()
    made = packing.Packing(tf.constant([[1], [2], [2], [3]]))
    assert (made.segments, made.steps) == (4, 5)
    found = [made.segment(number) for number in range(made.segments)]
    ranks = [list(range(4)[segment.ranks]) for segment in found]
    assert ranks == [[0, 1], [0], [2, 3], [2]]


def test_tokens(pack_in_blocks_of_two):
    tokens = np.arange(5 * 2 * 4, dtype=np.int32).reshape(5, 2, 4)
    one_block = make().pack_tokens(tokens).numpy()
    pack_in_blocks_of_two()
    np.testing.assert_array_equal(make().pack_tokens(tokens), one_block[PLACES])


@pytest.mark.parametrize("name", ["unpack", "last"])
def test_what_is_given_by_group_is_the_same(name, pack_in_blocks_of_two):
    packed = random(len(PLACES), 2, WIDTH)
    upstream = random(*getattr(make(), name)(packed).shape)
    if name == "unpack":
        # Beyond the end of a group there is no meaning.
        there = tf.sequence_mask(np.max(LENGTHS, axis=1), 4)
        upstream *= tf.cast(there[..., tf.newaxis, tf.newaxis], tf.float32)

    def function(packed):
        value = getattr(make(), name)(packed)
        return value * tf.cast(upstream != 0, tf.float32)

    value, gradient = values_and_gradients(function, packed, upstream=upstream)
    pack_in_blocks_of_two()
    found = values_and_gradients(function, packed[PLACES], upstream=upstream)
    np.testing.assert_array_equal(found[0], value)
    np.testing.assert_array_equal(found[1], gradient.numpy()[PLACES])


@pytest.mark.parametrize("name", ["pack", "put_last"])
def test_what_comes_by_group_is_in_the_rows_of_blocks(
    name, pack_in_blocks_of_two
):
    shape = (5, 4, 2, WIDTH) if name == "pack" else (5, 2, WIDTH)
    upstream = random(len(PLACES), 2, WIDTH)

    def function(grouped):
        return getattr(make(), name)(grouped)

    value, gradient = values_and_gradients(
        function, random(*shape), upstream=upstream
    )
    pack_in_blocks_of_two()
    found = values_and_gradients(
        function, random(*shape), upstream=upstream[PLACES]
    )
    np.testing.assert_array_equal(found[0], value[PLACES])
    np.testing.assert_array_equal(found[1], gradient)


def test_reversed_rows(pack_in_blocks_of_two):
    packed = random(len(PLACES), 2, WIDTH)
    value = make().reverse(packed).numpy()
    pack_in_blocks_of_two()
    np.testing.assert_array_equal(make().reverse(packed[PLACES]), value[PLACES])


def test_taken_groups(pack_in_blocks_of_two):
    packed, groups = random(len(PLACES), 2, WIDTH), [2, 1, 3, 1, 0]
    value = packing.Packing(LENGTHS[groups]).unpack(make().take(packed, groups))
    pack_in_blocks_of_two()
    taken = make().take(packed[PLACES], groups)
    found = packing.Packing(LENGTHS[groups]).unpack(taken)
    np.testing.assert_array_equal(found, value)


def test_the_rows_of_each_group(pack_in_blocks_of_two):
    packed = random(len(PLACES), 2, WIDTH)

    def function(rows):
        return tf.stack([rows[0], rows[-1], tf.reduce_sum(rows, axis=0)])

    value = make().map_groups(function, packed)
    pack_in_blocks_of_two()
    found = make().map_groups(function, packed[PLACES])
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("for_training", [False, True])
@pytest.mark.parametrize("num_tasks", [1, 5])
def test_lstm(
    pack_in_blocks_of_two, num_tasks, for_training, traced, backwards
):
    arguments = [
        random(5, 4, 2, WIDTH),
        random(num_tasks, WIDTH, 4 * UNITS),
        random(num_tasks, UNITS, 4 * UNITS),
        random(num_tasks, 4 * UNITS),
        random(5, 2, UNITS),
        random(5, 2, UNITS),
    ]

    def run(grouped, kernel, recurrent_kernel, bias, h, c):
        made = make()
        ends = lstm_ops.lstm(
            made.pack(grouped),
            *(kernel, recurrent_kernel, bias),
            made.lengths,
            backwards=backwards,
            initial_state=(h, c),
            result="end",
            for_training=for_training,
        )
        return tf.concat(ends, axis=-1)

    def train():
        function = tf.function(run) if traced else run
        upstream = random(5, 2, 2 * UNITS)
        return values_and_gradients(function, *arguments, upstream=upstream)

    one_block = train()
    pack_in_blocks_of_two()
    for found, wanted in zip(train(), one_block, strict=True):
        assert np.any(wanted)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
