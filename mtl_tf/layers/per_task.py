"""Weights that are stacked by task, and gathered by the groups of a batch."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


class PerTaskLayer(float32_layer.Float32Layer):
    """Base of the layers that hold one set of weights for each task_ids.

    Every weight has a leading axis `[num_tasks, ...]`: one entry a task in a
    private encoder, a single entry in the shared one. `task_ids`, `int32
    [task_batches]`, names the entry that reads each group. The gradient of the
    gather is sparse (`tf.IndexedSlices`), so that an optimizer that respects
    it leaves the num_tasks that a step does not contain untouched.

    Args:
      num_tasks: number of weight sets.
      init_range: weights are drawn uniformly from [-init_range, init_range]
        (Liu et al. 2017, section 5.2: 0.1).
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.
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
            raise ValueError(
                f"num_tasks: at least 1 is needed, got {num_tasks}"
            )
        self.num_tasks = num_tasks
        self.init_range = init_range
        self.seed = seed

    def add_per_task_weight(
        self, name: str, shape: tuple[int, ...], offset=0.0
    ):
        """Adds a weight `[num_tasks, *shape]`; `offset` shifts its start."""
        uniform = keras.initializers.RandomUniform(
            -self.init_range, self.init_range, seed=self._weight_seed(name)
        )
        return self.add_weight(
            name=name,
            shape=(self.num_tasks, *shape),
            initializer=lambda shape, dtype: uniform(shape, dtype) + offset,
        )

    def gather(self, weight, task_ids: tf.Tensor) -> tf.Tensor:
        """The entries that read the groups: `[task_batches, ...]`."""
        return look_up(weight, task_ids)

    def get_config(self):
        return {
            **super().get_config(),
            "num_tasks": self.num_tasks,
            "init_range": self.init_range,
            "seed": self.seed,
        }

    def _weight_seed(self, name):
        # Weights of one layer must not start alike.
        if self.seed is None:
            return None
        return (self.seed + sum(map(ord, name)) * 7919) % 2**31


def seed_generator(seed: int | None) -> keras.random.SeedGenerator:
    """A seed generator for a layer's dropout; to be made in `build`.

    Only there, and only with a name of its own, is its state named after the
    layer. Keras's default name counts the generators that the process has made
    so far, and a checkpoint would not fit a process that has made others.
    """
    return keras.random.SeedGenerator(seed, name="seed_generator")


def look_up(variable: keras.Variable, rows: tf.Tensor) -> tf.Tensor:
    """Rows of a variable, with a sparse gradient.

    They are read from where it is stored: the value of a variable whose rows
    are updated one by one is a copy of all of it.
    """
    return tf.gather(variable.value, rows)
