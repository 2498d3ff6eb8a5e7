"""Packed token features (`packed_rnn.packing`), by the picture alone.

Written apart from the code under test, with TensorFlow's own gradients: tests
pack what they hold by group, and unpack what they get.
"""

import numpy as np
import tensorflow as tf


def rows(lengths: np.ndarray) -> list[tuple[int, int]]:
    """(group, step) of each packed row, of lengths [groups, batch]."""
    steps = np.max(lengths, axis=1)
    longest_first = sorted(range(len(steps)), key=lambda group: -steps[group])
    return [
        (group, step)
        for step in range(max(steps))
        for group in longest_first
        if step < steps[group]
    ]


def pack(grouped: tf.Tensor, lengths: np.ndarray) -> tf.Tensor:
    """[groups, time, batch, width] to [rows, batch, width]."""
    return tf.gather_nd(grouped, rows(lengths))


def unpack(packed: tf.Tensor, lengths: np.ndarray) -> tf.Tensor:
    """[rows, batch, width] to [groups, longest, batch, width].

    Zero beyond the end of a text, whatever stands there.
    """
    there = np.arange(np.max(lengths)) < np.asarray(lengths)[..., np.newaxis]
    there = there.transpose(0, 2, 1)
    # At each row alone: whether its texts have a token there.
    of_rows = np.array([there[row] for row in rows(lengths)])[..., np.newaxis]
    packed = tf.where(of_rows, packed, tf.zeros_like(packed))
    shape = (*there.shape, packed.shape[-1])
    return tf.scatter_nd(rows(lengths), packed, shape)
