"""Dense layers with weights for each task."""

import keras
import tensorflow as tf

from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskDense(per_task.PerTaskLayer):
    """Computes f(W_t h + b_t), with a W_t and a b_t for each task t.

    It is the task-specific layer of Augenstein, Ruder & Søgaard 2018, section
    3.6, between the encoders and the output layer. The layer of each task reads
    h, never the layer of another task.

    Args:
      hidden_size: width of the result.
      num_tasks: number of tasks.
      activation: f, a name that `keras.activations` knows.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      features: h, float32 [task_batches, batch, width].
      task_ids: int32 [task_batches].

    Returns:
      float32 [task_batches, batch, hidden_size].

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
    """

    def __init__(
        self,
        hidden_size: int,
        num_tasks: int,
        *,
        activation: str = "tanh",
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size
        self.activation = activation

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        self.kernel = self.add_per_task_weight(
            "kernel", (features_shape[-1], self.hidden_size)
        )
        self.bias = self.add_per_task_weight("bias", (self.hidden_size,))

    def call(self, features, task_ids):
        product = tf.einsum(
            "kbi,kio->kbo", features, self.gather(self.kernel, task_ids)
        )
        bias = self.gather(self.bias, task_ids)[:, tf.newaxis]
        return keras.activations.get(self.activation)(product + bias)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="mtl_tf")
class ChainedTaskDense(per_task.PerTaskLayer):
    """Computes task-specific layers in a chain, in the order of the tasks.

    The code of Augenstein et al. differs from section 3.6 of their paper: the
    layer of the first task reads h, and the layer of each other task reads that
    of the task before it. The last one is as deep as there are tasks, and a
    step updates the layers before its tasks too. The layer exists for
    comparisons with that code.

    Args:
      hidden_size: width of each layer.
      num_tasks: number of tasks.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      features: h, float32 [task_batches, batch, width].
      task_ids: int32 [task_batches].

    Returns:
      float32 [task_batches, batch, hidden_size].

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
    """

    def __init__(self, hidden_size: int, num_tasks: int, **kwargs):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        widths = [features_shape[-1]] + [self.hidden_size] * (
            self.num_tasks - 1
        )
        self.kernels = [
            self.add_weight(
                name=f"kernel_{task}",
                shape=(width, self.hidden_size),
                initializer=keras.initializers.RandomUniform(
                    -self.init_range,
                    self.init_range,
                    seed=self._weight_seed(f"kernel_{task}"),
                ),
            )
            for task, width in enumerate(widths)
        ]
        self.bias = self.add_per_task_weight("bias", (self.hidden_size,))

    def call(self, features, task_ids):
        layers = [features]
        for task, kernel in enumerate(self.kernels):
            product = tf.einsum("kbi,io->kbo", layers[-1], kernel)
            layers.append(tf.tanh(product + self.bias[task]))
        return tf.gather(tf.stack(layers[1:], axis=1), task_ids, batch_dims=1)

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}
