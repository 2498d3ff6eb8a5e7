"""Weights with an entry for each task, gathered for the tasks of a batch."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


class PerTaskLayer(float32_layer.Float32Layer):
    """Base of the layers that hold a set of weights for each task.

    Every weight has a leading axis, [num_tasks, ...]: one entry for each task
    in a private encoder, a single entry in the shared one. A call gathers the
    entries of its `task_ids`. The gradient of the gather is sparse
    (`tf.IndexedSlices`): an optimizer with sparse updates leaves the tasks that
    a step does not contain untouched.

    Args:
      num_tasks: number of weight sets.
      init_range: weights are drawn uniformly from [-init_range, init_range]
        (Liu et al. 2017, section 5.2: 0.1).
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.

    Raises:
      ValueError: if `num_tasks` is below 1.
    """

    def __init__(
        self,
        num_tasks: int,
        *,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if num_tasks < 1:
            raise ValueError(f"num_tasks: expected 1 or more, got {num_tasks}")
        self.num_tasks = num_tasks
        self.init_range = init_range
        self.seed = seed

    def add_per_task_weight(
        self, name: str, shape: tuple[int, ...], offset=0.0
    ) -> keras.Variable:
        """Adds a weight [num_tasks, *shape]; `offset` shifts its start."""
        uniform = keras.initializers.RandomUniform(
            -self.init_range, self.init_range, seed=self._weight_seed(name)
        )
        return self.add_weight(
            name=name,
            shape=(self.num_tasks, *shape),
            initializer=lambda shape, dtype: uniform(shape, dtype) + offset,
        )

    def gather(self, weight: keras.Variable, task_ids: tf.Tensor) -> tf.Tensor:
        """Gathers the entries of tasks, [task_batches, ...]."""
        return look_up(weight, task_ids)

    def get_config(self):
        return {
            **super().get_config(),
            "num_tasks": self.num_tasks,
            "init_range": self.init_range,
            "seed": self.seed,
        }

    def _weight_seed(self, name):
        """Derives the seed of a weight: a layer's weights start differently."""
        if self.seed is None:
            return None
        return (self.seed + sum(map(ord, name)) * 7919) % 2**31


class _SeedGenerator(keras.random.SeedGenerator):
    """A seed generator whose seeds differ between replicas.

    Its state is the same on all replicas of `tf.distribute`, and a checkpoint
    fits any number of them. The first replica draws the seeds of one device.
    """

    def next(self, ordered=True):
        seed = super().next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return seed
        # The second number of the state counts the draws.
        replica = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([replica * _SEED_STRIDE, tf.zeros_like(replica)])


# A prime, so that the seeds of replicas and those of a config, which are small
# numbers, do not meet.
_SEED_STRIDE = 1_000_003


def seed_generator(seed: int | None) -> keras.random.SeedGenerator:
    """Makes the seed generator of a layer's dropout; for use in `build`.

    Only there, and only with an explicit name, its state is named after the
    layer. Keras's default name counts the generators that the process has made,
    and a checkpoint would not fit a process that has made others.
    """
    return _SeedGenerator(seed, name="seed_generator")


def look_up(variable: keras.Variable, indices: tf.Tensor) -> tf.Tensor:
    """Gathers rows of a variable, with a sparse gradient.

    The rows are read from the variable itself: the value of a variable with
    sparse updates is a copy of all of it.
    """
    return tf.gather(variable.value, indices)
