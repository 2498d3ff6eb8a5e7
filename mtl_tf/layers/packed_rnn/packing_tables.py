"""The tables of a packing: which row is which step of which task batch.

`packing` describes rows, ranks, blocks and segments.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from mtl_tf.layers import tracing

# A recurrent loop reads the weights of all task batches of a block in each
# step: those of more task batches would not stay in a processor's caches.
BLOCK_SIZE = 16


class Segments(NamedTuple):
    """All segments, in the order of their rows: vectors, int32 [segments].

    Attributes:
      first_step: as in `packing.Segment`.
      end_step: as in `packing.Segment`.
      first_rank: rank of the first task batch.
      num_task_batches: number of task batches.
      num_continued: as in `packing.Segment`.
      start: as in `packing.Segment`.
      end: as in `packing.Segment`.
      num_texts: as in `packing.Segment`.
    """

    first_step: tf.Tensor
    end_step: tf.Tensor
    first_rank: tf.Tensor
    num_task_batches: tf.Tensor
    num_continued: tf.Tensor
    start: tf.Tensor
    end: tf.Tensor
    num_texts: tf.Tensor


@functools.cache
def trace():
    """Returns the traced `_tables`, once in a process.

    A model has a packing in each of its layers.
    """
    return tracing.trace(_tables, [tf.TensorSpec([None, None], tf.int32)])


def _tables(lengths):
    """Computes the order of rows.

    Args:
      lengths: int32 [task_batches, batch].

    Returns:
      int32 tensors by name: attributes of `Packing`, and tables that its
      methods read.
    """
    batch_size = tf.shape(lengths)[1]
    steps = tf.reduce_max(lengths, axis=1)
    order = tf.argsort(steps, direction="DESCENDING", stable=True)
    steps_by_rank = tf.gather(steps, order)
    seq_len = steps_by_rank[0]
    padding = -tf.size(steps) % BLOCK_SIZE
    # [blocks, BLOCK_SIZE], 0 where a block is not full.
    steps_by_block = tf.reshape(
        tf.pad(steps_by_rank, [[0, padding]]), [-1, BLOCK_SIZE]
    )
    # [blocks, seq_len, BLOCK_SIZE]: the rows, in their order.
    indices = tf.where(time_major_mask(steps_by_block, seq_len))
    # The step of each row, counted in its task batch, and the rank of that.
    block, row_step, member = tf.unstack(tf.cast(indices, tf.int32), axis=1)
    block_steps = steps_by_rank[::BLOCK_SIZE]
    return {
        "batch_size": batch_size,
        "order": order,
        "rank": tf.argsort(order),
        "seq_len": seq_len,
        "steps_by_rank": steps_by_rank,
        "row_step": row_step,
        "row_rank": block * BLOCK_SIZE + member,
        "block_first_step": tf.cumsum(block_steps, exclusive=True),
        **_segment_tables(steps_by_block, batch_size),
    }


def _segment_tables(steps_by_block, batch_size):
    """Computes the segments of blocks.

    Args:
      steps_by_block: int32 [blocks, BLOCK_SIZE], in descending order.
      batch_size: int32, number of texts of a task batch.

    Returns:
      int32 tensors by name, as in `_tables`.
    """
    # A segment ends where a task batch ends, the shortest one first. Task
    # batches of equal length end together, in one segment.
    ends = tf.reverse(steps_by_block, axis=[1])
    starts = tf.pad(ends[:, :-1], [[0, 0], [1, 0]])
    is_segment = ends > starts
    block, num_ended = tf.unstack(
        tf.cast(tf.where(is_segment), tf.int32), axis=1
    )
    num_task_batches = BLOCK_SIZE - num_ended
    is_continued = tf.boolean_mask(starts, is_segment) > 0
    num_steps = tf.boolean_mask(ends - starts, is_segment)
    end_step = tf.cumsum(num_steps)
    end_row = tf.cumsum(num_steps * num_task_batches)
    rows_by_step = tf.repeat(num_task_batches, num_steps)
    num_texts = num_task_batches * batch_size
    segments = Segments(
        first_step=end_step - num_steps,
        end_step=end_step,
        first_rank=block * BLOCK_SIZE,
        num_task_batches=num_task_batches,
        num_continued=tf.where(is_continued, num_texts, 0),
        start=end_row * batch_size - num_steps * num_texts,
        end=end_row * batch_size,
        num_texts=num_texts,
    )
    return {
        "num_steps": end_step[-1],
        "num_segments": tf.size(num_steps),
        "step_first_row": tf.cumsum(rows_by_step, exclusive=True),
        # A loop reads one tensor for each segment instead of eight.
        "segment_table": tf.stack(segments, axis=1),
    }


def time_major_mask(lengths, seq_len):
    """Masks the steps within lengths: [a, b] to bool [a, seq_len, b].

    Not a transposed `tf.sequence_mask`: oneDNN logs an error for a transpose of
    anything but floats.
    """
    return tf.range(seq_len)[:, tf.newaxis] < lengths[:, tf.newaxis]
