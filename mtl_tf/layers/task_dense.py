"""Dense layers with weights of their own for each task_ids."""

import keras
import tensorflow as tf

from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskDense(per_task.PerTaskLayer):
    """f(W_t h + b_t), with a W_t and a b_t for each task.

    The task-specific layer of Augenstein, Ruder & Søgaard 2018, section 3.6,
    between the encoders and the output. Each task's layer reads h itself,
    never the layer of another task.

    Args:
      hidden_size: width of its result.
      num_tasks: number of tasks.
      activation: f, a name that `keras.activations` knows.
      **kwargs: for `PerTaskLayer`.

    Call arguments: features h, float32 [task_batches, batch, width], and the
    task
    that reads each group, int32 [task_batches]; returns [task_batches, batch,
    hidden_size].
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
            "gbi,gio->gbo", features, self.gather(self.kernel, task_ids)
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
    """Task layers that stand on each other, in the order of the tasks.

    What the code of Augenstein et al. does in the place of section 3.6: the
    first task's layer reads h, and each other task's that of the task before
    it. So the last one is as deep as there are tasks, and every step changes
    the layers below its tasks too. To compare with that code.

    Args:
      hidden_size: width of each layer.
      num_tasks: number of tasks.
      **kwargs: for `PerTaskLayer`.

    Call arguments: as those of `TaskDense`.
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
            product = tf.einsum("gbi,io->gbo", layers[-1], kernel)
            layers.append(tf.tanh(product + self.bias[task]))
        return tf.gather(tf.stack(layers[1:], axis=1), task_ids, batch_dims=1)

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}
