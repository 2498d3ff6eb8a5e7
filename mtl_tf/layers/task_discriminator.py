"""The task discriminator."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskDiscriminator(float32_layer.Float32Layer):
    """Predicts the task of a text from its shared features.

    Liu et al. 2017, section 4.1:

        Eq. 12   D(s) = softmax(b + U s)

    The paper prints U as d x d, which does not give one logit for each task: U
    is [num_tasks, d] here. The layer returns the logits b + U s; the softmax is
    in the loss (Eq. 13).

    Args:
      num_tasks: number of tasks (K).
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      features: s, float32 [task_batches, batch, d].
      frozen: whether U and b get no gradient.

    Returns:
      Logits, float32 [task_batches, batch, num_tasks].

    Raises:
      ValueError: if `num_tasks` is below 2.

    Example:
      ```python
      import tensorflow as tf
      from mtl_tf.layers import gradient_reversal
      from mtl_tf.layers import task_discriminator

      reverse = gradient_reversal.GradientReversal(weight=0.05)
      discriminator = task_discriminator.TaskDiscriminator(num_tasks=16)
      shared = tf.random.normal([16, 8, 64])  # 8 texts of each task
      logits = discriminator(reverse(shared))  # [16, 8, 16]
      ```

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001).
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
        if num_tasks < 2:
            raise ValueError(f"num_tasks: expected 2 or more, got {num_tasks}")
        self.num_tasks = num_tasks
        self.init_range = init_range
        self.seed = seed

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_tasks, input_shape[-1]),
            initializer=keras.initializers.RandomUniform(
                -self.init_range, self.init_range, seed=self.seed
            ),
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.num_tasks,), initializer="zeros"
        )

    def call(self, features, frozen=False):
        kernel = tf.convert_to_tensor(self.kernel)
        bias = tf.convert_to_tensor(self.bias)
        if frozen:
            kernel, bias = tf.stop_gradient(kernel), tf.stop_gradient(bias)
        # Eq. 12, without its softmax.
        return tf.einsum("kbi,ti->kbt", features, kernel) + bias

    def get_config(self):
        return {
            **super().get_config(),
            "num_tasks": self.num_tasks,
            "init_range": self.init_range,
            "seed": self.seed,
        }
