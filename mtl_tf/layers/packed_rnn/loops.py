"""Loops over integers, for recurrent layers."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

# A tensor, a `tf.TensorArray`, or a nest of them.
Value: TypeAlias = tf.Tensor | tf.TensorArray | tuple | dict


def for_each(
    start: tf.Tensor,
    end: tf.Tensor,
    body: Callable[..., tuple],
    *values: Value,
    backwards: bool = False,
    unrolled: int = 1,
) -> tuple:
    """Calls a function for each integer of a range; it updates the values.

    Args:
      start: int32, the first integer.
      end: int32, one beyond the last integer.
      body: the function, (integer, *values) -> values.
      *values: the initial values. The number of rows of a matrix may change.
      backwards: whether the range runs from its last integer to its first.
      unrolled: number of calls in an iteration of the loop. A second loop makes
        the calls that are left, one in an iteration.

    Returns:
      The final values.
    """
    delta = -1 if backwards else 1

    def loop(calls, *values):
        def condition(index, *_):
            last = index + delta * (calls - 1)
            return last >= start if backwards else last < end

        def iteration(index, *values):
            for _ in range(calls):
                values = body(index, *values)
                index += delta
            return index, *values

        return tf.while_loop(
            condition,
            iteration,
            values,
            tf.nest.map_structure(_invariant_shape, values),
            parallel_iterations=1,
        )

    index = tf.convert_to_tensor(end - 1 if backwards else start)
    values = loop(unrolled, index, *values)
    if unrolled > 1:
        values = loop(1, *values)
    return values[1:]


def _invariant_shape(value):
    """Returns the shape that a value has in all iterations."""
    if isinstance(value, tf.TensorArray):
        return tf.TensorShape([])
    if value.shape.rank == 2:
        return tf.TensorShape([None, value.shape[1]])
    return value.shape


def matrix_array(
    dtype: tf.DType, columns: int, size: tf.Tensor
) -> tf.TensorArray:
    """Makes an array of `size` matrices, whose numbers of rows may differ."""
    return tf.TensorArray(
        dtype, size, infer_shape=False, element_shape=[None, columns]
    )


def matrix_array_from_flow(
    dtype: tf.DType, columns: int, flow: tf.Tensor
) -> tf.TensorArray:
    """Returns the `matrix_array` whose content the tensor `flow` holds.

    A traced function takes and returns an array as its flow.
    """
    spec = tf.TensorArraySpec([None, columns], dtype, infer_shape=False)
    return tf.nest.pack_sequence_as(spec, [flow], expand_composites=True)
