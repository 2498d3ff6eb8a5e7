"""Loops equal Python loops, whatever number of steps is unrolled."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers.packed_rnn import loops


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("unrolled", [1, 2, 4])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("end", [3, 4, 7, 10, 11])
def test_integers_come_in_order(end, backwards, unrolled, traced):
    def run(end):
        def body(index, last, steps):
            # Depends on the order, on each integer and on the value before.
            value = 10 * last + tf.cast(index, tf.int64)
            return value, steps.write(index, value)

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

    actual = (tf.function(run) if traced else run)(tf.constant(end))
    last, steps = 1, np.zeros(end, np.int64)
    for index in reversed(range(3, end)) if backwards else range(3, end):
        last = 10 * last + index
        steps[index] = last
    assert actual[0] == last
    np.testing.assert_array_equal(actual[1], steps)


@pytest.mark.parametrize("unrolled", [1, 3])
def test_number_of_rows_may_change(unrolled):
    @tf.function
    def run(end):
        def body(index, rows, arrays):
            (array,) = arrays
            rows = tf.concat([rows, tf.ones([1, 2])], axis=0)
            return rows, (array.write(index, rows),)

        rows, (array,) = loops.for_each(
            0,
            end,
            body,
            tf.zeros([0, 2]),
            (loops.matrix_array(tf.float32, 2, end),),
            unrolled=unrolled,
        )
        assert rows.shape == [None, 2]
        return rows, array.read(1), array.concat()

    rows, second, concatenated = run(tf.constant(4))
    assert rows.shape == [4, 2]
    assert second.shape == [2, 2]
    assert concatenated.shape == [1 + 2 + 3 + 4, 2]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
