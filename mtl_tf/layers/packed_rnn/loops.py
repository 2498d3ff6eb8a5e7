"""Loops over numbers, as recurrent layers need them."""

from collections.abc import Callable

import tensorflow as tf

# A tensor, a `tf.TensorArray`, or several of them.
Value = tf.Tensor | tf.TensorArray | tuple


def for_each(
    first: tf.Tensor,
    end: tf.Tensor,
    body: Callable[..., tuple],
    *values: Value,
    backwards: bool = False,
    unrolled: int = 1,
) -> tuple:
    """Calls a function of a number and values, which returns new values.

    Args:
      first: int32, the first number.
      end: int32, the first one beyond the last.
      body: the function.
      *values: what it begins with; of matrices the number of rows may change.
      backwards: from the last number to the first.
      unrolled: how often an iteration calls it; what is left over at the end
        is one by one.

    Returns:
      The last values.
    """
    delta = -1 if backwards else 1

    def loop(calls, *values):
        def goes_on(number, *_):
            last = number + delta * (calls - 1)
            return last >= first if backwards else last < end

        def iteration(number, *values):
            for _ in range(calls):
                values = body(number, *values)
                number += delta
            return number, *values

        return tf.while_loop(
            goes_on,
            iteration,
            values,
            tf.nest.map_structure(_lasting_shape, values),
            parallel_iterations=1,
        )

    number = tf.convert_to_tensor(end - 1 if backwards else first)
    values = loop(unrolled, number, *values)
    if unrolled > 1:
        values = loop(1, *values)
    return values[1:]


def _lasting_shape(value):
    """What all iterations have in common of a value's shape."""
    if isinstance(value, tf.TensorArray):
        return tf.TensorShape([])
    if value.shape.rank == 2:
        return tf.TensorShape([None, value.shape[1]])
    return value.shape


def array(dtype: tf.DType, width: int, size: tf.Tensor) -> tf.TensorArray:
    """Of `size` matrices, [any, width], whose numbers of rows differ."""
    return tf.TensorArray(
        dtype, size, infer_shape=False, element_shape=[None, width]
    )
