"""Packing of token features, independent of `packed_rnn.packing`.

It follows the definition of packed rows, with TensorFlow's own gradients: tests
pack their inputs, and unpack the outputs of layers.
"""

import numpy as np
import tensorflow as tf


def rows(lengths: np.ndarray) -> list[tuple[int, int]]:
    """Lists (task batch, step) of each packed row.

    Args:
      lengths: [task_batches, batch].
    """
    steps = np.max(lengths, axis=1)
    longest_first = sorted(
        range(len(steps)), key=lambda task_batch: -steps[task_batch]
    )
    return [
        (task_batch, step)
        for step in range(max(steps))
        for task_batch in longest_first
        if step < steps[task_batch]
    ]


def pack(unpacked: tf.Tensor, lengths: np.ndarray) -> tf.Tensor:
    """Packs [task_batches, seq_len, batch, width] to [rows, batch, width]."""
    return tf.gather_nd(unpacked, rows(lengths))


def unpack(packed: tf.Tensor, lengths: np.ndarray) -> tf.Tensor:
    """Unpacks [rows, batch, width] to [task_batches, seq_len, batch, width].

    The result is zero beyond the end of a text.
    """
    mask = np.arange(np.max(lengths)) < np.asarray(lengths)[..., np.newaxis]
    mask = mask.transpose(0, 2, 1)
    row_mask = np.array([mask[row] for row in rows(lengths)])[..., np.newaxis]
    packed = tf.where(row_mask, packed, tf.zeros_like(packed))
    shape = (*mask.shape, packed.shape[-1])
    return tf.scatter_nd(rows(lengths), packed, shape)
