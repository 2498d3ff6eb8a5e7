"""The replicas of a model that share a training step.

A step is split by its task batches: each replica gets the same number of whole
task batches. A loss of a task batch is therefore that of one device, and the
gradients of the replicas add up to those of one device.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import tensorflow as tf

from mtl_tf.training import optimizers

Step = Callable[[Mapping], dict[str, tf.Tensor]]
# A value in types of JSON.
Value = TypeVar("Value")


class Replicas:
    """One replica, which trains on all task batches of a step.

    Its methods return what they are given: a step on one device does not
    contain any operation of this class.
    """

    # Number of replicas.
    count = 1
    # Number of processes that share a step, and the index of this one.
    num_workers = 1
    worker = 0

    @property
    def is_chief(self) -> bool:
        """Returns whether this process writes the files of the run."""
        return self.worker == 0

    def from_chief(self, compute: Callable[[], Value]) -> Value:
        """Returns what the chief computes, in all workers.

        A worker waits until the chief has computed it.

        Args:
          compute: a function that returns a value in types of JSON.
        """
        return compute()

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the context in which the variables are made."""
        return contextlib.nullcontext()

    def run(self, step: Step, batch: Mapping) -> dict[str, tf.Tensor]:
        """Runs a step on all replicas, each with its task batches.

        Args:
          step: a function of a batch that returns logs, which are the same on
            all replicas.
          batch: the batch of all replicas of this worker, as in
            `training_batches`.

        Returns:
          The logs.
        """
        return step(batch)

    def gather(self, task_ids: tf.Tensor) -> tf.Tensor:
        """Returns the task ids of all replicas.

        Args:
          task_ids: int32 [task_batches], those of this replica.

        Returns:
          int32 [task_batches of all replicas].
        """
        return task_ids

    def share(
        self, means: Mapping[str, tf.Tensor], elements: tf.Tensor | None = None
    ) -> Mapping[str, tf.Tensor]:
        """Computes what this replica adds to means over all replicas.

        Args:
          means: float32 [], means over elements of this replica by name.
          elements: any type and shape, a tensor of as many elements; None: all
            replicas have the same number.

        Returns:
          float32 [] by name; they add up to the means over the elements of all
          replicas.
        """
        del elements
        return means

    def add(self, logs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Adds up the logs of all replicas, float32 [] by name."""
        return dict(logs)

    def add_gradients(
        self, gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]
    ) -> list[tf.Tensor | tf.IndexedSlices | None]:
        """Adds up the gradients of all replicas, variable by variable."""
        return list(gradients)

    def check(self, num_task_batches: Mapping[str, int]) -> None:
        """Checks that the replicas can get equally many task batches.

        Args:
          num_task_batches: number of task batches of a step, by what they hold.

        Raises:
          ValueError: if a number is not divisible by the number of replicas.
        """
        for name, number in num_task_batches.items():
            if number % self.count:
                raise ValueError(
                    f"a step has {number} task batches of {name} texts, which "
                    f"{self.count} devices cannot share equally: choose "
                    "another number of devices or tasks, or "
                    "distribution=one_device"
                )


class DistributedReplicas(Replicas):
    """Replicas of a strategy of `tf.distribute`.

    Each replica has a copy of every variable. The copies stay equal bit for
    bit: all replicas make the same updates from the same sums of gradients.

    Args:
      strategy: the strategy.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self.count = strategy.num_replicas_in_sync

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the scope of the strategy."""
        return self._strategy.scope()

    def run(self, step: Step, batch: Mapping) -> dict[str, tf.Tensor]:
        """Runs a step on all replicas; returns the logs of one."""

        def run_replica(batch):
            return step(self._select(batch))

        logs = self._strategy.run(run_replica, (batch,))
        return {
            name: self._strategy.experimental_local_results(value)[0]
            for name, value in logs.items()
        }

    def gather(self, task_ids: tf.Tensor) -> tf.Tensor:
        """Concatenates the task ids, in the order of the replicas."""
        return _context().all_gather(task_ids, axis=0)

    def share(
        self, means: Mapping[str, tf.Tensor], elements: tf.Tensor | None = None
    ) -> Mapping[str, tf.Tensor]:
        """Multiplies the means by this replica's share of the elements."""
        if elements is None:
            return {name: mean / self.count for name, mean in means.items()}
        count = tf.cast(tf.size(elements), tf.float32)
        weight = tf.math.divide_no_nan(count, _sum(count))
        # The mean of no elements may be NaN.
        return {
            name: tf.math.multiply_no_nan(mean, weight)
            for name, mean in means.items()
        }

    def add(self, logs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Adds up all logs at once."""
        totals = tf.unstack(_sum(tf.stack(list(logs.values()))))
        return dict(zip(logs, totals, strict=True))

    def add_gradients(
        self, gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]
    ) -> list[tf.Tensor | tf.IndexedSlices | None]:
        """Adds up the gradients; the sums are equal on all replicas."""
        totals = list(gradients)
        sparse = [
            index
            for index, gradient in enumerate(gradients)
            if isinstance(gradient, tf.IndexedSlices)
        ]
        dense = [
            index
            for index, gradient in enumerate(gradients)
            if gradient is not None and index not in sparse
        ]
        for index, total in zip(
            dense, _sum([gradients[x] for x in dense]), strict=True
        ):
            totals[index] = total
        added = self._add_slices([gradients[x] for x in sparse])
        for index, slices in zip(sparse, added, strict=True):
            totals[index] = slices
        return totals

    def _select(self, batch):
        """Selects the task batches of this replica."""
        replica = _context().replica_id_in_sync_group
        # Of the task ids, a worker has those of all workers.
        num_local = self.count // self.num_workers
        local = replica - self.worker * num_local
        selected = {}
        for name, array in batch.items():
            if isinstance(array, Mapping):
                selected[name] = self._select(array)
            elif name == "task_ids":
                selected[name] = _part(array, replica, self.count)
            else:
                selected[name] = _part(array, local, num_local)
        return selected

    def _add_slices(self, gradients):
        """Adds up sparse gradients, in the order of the replicas.

        Each replica sends a row once. The slices of different replicas are
        added one after another: an operation that adds them at once may add
        them in another order on another GPU, and the copies of the variable
        would differ.
        """
        summed = [optimizers.sum_rows(gradient) for gradient in gradients]
        if not summed:
            return []
        sizes = tf.stack([tf.size(slices.indices) for slices in summed])
        # [gradients, replicas].
        sizes = sizes[:, tf.newaxis] * tf.one_hot(
            _context().replica_id_in_sync_group, self.count, dtype=tf.int32
        )
        return [
            self._merge(slices, sizes)
            for slices, sizes in zip(
                _sum(summed), tf.unstack(_sum(sizes)), strict=True
            )
        ]

    def _merge(self, slices, sizes):
        """Merges the slices of a row; `sizes` are those of the replicas."""
        rows, positions = tf.unique(slices.indices)
        shape = tf.concat([tf.shape(rows), tf.shape(slices.values)[1:]], axis=0)
        total = tf.zeros(shape, slices.values.dtype)
        for values, targets in zip(
            tf.split(slices.values, sizes, num=self.count),
            tf.split(positions, sizes, num=self.count),
            strict=True,
        ):
            total = tf.tensor_scatter_nd_add(
                total, targets[:, tf.newaxis], values
            )
        return tf.IndexedSlices(total, rows, slices.dense_shape)


def _part(array, index, count):
    """Returns one of `count` equal parts of the first axis."""
    size = tf.shape(array)[0] // count
    return array[index * size : (index + 1) * size]


def _context():
    return tf.distribute.get_replica_context()


def _sum(values):
    """Returns the sum over all replicas of each tensor of a structure."""
    if isinstance(values, list) and not values:
        return []
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, values)
