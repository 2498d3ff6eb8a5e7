"""Grouped sequences without what lies beyond the ends of their groups.

A packed tensor holds, for one time step after the other, the groups that still
have a text there, the longest group first. Of groups g0, g1, g2 with 3, 1 and
2 steps:

    row     0   1   2   3   4   5
    step    0   0   0   1   1   2
    group   g0  g2  g1  g0  g2  g0

The rows of a time step lie together, and those of the groups that go on to the
next step are the first of them. A row is `[batch, width]`.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf


class Packing:
    """How the sequences of a batch are packed.

    Args:
      lengths: int32 [groups, batch], at least 1.
      time: int32, number of time steps of the unpacked tensors.
      backwards: whether every text is packed from its true last token to its
        first.

    Attributes:
      longest: int32, steps of the longest group.
      active: int32 [longest], how many groups have a text at each step.
      begin: int32 [longest], the first row of each step.
      order: int32 [groups], the groups from the longest to the shortest.
    """

    def __init__(self, lengths: tf.Tensor, time: tf.Tensor, backwards: bool):
        groups, batch = tf.unstack(tf.shape(lengths))
        self._unpacked = (groups, time, batch)
        self._lengths = lengths
        steps = tf.reduce_max(lengths, axis=1)
        self.order = tf.argsort(steps, direction="DESCENDING", stable=True)
        self._steps = tf.gather(steps, self.order)
        self.longest = self._steps[0]
        there = tf.transpose(tf.sequence_mask(self._steps, self.longest))
        self.active = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
        self.begin = tf.cumsum(self.active, exclusive=True)

        # Of each row: its step, and its group by rank of length.
        step, rank = tf.unstack(tf.cast(tf.where(there), tf.int32), axis=1)
        self._previous = tf.gather(self.begin, tf.maximum(step - 1, 0)) + rank
        # Where the rows of each group would begin and end, and where each row
        # would stand, if all rows of a group lay together.
        self._ends = tf.cumsum(self._steps)
        self._begins = self._ends - self._steps
        self._by_group = tf.gather(self._begins, rank) + step

        group = tf.gather(self.order, rank)[:, tf.newaxis]
        step = step[:, tf.newaxis]
        if backwards:
            length = tf.gather(lengths, group[:, 0])
            step = tf.where(step < length, length - 1 - step, step)
        # Where each text's token stands in the flat unpacked tensor.
        self._place = (group * time + step) * batch + tf.range(batch)

    def pack(self, unpacked: tf.Tensor) -> tf.Tensor:
        """[groups, time, batch, width] to [rows, batch, width]."""
        flat = tf.reshape(unpacked, [-1, unpacked.shape[-1]])
        return tf.gather(flat, self._place)

    def unpack(self, packed: tf.Tensor) -> tf.Tensor:
        """The inverse of `pack`, with zeros beyond the ends of the groups."""
        groups, time, batch = self._unpacked
        width = packed.shape[-1]
        flat = tf.scatter_nd(
            self._place[..., tf.newaxis], packed, [groups * time * batch, width]
        )
        return tf.reshape(flat, [groups, time, batch, width])

    def delay(self, packed: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
        """What stood one step earlier.

        Args:
          packed: a packed tensor.
          start: [groups, batch, width], in the order of `order`: what stands
            at step 0.
        """
        groups = self._unpacked[0]
        return tf.concat(
            [start, tf.gather(packed, self._previous[groups:])], axis=0
        )

    def last(self, packed: tf.Tensor) -> tf.Tensor:
        """Where packing each text ends: [groups, batch, width].

        That is its true last token, or its first one if it is packed
        backwards.
        """
        return tf.gather_nd(packed, self._last())

    def put_last(self, values: tf.Tensor) -> tf.Tensor:
        """The inverse of `last`, with zeros in all other places."""
        shape = [tf.shape(self._place)[0], self._unpacked[2], values.shape[-1]]
        return tf.scatter_nd(self._last(), values, shape)

    def in_own_order(self, ranked: tf.Tensor) -> tf.Tensor:
        """From the order of `order`, [groups, ...], to the groups' own."""
        return tf.gather(ranked, tf.argsort(self.order))

    def _last(self):
        """Of each text: the row it ends in, and its number in the batch."""
        row = tf.gather(self.begin, self._lengths - 1)
        row += tf.argsort(self.order)[:, tf.newaxis]
        text = tf.zeros_like(row) + tf.range(self._unpacked[2])
        return tf.stack([row, text], axis=-1)

    def for_each_group(
        self,
        function: Callable[..., Sequence[tf.Tensor]],
        weights: tf.Tensor,
        packed: Sequence[tf.Tensor],
        rowwise: Sequence[bool],
    ) -> list[tf.Tensor]:
        """Calls a function with each group's weights and rows.

        Args:
          function: (weights of the group, its rows of each packed tensor,
            flat: [steps * batch, width]) -> its results.
          weights: [groups, ...], in the order of `order`.
          packed: packed tensors.
          rowwise: of each result, whether it is flat rows again; the others
            are put on each other.

        Returns:
          Of each result: a packed tensor, or [groups, ...].
        """
        batch = self._unpacked[2]
        by_group = tf.argsort(self._by_group)
        packed = [tf.gather(tensor, by_group) for tensor in packed]

        def body(rank, arrays):
            rows = slice(self._begins[rank], self._ends[rank])
            results = function(
                weights[rank], *(flatten(tensor[rows]) for tensor in packed)
            )
            return rank + 1, tuple(
                array.write(rank, result)
                for array, result in zip(arrays, results, strict=True)
            )

        count = self._unpacked[0]
        arrays = tuple(
            tf.TensorArray(weights.dtype, count, infer_shape=False)
            for _ in rowwise
        )
        _, arrays = tf.while_loop(
            lambda rank, _: rank < count, body, (0, arrays)
        )
        results = []
        for array, is_rows in zip(arrays, rowwise, strict=True):
            if is_rows:
                rows = array.concat()
                rows = tf.reshape(rows, [-1, batch, tf.shape(rows)[-1]])
                results.append(tf.gather(rows, self._by_group))
            else:
                results.append(array.stack())
        return results


def flatten(packed: tf.Tensor) -> tf.Tensor:
    """[rows, batch, width] to [rows * batch, width]."""
    return tf.reshape(packed, [-1, packed.shape[-1]])
