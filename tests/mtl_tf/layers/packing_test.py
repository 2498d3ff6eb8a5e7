import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import packing

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


def make(backwards=False):
    return packing.Packing(tf.constant(LENGTHS), TIME, backwards)


def test_steps():
    made = make()
    assert made.longest == 3
    np.testing.assert_array_equal(made.order, [0, 2, 1])
    np.testing.assert_array_equal(made.active, [3, 2, 1])
    np.testing.assert_array_equal(made.begin, [0, 3, 5])


def test_packed_rows_are_those_of_the_picture(unpacked):
    wanted = [unpacked[group, step] for group, step in ROWS]
    np.testing.assert_array_equal(make().pack(unpacked), wanted)


def test_backwards_each_text_begins_with_its_last_token(unpacked):
    # What lies beyond the end of a text stays after its tokens.
    wanted = [
        [20, 11],  # group 0: 3 and 2 tokens
        [200, 211],  # group 2: 1 and 2
        [100, 101],  # group 1: 1 and 1
        [10, 1],
        [210, 201],
        [0, 21],
    ]
    got = make(backwards=True).pack(unpacked)
    np.testing.assert_array_equal(got[..., 0], wanted)


@pytest.mark.parametrize("backwards", [False, True])
def test_unpacking_puts_everything_back_and_zeros_after_it(unpacked, backwards):
    made = make(backwards)
    got = made.unpack(made.pack(unpacked))
    wanted = unpacked.copy()
    for group, steps in enumerate([3, 1, 2]):
        wanted[group, steps:] = 0
    np.testing.assert_array_equal(got, wanted)


def test_delay_gives_each_row_what_its_group_had_one_step_earlier(unpacked):
    made = make()
    # In the order of the groups' lengths: 0, 2, 1.
    start = tf.constant([[[-1.0]] * BATCH, [[-2.0]] * BATCH, [[-3.0]] * BATCH])
    got = made.delay(made.pack(unpacked), start)
    starts = {0: -1, 2: -2, 1: -3}
    wanted = [
        unpacked[group, step - 1]
        if step
        else np.full((BATCH, 1), starts[group])
        for group, step in ROWS
    ]
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("backwards", [False, True])
def test_last_is_where_each_text_ends_in_the_groups_own_order(
    unpacked, backwards
):
    made = make(backwards)
    got = made.last(made.pack(unpacked))
    if backwards:
        wanted = [[0, 1], [100, 101], [200, 201]]
    else:
        # Lengths are 3 and 2, 1 and 1, 1 and 2.
        wanted = [[20, 11], [100, 101], [200, 211]]
    np.testing.assert_array_equal(got[..., 0], wanted)


@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_put_last_stands_there_and_nowhere_else(backwards):
    made = make(backwards)
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


def test_for_each_group_hands_each_its_weight_and_its_rows(unpacked):
    made = make()
    weights = tf.constant([[1.0], [2.0], [3.0]])  # of groups 0, 2 and 1

    def function(weight, rows):
        return [rows * weight, tf.reduce_sum(rows, axis=0)]

    scaled, sums = made.for_each_group(
        function, weights, [made.pack(unpacked)], [True, False]
    )
    by_group = {0: 1, 2: 2, 1: 3}
    wanted = [by_group[group] * unpacked[group, step] for group, step in ROWS]
    np.testing.assert_array_equal(scaled, wanted)
    # Group 0: 0 + 1 + 10 + 11 + 20 + 21; group 2: 200 + 201 + 210 + 211;
    # group 1: 100 + 101.
    np.testing.assert_array_equal(sums, [[63], [822], [201]])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
