"""Loops give what a Python loop gives, however many steps are in one."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import loops


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("unrolled", [1, 2, 4])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("end", [3, 4, 7, 10, 11])
def test_numbers_come_in_their_order(end, backwards, unrolled, traced):
    def run(end):
        def body(number, last, steps):
            # Matters: the order, each number, and what came before.
            value = 10 * last + tf.cast(number, tf.int64)
            return value, steps.write(number, value)

        last, steps = loops.for_each(
            3,
            end,
            body,
            tf.constant(1, tf.int64),
            tf.TensorArray(tf.int64, end, element_shape=[]),
            backwards=backwards,
            unrolled=unrolled,
        )
        return last, steps.stack()

    found = (tf.function(run) if traced else run)(tf.constant(end))
    last, steps = 1, np.zeros(end, np.int64)
    for number in reversed(range(3, end)) if backwards else range(3, end):
        last = 10 * last + number
        steps[number] = last
    assert found[0] == last
    np.testing.assert_array_equal(found[1], steps)


@pytest.mark.parametrize("unrolled", [1, 3])
def test_rows_may_change(unrolled):
    @tf.function
    def run(end):
        def body(number, rows, arrays):
            (array,) = arrays
            rows = tf.concat([rows, tf.ones([1, 2])], axis=0)
            return rows, (array.write(number, rows),)

        rows, (array,) = loops.for_each(
            0,
            end,
            body,
            tf.zeros([0, 2]),
            (loops.array(tf.float32, 2, end),),
            unrolled=unrolled,
        )
        assert rows.shape == [None, 2]
        return rows, array.read(1), array.concat()

    rows, second, together = run(tf.constant(4))
    assert rows.shape == [4, 2]
    assert second.shape == [2, 2]
    assert together.shape == [1 + 2 + 3 + 4, 2]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
