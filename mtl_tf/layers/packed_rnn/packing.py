"""Grouped sequences without what lies beyond the ends of their groups.

A packed tensor holds, for one time step after the other, the groups that still
have a text there, the longest group first. Of groups g0, g1, g2 with 3, 1 and
2 steps:

    row     0   1   2   3   4   5
    step    0   0   0   1   1   2
    group   g0  g2  g1  g0  g2  g0

The rows of a time step lie together, and those of the groups that go on to the
next step are the first of them. A row is `[batch, width]`: a token, or features
of it, of each text of a group. What it holds of a text that has ended, while
another one of its group has not, has no meaning.

More than `BLOCK` groups are packed in blocks of as many, one behind the other,
the longest groups in the first one.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# A recurrent loop reads the weights of all groups of a block in each step:
# those of more groups would not stay in a processor's caches.
BLOCK = 16


class Segment(NamedTuple):
    """Steps of a block that the same groups have.

    Rows are flat here: a row for each text.

    Attributes:
      ranks: ranks of its groups.
      first_step: int32, its first step.
      end_step: int32, the one after its last.
      begin: int32 [1], where its first row begins.
      end: int32 [1], where its last one ends.
      texts: int32 [1], how many texts each step has.
      going_on: int32, how many of them are those of the segment before: all of
        them, or none in the first segment of a block.
      new: where the others, which begin here, stand among all texts by rank.
    """

    ranks: slice
    first_step: tf.Tensor
    end_step: tf.Tensor
    begin: tf.Tensor
    end: tf.Tensor
    texts: tf.Tensor
    going_on: tf.Tensor
    new: slice


class Packing:
    """How the sequences of a batch are packed.

    Args:
      lengths: int32 [task_batches, batch], at least 1.

    Attributes:
      lengths: as given.
      batch: int32, texts of a group.
      longest: int32, steps of the longest group.
      order: int32 [task_batches], the groups from the longest to the shortest.
      rank: int32 [task_batches], the place of each group in that order.
      steps: int32, number of steps of all blocks, which are numbered through.
      segments: int32, number of segments of all blocks.
    """

    def __init__(self, lengths: tf.Tensor):
        self.lengths = lengths
        self.batch = tf.shape(lengths)[1]
        steps = tf.reduce_max(lengths, axis=1)
        self.order = tf.argsort(steps, direction="DESCENDING", stable=True)
        self.rank = tf.argsort(self.order)
        self._group_steps = tf.gather(steps, self.order)
        self.longest = self._group_steps[0]
        missing = -tf.size(steps) % BLOCK
        by_block = tf.reshape(
            tf.pad(self._group_steps, [[0, missing]]), [-1, BLOCK]
        )
        # [blocks, time, BLOCK]
        there = tf.sequence_mask(by_block, self.longest)
        there = tf.where(tf.transpose(there, [0, 2, 1]))
        # Of each row: the step of its group, and the rank of that.
        block, self._row_step, member = tf.unstack(
            tf.cast(there, tf.int32), axis=1
        )
        self._row_rank = block * BLOCK + member
        longest = self._group_steps[::BLOCK]
        self._first_of_block = tf.cumsum(longest, exclusive=True)
        self._divide(by_block)

    def _divide(self, by_block):
        """Finds the segments; `by_block` is [blocks, BLOCK], 0 for no group."""
        # A segment ends with each group, and those that are longer go on.
        ends = tf.reverse(by_block, axis=[1])
        begins = tf.pad(ends[:, :-1], [[0, 0], [1, 0]])
        is_one = ends > begins
        block, place = tf.unstack(tf.cast(tf.where(is_one), tf.int32), axis=1)
        groups = BLOCK - place
        goes_on = tf.boolean_mask(begins, is_one) > 0
        steps = tf.boolean_mask(ends - begins, is_one)
        end_step, end_row = tf.cumsum(steps), tf.cumsum(steps * groups)
        self.steps, self.segments = end_step[-1], tf.size(steps)
        active = tf.repeat(groups, steps)
        self._first_row = tf.cumsum(active, exclusive=True)
        texts = groups * self.batch
        self._table = tf.stack(
            [
                end_step - steps,
                end_step,
                block * BLOCK,
                groups,
                tf.where(goes_on, texts, 0),
                end_row * self.batch - steps * texts,
                end_row * self.batch,
                texts,
            ],
            axis=1,
        )

    def segment(self, number: tf.Tensor) -> Segment:
        """One of the segments, which are in the order of their rows."""
        row = self._table[number]
        first_step, end_step, rank, groups, going_on = tf.unstack(row[:5])
        begin, end, texts = tf.split(row[5:], 3)
        first_text = rank * self.batch
        return Segment(
            ranks=slice(rank, rank + groups),
            first_step=first_step,
            end_step=end_step,
            begin=begin,
            end=end,
            texts=texts,
            going_on=going_on,
            new=slice(first_text + going_on, first_text + texts[0]),
        )

    def _row(self, rank, step):
        """The row of a group's step."""
        first = tf.gather(self._first_of_block, rank // BLOCK)
        return tf.gather(self._first_row, first + step) + rank % BLOCK

    @property
    def _row_lengths(self):
        """int32 [rows, batch]: lengths of the texts of a row's group."""
        return tf.gather(tf.gather(self.lengths, self.order), self._row_rank)

    def pack(self, grouped: tf.Tensor) -> tf.Tensor:
        """Packs [task_batches, longest or more, batch, width] into rows."""
        time = tf.shape(grouped)[1]
        group = tf.gather(self.order, self._row_rank)
        place = group * time + self._row_step

        # A gather's own gradient adds rows up, one by one.
        @tf.custom_gradient
        def run(grouped):
            def gradient(upstream):
                steps = tf.reduce_max(self.lengths, axis=1)
                there = tf.sequence_mask(steps, time)[..., tf.newaxis]
                upstream = tf.gather(upstream, self._rows(time))
                return tf.where(there[..., tf.newaxis], upstream, 0.0)

            return tf.gather(_merge_first_axes(grouped), place), gradient

        return run(grouped)

    def pack_tokens(self, tokens: tf.Tensor) -> tf.Tensor:
        """int32 [task_batches, batch, seq_len] to [rows, batch].

        Where a text has ended its first token stands: one that is in the batch
        anyway, so that an optimizer does not take another for present.
        """
        step = self._row_step[:, tf.newaxis]
        step = tf.where(step < self._row_lengths, step, 0)
        group = tf.gather(self.order, self._row_rank)[:, tf.newaxis]
        text = group * self.batch + tf.range(self.batch)
        flat = tf.reshape(tokens, [-1])
        return tf.gather(flat, text * tf.shape(tokens)[2] + step)

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        """[rows, batch, width] to [task_batches, longest, batch, width].

        What stands beyond the end of a text has no meaning.
        """

        @tf.custom_gradient
        def run(packed):
            return tf.gather(packed, self._rows(self.longest)), self.pack

        return run(packed)

    def unpack_with_mask(
        self, packed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What `unpack` returns, and where tokens are.

        The mask is bool [task_batches, longest, batch, 1].
        """
        mask = tf.sequence_mask(self.lengths, self.longest)
        mask = tf.transpose(mask, [0, 2, 1])[..., tf.newaxis]
        return self.unpack(packed), mask

    def _rows(self, time):
        """Returns the rows of the steps, then the last one again."""
        last = tf.reduce_max(self.lengths, axis=1)[:, tf.newaxis] - 1
        step = tf.minimum(tf.range(time), last)
        return self._row(self.rank[:, tf.newaxis], step)

    def take(self, packed: tf.Tensor, groups: tf.Tensor) -> tf.Tensor:
        """Groups of a packed tensor, packed themselves.

        Args:
          packed: a packed tensor.
          groups: int32 [any], numbers of groups; one may come several times.

        Returns:
          What `Packing(tf.gather(lengths, groups))` packs.
        """
        taken = Packing(tf.gather(self.lengths, groups))
        group = tf.gather(tf.gather(groups, taken.order), taken._row_rank)
        rows = self._row(tf.gather(self.rank, group), taken._row_step)
        return tf.gather(packed, rows)

    def reverse(self, packed: tf.Tensor) -> tf.Tensor:
        """Turns every text about, its true last token to the front."""
        step = self._row_step[:, tf.newaxis]
        lengths = self._row_lengths
        step = tf.where(step < lengths, lengths - 1 - step, step)
        row = self._row(self._row_rank[:, tf.newaxis], step)
        place = row * self.batch + tf.range(self.batch)

        # Twice reversed is as before: the gradient is the same gather.
        @tf.custom_gradient
        def run(packed):
            def gather(packed):
                return tf.gather(_merge_first_axes(packed), place)

            return gather(packed), gather

        return run(packed)

    def last(self, packed: tf.Tensor) -> tf.Tensor:
        """The true last token of each text: [task_batches, batch, width]."""
        return tf.gather_nd(packed, self._last())

    def put_last(self, values: tf.Tensor) -> tf.Tensor:
        """The inverse of `last`, with zeros in all other places."""
        shape = [tf.size(self._row_step), self.batch, values.shape[-1]]
        return tf.scatter_nd(self._last(), values, shape)

    def in_own_order(self, ranked: tf.Tensor) -> tf.Tensor:
        """Restores the order of the batch; `ranked` is in that of `order`."""
        return tf.gather(ranked, self.rank)

    def _last(self):
        """Of each text: the row it ends in, and its number in the batch."""
        row = self._row(self.rank[:, tf.newaxis], self.lengths - 1)
        text = tf.zeros_like(row) + tf.range(self.batch)
        return tf.stack([row, text], axis=-1)

    def map_groups(
        self, function: Callable[..., tf.Tensor], *packed: tf.Tensor
    ) -> tf.Tensor:
        """Calls a function with the rows of each group.

        Args:
          function: (the group's rows of each packed tensor, flat: [steps *
            batch, width]) -> a tensor that is as large for every group.
          *packed: packed tensors.

        Returns:
          [task_batches, ...], in the order of `order`.
        """
        ends = tf.cumsum(self._group_steps)
        begins = ends - self._group_steps
        # Where each row would stand if all rows of a group lay together.
        place = tf.gather(begins, self._row_rank) + self._row_step
        by_group = tf.argsort(place)
        packed = [tf.gather(tensor, by_group) for tensor in packed]

        def body(rank, array):
            rows = slice(begins[rank], ends[rank])
            value = function(*(flatten(tensor[rows]) for tensor in packed))
            return rank + 1, array.write(rank, value)

        count = tf.size(self.order)
        array = tf.TensorArray(packed[0].dtype, count, infer_shape=False)
        _, array = tf.while_loop(lambda rank, _: rank < count, body, (0, array))
        return array.stack()


def flatten(packed: tf.Tensor) -> tf.Tensor:
    """[rows, batch, width] to [rows * batch, width]."""
    return tf.reshape(packed, [-1, packed.shape[-1]])


def _merge_first_axes(tensor):
    """[a, b, ...] to [a * b, ...]."""
    shape = tf.shape(tensor)
    merged = tf.reshape(tensor, tf.concat([[-1], shape[2:]], axis=0))
    return tf.ensure_shape(merged, [None, *tensor.shape[2:]])
