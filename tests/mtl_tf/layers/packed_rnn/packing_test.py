import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import packing as packing_lib
from tests.helpers import packed as packed_lib

# Three task batches of 3, 1 and 2 steps, two texts each.
LENGTHS = np.array([[3, 2], [1, 1], [1, 2]], np.int32)
TASK_BATCHES, BATCH, SEQ_LEN = 3, 2, 4
# (task batch, step) of each packed row.
ROWS = [(0, 0), (2, 0), (1, 0), (0, 1), (2, 1), (0, 2)]


@pytest.fixture
def unpacked():
    """Values that encode indices: 213 is task batch 2, step 1, text 3."""
    values = np.zeros((TASK_BATCHES, SEQ_LEN, BATCH, 1), np.float32)
    for task_batch, step, text in np.ndindex(TASK_BATCHES, SEQ_LEN, BATCH):
        values[task_batch, step, text] = 100 * task_batch + 10 * step + text
    return values


@pytest.fixture
def packed(unpacked):
    """The values of `unpacked`, packed."""
    return tf.constant(
        [unpacked[task_batch, step] for task_batch, step in ROWS]
    )


def make():
    return packing_lib.Packing(tf.constant(LENGTHS))


def texts():
    """Yields (task batch, slice of the steps, index in it) of each text."""
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        yield task_batch, slice(LENGTHS[task_batch, text]), text


def gradient(function, argument, upstream):
    """Computes the gradient of sum(function(argument) * upstream)."""
    argument = tf.convert_to_tensor(argument)
    with tf.GradientTape() as tape:
        tape.watch(argument)
        loss = tf.reduce_sum(function(argument) * upstream)
    return tf.convert_to_tensor(tape.gradient(loss, argument)).numpy()


def random_array(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def check_gradient(function, argument):
    """Checks the gradient of a linear function, element by element."""
    upstream = random_array(*function(tf.convert_to_tensor(argument)).shape)
    expected = np.zeros(argument.shape, np.float32)
    for index in np.ndindex(*argument.shape):
        one = np.zeros(argument.shape, np.float32)
        one[index] = 1
        expected[index] = np.sum(function(tf.constant(one)) * upstream)
    actual = gradient(function, argument, upstream)
    assert expected.any()
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def segments(packing):
    """Converts the segments to Python integers and lists."""
    num_texts = int(tf.size(packing.lengths))
    return [
        {
            "ranks": list(range(len(packing.order)))[segment.ranks],
            "steps": (int(segment.first_step), int(segment.end_step)),
            "rows": (segment.start.numpy().item(), segment.end.numpy().item()),
            "num_texts": segment.num_texts.numpy().item(),
            "num_continued": int(segment.num_continued),
            "starting": list(range(num_texts))[segment.starting],
        }
        for segment in map(packing.segment, range(packing.num_segments))
    ]


def test_attributes():
    packing = make()
    assert packing.seq_len == 3
    np.testing.assert_array_equal(packing.lengths, LENGTHS)
    np.testing.assert_array_equal(packing.order, [0, 2, 1])
    np.testing.assert_array_equal(packing.rank, [0, 2, 1])
    assert (packing.batch_size, packing.num_steps) == (LENGTHS.shape[1], 3)


def test_segments():
    # Of 3, 2 and 1 steps, two texts each; then of 4, 1, 4 and 1.
    actual = segments(
        packing_lib.Packing(tf.constant([[3, 1], [2, 2], [1, 1]]))
    )
    assert [x["ranks"] for x in actual] == [[0, 1, 2], [0, 1], [0]]
    assert [x["steps"] for x in actual] == [(0, 1), (1, 2), (2, 3)]
    assert [x["rows"] for x in actual] == [(0, 6), (6, 10), (10, 12)]
    assert [x["num_texts"] for x in actual] == [6, 4, 2]
    assert [x["num_continued"] for x in actual] == [0, 4, 2]
    assert [x["starting"] for x in actual] == [[0, 1, 2, 3, 4, 5], [], []]
    actual = segments(packing_lib.Packing(tf.constant([[4], [1], [4], [1]])))
    assert [x["ranks"] for x in actual] == [[0, 1, 2, 3], [0, 1]]
    assert [x["steps"] for x in actual] == [(0, 1), (1, 4)]
    assert [x["rows"] for x in actual] == [(0, 4), (4, 10)]


def test_rank_is_the_inverse_of_order():
    # 1, 2, 3 and 3 steps: task batches of equal length keep their order.
    packing = packing_lib.Packing(tf.constant([[1], [2], [3], [3]]))
    np.testing.assert_array_equal(packing.order, [2, 3, 1, 0])
    np.testing.assert_array_equal(packing.rank, [3, 2, 0, 1])


def test_helper_rows_equal_the_example():
    assert packed_lib.rows(LENGTHS) == ROWS


@pytest.mark.parametrize("steps", [3, SEQ_LEN])
def test_packed_rows_equal_the_example(unpacked, packed, steps):
    np.testing.assert_array_equal(make().pack(unpacked[:, :steps]), packed)


@pytest.mark.parametrize("steps", [3, SEQ_LEN])
@pytest.mark.parametrize("traced", [False, True])
def test_gradient_of_pack_is_zero_beyond_the_end_of_a_task_batch(steps, traced):
    def function(grouped):
        return make().pack(grouped)

    if traced:
        function = tf.function(function)
    check_gradient(function, random_array(TASK_BATCHES, steps, BATCH, 2))


def test_packed_tokens_repeat_the_first_token_beyond_the_end_of_a_text():
    tokens = np.array([[[4, 5, 6], [7, 8, 0]], [[9, 0, 0], [3, 0, 0]]])
    more = np.array([[[2, 0, 0], [11, 12, 0]]])
    tokens = np.concatenate([tokens, more]).astype(np.int32)
    expected = [
        [4, 7],  # task batch 0: 3 and 2 tokens
        [2, 11],  # task batch 2: 1 and 2
        [9, 3],  # task batch 1: 1 and 1
        [5, 8],
        [2, 12],
        [6, 7],
    ]
    actual = make().pack_tokens(tf.constant(tokens))
    assert actual.dtype == tf.int32
    np.testing.assert_array_equal(actual, expected)
    wider = np.pad(tokens, [(0, 0), (0, 0), (0, 2)], constant_values=99)
    np.testing.assert_array_equal(make().pack_tokens(wider), expected)


def test_unpack_is_the_inverse_of_pack(unpacked, packed):
    actual = make().unpack(packed)
    assert actual.shape == (TASK_BATCHES, 3, BATCH, 1)
    for task_batch, steps in enumerate([3, 1, 2]):
        np.testing.assert_array_equal(
            actual[task_batch, :steps], unpacked[task_batch, :steps]
        )


def test_unpack_with_mask_returns_the_mask_of_tokens(packed):
    packing = make()
    actual, mask = packing.unpack_with_mask(packed)
    np.testing.assert_array_equal(actual, packing.unpack(packed))
    expected = np.zeros((TASK_BATCHES, 3, BATCH, 1), bool)
    for task_batch, steps, text in texts():
        expected[task_batch, steps, text] = True
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("traced", [False, True])
def test_gradient_of_unpack(traced):
    # Beyond the end of a text the result is undefined: it has no weight.
    weight = np.zeros((TASK_BATCHES, 3, BATCH, 1), np.float32)
    for task_batch, steps, text in texts():
        weight[task_batch, steps, text] = 1

    def function(packed):
        return make().unpack(packed) * weight

    if traced:
        function = tf.function(function)
    check_gradient(function, random_array(len(ROWS), BATCH, 2))


def test_reverse_reverses_the_tokens_of_each_text(packed):
    expected = [
        [20, 11],  # task batch 0: 3 and 2 tokens
        [200, 211],  # task batch 2: 1 and 2
        [100, 101],  # task batch 1: 1 and 1
        [10, 1],
        [210, 201],
        [0, 21],
    ]
    packing = make()
    # Elements beyond the end of a text stay after its tokens.
    np.testing.assert_array_equal(packing.reverse(packed)[..., 0], expected)
    np.testing.assert_array_equal(
        packing.reverse(packing.reverse(packed)), packed
    )


@pytest.mark.parametrize("traced", [False, True])
def test_gradient_of_reverse(traced):
    def function(packed):
        return make().reverse(packed)

    if traced:
        function = tf.function(function)
    check_gradient(function, random_array(len(ROWS), BATCH, 2))


@pytest.mark.parametrize(
    "task_batches", [[0, 1, 2], [1], [2, 0], [1, 2, 2, 0, 2]], ids=str
)
def test_gathered_task_batches_are_packed_by_their_own_lengths(
    unpacked, packed, task_batches
):
    actual = make().gather(packed, tf.constant(task_batches))
    rows = packed_lib.rows(LENGTHS[task_batches])
    expected = [unpacked[task_batches[index], step] for index, step in rows]
    np.testing.assert_array_equal(actual, expected)


def test_gradient_of_a_repeated_task_batch_is_a_sum():
    packing, task_batches = make(), tf.constant([2, 0, 2])
    check_gradient(
        lambda packed: packing.gather(packed, task_batches),
        random_array(len(ROWS), BATCH, 2),
    )


def test_last_is_in_the_order_of_the_batch(packed):
    # Lengths are 3 and 2, 1 and 1, 1 and 2.
    np.testing.assert_array_equal(
        make().last(packed)[..., 0], [[20, 11], [100, 101], [200, 211]]
    )


def test_gradient_of_last():
    check_gradient(make().last, random_array(len(ROWS), BATCH, 2))


def test_in_batch_order():
    # Task batches 0, 2 and 1, from the longest to the shortest.
    actual = make().in_batch_order(tf.constant([[0.0], [2.0], [1.0]]))
    np.testing.assert_array_equal(actual, [[0], [1], [2]])


@pytest.mark.parametrize("traced", [False, True])
def test_map_task_batches_passes_rows_in_order(packed, traced):
    def function(rows, twice):
        return tf.stack([rows[0], rows[-1], tf.reduce_sum(twice, axis=0)])

    def run(packed):
        return make().map_task_batches(function, packed, 2 * packed)

    if traced:
        run = tf.function(run)
    # Task batches 0, 2 and 1; both texts of a step are adjacent. The sums are
    # those of 0 1 10 11 20 21, of 200 201 210 211, and of 100 101, twice.
    expected = [[0, 21, 126], [200, 211, 1644], [100, 101, 402]]
    np.testing.assert_array_equal(run(packed)[..., 0], expected)


def test_map_task_batches_of_equal_length():
    # 3, 1 and 3 steps.
    lengths = tf.constant([[3], [1], [3]])
    # Rows: task batches 0, 2 and 1 of the first step, then 0 and 2 twice.
    rows = tf.constant([0.0, 20.0, 10.0, 1.0, 21.0, 2.0, 22.0])
    actual = packing_lib.Packing(lengths).map_task_batches(
        lambda rows: tf.reduce_sum(rows * rows[0] + rows[-1], axis=0),
        rows[:, tf.newaxis, tf.newaxis],
    )
    # 3 * 2;  20 * (20 + 21 + 22) + 3 * 22;  10 * 10 + 10.
    np.testing.assert_array_equal(actual[..., 0], [6, 1326, 110])


def test_flatten(packed):
    flat = packing_lib.flatten(tf.concat([packed, -packed], axis=-1))
    # The texts of a row are adjacent.
    assert flat.shape == (len(ROWS) * BATCH, 2)
    np.testing.assert_array_equal(flat[2], [200, -200])
    np.testing.assert_array_equal(flat[3], [201, -201])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
