"""The task discriminator."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskDiscriminator(float32_layer.Float32Layer):
    """Tells the task of a text from its shared features.

    Liu et al. 2017, Eq. 12: D(s) = softmax(b + U s). The paper prints U as
    d x d, which can't give one score a task: U is [tasks, d] here. The layer
    returns the scores b + U s; the softmax is in the loss.

    Args:
      tasks: number of tasks (K).
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: features [groups, batch, width]; `frozen=True` lets no
    gradient into U and b. Returns float32 [groups, batch, tasks].
    """

    def __init__(
        self,
        tasks: int,
        *,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if tasks < 2:
            raise ValueError(
                f"a task discriminator needs at least 2 tasks, got {tasks}"
            )
        self.tasks = tasks
        self.init_range = init_range
        self.seed = seed

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.tasks, input_shape[-1]),
            initializer=keras.initializers.RandomUniform(
                -self.init_range, self.init_range, seed=self.seed
            ),
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.tasks,), initializer="zeros"
        )

    def call(self, features, frozen=False):
        kernel = tf.convert_to_tensor(self.kernel)
        bias = tf.convert_to_tensor(self.bias)
        if frozen:
            kernel, bias = tf.stop_gradient(kernel), tf.stop_gradient(bias)
        return tf.einsum("gbi,ki->gbk", features, kernel) + bias

    def get_config(self):
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "init_range": self.init_range,
            "seed": self.seed,
        }
