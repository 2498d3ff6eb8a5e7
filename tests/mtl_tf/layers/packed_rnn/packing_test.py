import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import packing
from tests.helpers import packed as packed_lib

# The groups of the module's docstring: 3, 1 and 2 steps, two texts each.
LENGTHS = np.array([[3, 2], [1, 1], [1, 2]], np.int32)
GROUPS, BATCH, TIME = 3, 2, 4
# (group, step) of each packed row.
ROWS = [(0, 0), (2, 0), (1, 0), (0, 1), (2, 1), (0, 2)]


@pytest.fixture
def unpacked():
    """Numbers tell group, step and text: 213 is group 2, step 1, text 3."""
    values = np.zeros((GROUPS, TIME, BATCH, 1), np.float32)
    for group, step, text in np.ndindex(GROUPS, TIME, BATCH):
        values[group, step, text] = 100 * group + 10 * step + text
    return values


@pytest.fixture
def packed(unpacked):
    """The same, packed."""
    return tf.constant([unpacked[group, step] for group, step in ROWS])


def make():
    return packing.Packing(tf.constant(LENGTHS))


def texts():
    """Yields (group, its slice of time, number in the batch) of each text."""
    for group, text in np.ndindex(GROUPS, BATCH):
        yield group, slice(LENGTHS[group, text]), text


def gradient(function, argument, upstream):
    """Of sum(function(argument) * upstream)."""
    argument = tf.convert_to_tensor(argument)
    with tf.GradientTape() as tape:
        tape.watch(argument)
        loss = tf.reduce_sum(function(argument) * upstream)
    return tf.convert_to_tensor(tape.gradient(loss, argument)).numpy()


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def check_gradient(function, argument):
    """The gradient of a linear function, by what each element alone makes."""
    upstream = random(*function(tf.convert_to_tensor(argument)).shape)
    wanted = np.zeros(argument.shape, np.float32)
    for place in np.ndindex(*argument.shape):
        one = np.zeros(argument.shape, np.float32)
        one[place] = 1
        wanted[place] = np.sum(function(tf.constant(one)) * upstream)
    got = gradient(function, argument, upstream)
    assert wanted.any()
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def segments(made):
    """The segments as plain numbers and lists."""
    texts = int(tf.size(made.lengths))
    return [
        {
            "ranks": list(range(len(made.order)))[segment.ranks],
            "steps": (int(segment.first_step), int(segment.end_step)),
            "rows": (segment.begin.numpy().item(), segment.end.numpy().item()),
            "texts": segment.texts.numpy().item(),
            "going_on": int(segment.going_on),
            "new": list(range(texts))[segment.new],
        }
        for segment in map(made.segment, range(made.segments))
    ]


def test_steps():
    made = make()
    assert made.longest == 3
    np.testing.assert_array_equal(made.lengths, LENGTHS)
    np.testing.assert_array_equal(made.order, [0, 2, 1])
    np.testing.assert_array_equal(made.rank, [0, 2, 1])
    assert (made.batch, made.steps) == (LENGTHS.shape[1], 3)


def test_segments():
    # Of 3, 2 and 1 steps, two texts each; then of 4, 1, 4 and 1.
    found = segments(packing.Packing(tf.constant([[3, 1], [2, 2], [1, 1]])))
    assert [x["ranks"] for x in found] == [[0, 1, 2], [0, 1], [0]]
    assert [x["steps"] for x in found] == [(0, 1), (1, 2), (2, 3)]
    assert [x["rows"] for x in found] == [(0, 6), (6, 10), (10, 12)]
    assert [x["texts"] for x in found] == [6, 4, 2]
    assert [x["going_on"] for x in found] == [0, 4, 2]
    assert [x["new"] for x in found] == [[0, 1, 2, 3, 4, 5], [], []]
    found = segments(packing.Packing(tf.constant([[4], [1], [4], [1]])))
    assert [x["ranks"] for x in found] == [[0, 1, 2, 3], [0, 1]]
    assert [x["steps"] for x in found] == [(0, 1), (1, 4)]
    assert [x["rows"] for x in found] == [(0, 4), (4, 10)]


def test_rank_is_the_inverse_of_order():
    # Steps 1, 2, 3 and 3: groups that are as long stay in their order.
    made = packing.Packing(tf.constant([[1], [2], [3], [3]]))
    np.testing.assert_array_equal(made.order, [2, 3, 1, 0])
    np.testing.assert_array_equal(made.rank, [3, 2, 0, 1])


def test_the_tests_rows_are_those_of_the_picture():
    assert packed_lib.rows(LENGTHS) == ROWS


@pytest.mark.parametrize("time", [3, TIME])
def test_packed_rows_are_those_of_the_picture(unpacked, packed, time):
    np.testing.assert_array_equal(make().pack(unpacked[:, :time]), packed)


@pytest.mark.parametrize("time", [3, TIME])
@pytest.mark.parametrize("traced", [False, True])
def test_the_gradient_of_packing_is_zero_beyond_the_end_of_a_group(
    time, traced
):
    def function(grouped):
        return make().pack(grouped)

    if traced:
        function = tf.function(function)
    check_gradient(function, random(GROUPS, time, BATCH, 2))


def test_packed_tokens_repeat_the_first_one_beyond_the_end_of_a_text():
    tokens = np.array([[[4, 5, 6], [7, 8, 0]], [[9, 0, 0], [3, 0, 0]]])
    more = np.array([[[2, 0, 0], [11, 12, 0]]])
    tokens = np.concatenate([tokens, more]).astype(np.int32)
    wanted = [
        [4, 7],  # group 0: 3 and 2 tokens
        [2, 11],  # group 2: 1 and 2
        [9, 3],  # group 1: 1 and 1
        [5, 8],
        [2, 12],
        [6, 7],
    ]
    got = make().pack_tokens(tf.constant(tokens))
    assert got.dtype == tf.int32
    np.testing.assert_array_equal(got, wanted)
    wider = np.pad(tokens, [(0, 0), (0, 0), (0, 2)], constant_values=99)
    np.testing.assert_array_equal(make().pack_tokens(wider), wanted)


def test_unpacking_puts_everything_back(unpacked, packed):
    got = make().unpack(packed)
    assert got.shape == (GROUPS, 3, BATCH, 1)
    for group, steps in enumerate([3, 1, 2]):
        np.testing.assert_array_equal(
            got[group, :steps], unpacked[group, :steps]
        )


def test_the_mask_beside_it_is_where_tokens_are(packed):
    made = make()
    got, mask = made.unpack_with_mask(packed)
    np.testing.assert_array_equal(got, made.unpack(packed))
    wanted = np.zeros((GROUPS, 3, BATCH, 1), bool)
    for group, time, text in texts():
        wanted[group, time, text] = True
    np.testing.assert_array_equal(mask, wanted)


@pytest.mark.parametrize("traced", [False, True])
def test_the_gradient_of_unpacking(traced):
    # As its users have it: what is beyond the ends has no weight.
    weight = np.zeros((GROUPS, 3, BATCH, 1), np.float32)
    for group, time, text in texts():
        weight[group, time, text] = 1

    def function(packed):
        return make().unpack(packed) * weight

    if traced:
        function = tf.function(function)
    check_gradient(function, random(len(ROWS), BATCH, 2))


def test_each_text_is_turned_about_within_its_end(packed):
    wanted = [
        [20, 11],  # group 0: 3 and 2 tokens
        [200, 211],  # group 2: 1 and 2
        [100, 101],  # group 1: 1 and 1
        [10, 1],
        [210, 201],
        [0, 21],
    ]
    made = make()
    # What lies beyond the end of a text stays after its tokens.
    np.testing.assert_array_equal(made.reverse(packed)[..., 0], wanted)
    np.testing.assert_array_equal(made.reverse(made.reverse(packed)), packed)


@pytest.mark.parametrize("traced", [False, True])
def test_the_gradient_of_turning_about(traced):
    def function(packed):
        return make().reverse(packed)

    if traced:
        function = tf.function(function)
    check_gradient(function, random(len(ROWS), BATCH, 2))


@pytest.mark.parametrize(
    "groups", [[0, 1, 2], [1], [2, 0], [1, 2, 2, 0, 2]], ids=str
)
def test_taken_groups_are_packed_as_if_there_were_no_others(
    unpacked, packed, groups
):
    got = make().take(packed, tf.constant(groups))
    rows = packed_lib.rows(LENGTHS[groups])
    wanted = [unpacked[groups[place], step] for place, step in rows]
    np.testing.assert_array_equal(got, wanted)


def test_the_gradient_of_a_group_that_is_taken_twice_is_a_sum():
    made, groups = make(), tf.constant([2, 0, 2])
    check_gradient(
        lambda packed: made.take(packed, groups), random(len(ROWS), BATCH, 2)
    )


def test_last_in_the_groups_own_order(packed):
    # Lengths are 3 and 2, 1 and 1, 1 and 2.
    np.testing.assert_array_equal(
        make().last(packed)[..., 0], [[20, 11], [100, 101], [200, 211]]
    )


def test_the_gradient_of_last():
    check_gradient(make().last, random(len(ROWS), BATCH, 2))


def test_what_is_put_last_stands_there_and_nowhere_else():
    made = make()
    values = np.arange(1.0, 7.0, dtype=np.float32).reshape(GROUPS, BATCH, 1)
    # Rows of the picture; a text's last row is that of its last step.
    wanted = np.zeros((len(ROWS), BATCH, 1))
    for group, text in np.ndindex(GROUPS, BATCH):
        row = ROWS.index((group, LENGTHS[group, text] - 1))
        wanted[row, text] = values[group, text]
    np.testing.assert_array_equal(made.put_last(tf.constant(values)), wanted)


def test_in_own_order():
    # Groups 0, 2 and 1, from the longest to the shortest.
    got = make().in_own_order(tf.constant([[0.0], [2.0], [1.0]]))
    np.testing.assert_array_equal(got, [[0], [1], [2]])


@pytest.mark.parametrize("traced", [False, True])
def test_map_groups_hands_each_group_its_rows_in_their_order(packed, traced):
    def function(rows, twice):
        return tf.stack([rows[0], rows[-1], tf.reduce_sum(twice, axis=0)])

    def run(packed):
        return make().map_groups(function, packed, 2 * packed)

    if traced:
        run = tf.function(run)
    # Groups 0, 2 and 1; both texts of a step lie together. The sums are those
    # of 0 1 10 11 20 21, of 200 201 210 211, and of 100 101, twice.
    wanted = [[0, 21, 126], [200, 211, 1644], [100, 101, 402]]
    np.testing.assert_array_equal(run(packed)[..., 0], wanted)


def test_map_groups_of_groups_that_are_as_long():
    # 3, 1 and 3 steps, which turns no two rows into each other's places.
    lengths = tf.constant([[3], [1], [3]])
    # Rows: groups 0, 2 and 1 of the first step, then 0 and 2 twice.
    rows = tf.constant([0.0, 20.0, 10.0, 1.0, 21.0, 2.0, 22.0])
    got = packing.Packing(lengths).map_groups(
        lambda rows: tf.reduce_sum(rows * rows[0] + rows[-1], axis=0),
        rows[:, tf.newaxis, tf.newaxis],
    )
    # 3 * 2;  20 * (20 + 21 + 22) + 3 * 22;  10 * 10 + 10.
    np.testing.assert_array_equal(got[..., 0], [6, 1326, 110])


def test_flatten(packed):
    flat = packing.flatten(tf.concat([packed, -packed], axis=-1))
    # Row by row, its texts one after the other.
    assert flat.shape == (len(ROWS) * BATCH, 2)
    np.testing.assert_array_equal(flat[2], [200, -200])
    np.testing.assert_array_equal(flat[3], [201, -201])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
