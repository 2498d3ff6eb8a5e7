"""Packed batches: no row for a step that no text of a task batch has.

A batch holds task batches: texts of one task each. A task batch has as many
steps as its longest text has tokens. A packed tensor has a row, `[batch, ...]`,
for each step of each task batch, and none beyond:

    packed      one time step after the other, and in each step the task batches
                that have it, from the longest to the shortest
    block       at most `packing_tables.BLOCK_SIZE` task batches, which are
                packed together; the blocks follow each other, the longest task
                batches first
    segment     the steps of a block that the same task batches have

Four task batches A, B, C and D, the longest texts of which have 2, 4, 1 and 3
tokens, in blocks of two:

                    block 0         block 1
    step            0   1   2   3   4   5
    B (rank 0)      0   2   4   6                rows
    D (rank 1)      1   3   5
    A (rank 2)                      7   9
    C (rank 3)                      8
    segment         0   0   0   1   2   3

Ranks number the task batches from the longest to the shortest; steps are
numbered through all blocks. The rows of a step are adjacent, and the task
batches that continue in the next step are the first ones of it: a recurrent
loop slices its inputs and its state, and gathers nothing.

A row holds a token, or features of a token, for each text of its task batch.
The elements of texts that have already ended are undefined.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from mtl_tf.layers.packed_rnn import packing_tables as tables_lib


class Segment(NamedTuple):
    """The steps of a block that the same task batches have.

    Rows are flat here: a row for each text (`flatten`).

    Attributes:
      ranks: slice of its task batches, by rank.
      first_step: int32, its first step.
      end_step: int32, one beyond its last step.
      start: int32 [1], its first flat row.
      end: int32 [1], one beyond its last flat row.
      num_texts: int32 [1], number of texts in each of its steps.
      num_continued: int32, how many of these texts were in the segment before:
        all of them, or none in the first segment of a block.
      starting: slice of the other texts, which start here, among all texts by
        rank.
    """

    ranks: slice
    first_step: tf.Tensor
    end_step: tf.Tensor
    start: tf.Tensor
    end: tf.Tensor
    num_texts: tf.Tensor
    num_continued: tf.Tensor
    starting: slice


class Packing:
    """The order of the rows of a packed batch.

    Args:
      lengths: int32 [task_batches, batch], number of tokens of each text, at
        least 1.
      for_training: whether to define faster gradients than TensorFlow's. An
        export must not contain custom gradients.

    Attributes:
      lengths: as given.
      batch_size: int32, number of texts of a task batch.
      seq_len: int32, number of steps of the longest task batch.
      order: int32 [task_batches], indices of the task batches by rank.
      rank: int32 [task_batches], the rank of each task batch.
      num_steps: int32, number of steps of all blocks.
      num_segments: int32, number of segments of all blocks.
    """

    def __init__(self, lengths: tf.Tensor, for_training: bool = True):
        self._for_training = for_training
        self.lengths = lengths
        tables = tables_lib.trace()(lengths)
        self.batch_size = tables["batch_size"]
        self.order = tables["order"]
        self.rank = tables["rank"]
        self.seq_len = tables["seq_len"]
        self.num_steps = tables["num_steps"]
        self.num_segments = tables["num_segments"]
        self._steps_by_rank = tables["steps_by_rank"]
        self._row_step = tables["row_step"]
        self._row_rank = tables["row_rank"]
        self._block_first_step = tables["block_first_step"]
        self._step_first_row = tables["step_first_row"]
        self._segment_table = tables["segment_table"]

    def segment(self, index: tf.Tensor) -> Segment:
        """Returns a segment by its index, int32."""
        row = self._segment_table[index]
        # `tf.strided_slice` takes vectors: the last three stay [1].
        values = tables_lib.Segments(
            *tf.unstack(row[:5]), *tf.split(row[5:], 3)
        )
        first_rank = values.first_rank
        first_text = first_rank * self.batch_size
        return Segment(
            ranks=slice(first_rank, first_rank + values.num_task_batches),
            first_step=values.first_step,
            end_step=values.end_step,
            start=values.start,
            end=values.end,
            num_texts=values.num_texts,
            num_continued=values.num_continued,
            starting=slice(
                first_text + values.num_continued,
                first_text + values.num_texts[0],
            ),
        )

    def _row(self, rank, step):
        """Returns the row of a task batch's step."""
        first_step = tf.gather(
            self._block_first_step, rank // tables_lib.BLOCK_SIZE
        )
        first_row = tf.gather(self._step_first_row, first_step + step)
        return first_row + rank % tables_lib.BLOCK_SIZE

    @property
    def _row_lengths(self):
        """Lengths of the texts of each row, int32 [rows, batch]."""
        return tf.gather(tf.gather(self.lengths, self.order), self._row_rank)

    def pack(self, unpacked: tf.Tensor) -> tf.Tensor:
        """Packs [task_batches, seq_len or more, batch, width] into rows."""
        seq_len = tf.shape(unpacked)[1]
        task_batch = tf.gather(self.order, self._row_rank)
        position = task_batch * seq_len + self._row_step

        # Each step has one row: the gradient is a gather, too. That of
        # `tf.gather` would add up the rows one by one.
        def run(unpacked):
            def gradient(upstream):
                steps = tf.reduce_max(self.lengths, axis=1)
                mask = tf.sequence_mask(steps, seq_len)[..., tf.newaxis]
                upstream = tf.gather(upstream, self._rows(seq_len))
                return tf.where(mask[..., tf.newaxis], upstream, 0.0)

            return tf.gather(_merge_first_axes(unpacked), position), gradient

        return self._apply(run, unpacked)

    def pack_tokens(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Packs int32 [task_batches, batch, seq_len] into [rows, batch].

        Beyond its end, a text repeats its first token: one that is in the batch
        anyway, so that no optimizer takes a padding token for a present one.
        """
        step = self._row_step[:, tf.newaxis]
        step = tf.where(step < self._row_lengths, step, 0)
        task_batch = tf.gather(self.order, self._row_rank)[:, tf.newaxis]
        text = task_batch * self.batch_size + tf.range(self.batch_size)
        flat = tf.reshape(token_ids, [-1])
        return tf.gather(flat, text * tf.shape(token_ids)[2] + step)

    def unpack(
        self, packed: tf.Tensor, seq_len: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Unpacks [rows, batch, width].

        Args:
          packed: the rows.
          seq_len: int32, number of steps of the result; by default, and at
            least, that of the longest task batch.

        Returns:
          [task_batches, seq_len, batch, width], undefined beyond the end of a
          text.
        """
        seq_len = self.seq_len if seq_len is None else seq_len

        def run(packed):
            return tf.gather(packed, self._rows(seq_len)), self.pack

        return self._apply(run, packed)

    def unpack_with_mask(
        self, packed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Unpacks [rows, batch, width], and computes the mask of its tokens.

        Returns:
          The result of `unpack`, and bool [task_batches, seq_len, batch, 1].
        """
        mask = tables_lib.time_major_mask(self.lengths, self.seq_len)
        return self.unpack(packed), mask[..., tf.newaxis]

    def _rows(self, seq_len):
        """Returns the rows of all steps; the last one again beyond the end."""
        last = tf.reduce_max(self.lengths, axis=1)[:, tf.newaxis] - 1
        step = tf.minimum(tf.range(seq_len), last)
        return self._row(self.rank[:, tf.newaxis], step)

    def gather(self, packed: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        """Gathers task batches of a packed tensor.

        Args:
          packed: [rows, batch, width].
          indices: int32 [n], indices of task batches, also repeated ones.

        Returns:
          The task batches, packed by `Packing(tf.gather(lengths, indices))`.
        """
        gathered = Packing(tf.gather(self.lengths, indices))
        task_batch = tf.gather(
            tf.gather(indices, gathered.order), gathered._row_rank
        )
        rows = self._row(tf.gather(self.rank, task_batch), gathered._row_step)
        return tf.gather(packed, rows)

    def reverse(self, packed: tf.Tensor) -> tf.Tensor:
        """Reverses the tokens of every text of [rows, batch, width]."""
        step = self._row_step[:, tf.newaxis]
        lengths = self._row_lengths
        step = tf.where(step < lengths, lengths - 1 - step, step)
        row = self._row(self._row_rank[:, tf.newaxis], step)
        position = row * self.batch_size + tf.range(self.batch_size)

        # The inverse of reversing is reversing: the gradient is the same
        # gather.
        def run(packed):
            def gather(packed):
                return tf.gather(_merge_first_axes(packed), position)

            return gather(packed), gather

        return self._apply(run, packed)

    def _apply(self, run, tensor):
        """Returns the value of `run`, in training with its gradient."""
        if self._for_training:
            return tf.custom_gradient(run)(tensor)
        return run(tensor)[0]

    def last(self, packed: tf.Tensor) -> tf.Tensor:
        """Gathers the true last token of each text of [rows, batch, width].

        Returns:
          [task_batches, batch, width].
        """
        row = self._row(self.rank[:, tf.newaxis], self.lengths - 1)
        text = tf.zeros_like(row) + tf.range(self.batch_size)
        return tf.gather_nd(packed, tf.stack([row, text], axis=-1))

    def in_batch_order(self, by_rank: tf.Tensor) -> tf.Tensor:
        """Reorders [task_batches, ...] from ranks to the order of the batch."""
        return tf.gather(by_rank, self.rank)

    def map_task_batches(
        self, function: Callable[..., tf.Tensor], *packed: tf.Tensor
    ) -> tf.Tensor:
        """Calls a function with the rows of each task batch.

        Args:
          function: (flat rows of a task batch in each packed tensor, [steps *
            batch, width]) -> a tensor, whose shape is the same for all task
            batches.
          *packed: packed tensors.

        Returns:
          [task_batches, ...], by rank.
        """
        ends = tf.cumsum(self._steps_by_rank)
        starts = ends - self._steps_by_rank
        # The positions of the rows when those of a task batch are adjacent.
        position = tf.gather(starts, self._row_rank) + self._row_step
        by_task_batch = tf.argsort(position)
        adjacent = [tf.gather(tensor, by_task_batch) for tensor in packed]

        def body(rank, array):
            rows = slice(starts[rank], ends[rank])
            value = function(*(flatten(tensor[rows]) for tensor in adjacent))
            return rank + 1, array.write(rank, value)

        count = tf.size(self.order)
        array = tf.TensorArray(adjacent[0].dtype, count, infer_shape=False)
        _, array = tf.while_loop(lambda rank, _: rank < count, body, (0, array))
        return array.stack()


def flatten(packed: tf.Tensor) -> tf.Tensor:
    """Reshapes [rows, batch, width] to [rows * batch, width]."""
    return tf.reshape(packed, [-1, packed.shape[-1]])


def _merge_first_axes(tensor):
    """Reshapes [a, b, ...] to [a * b, ...]."""
    shape = tf.shape(tensor)
    merged = tf.reshape(tensor, tf.concat([[-1], shape[2:]], axis=0))
    return tf.ensure_shape(merged, [None, *tensor.shape[2:]])
