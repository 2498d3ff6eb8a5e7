"""The task-specific layer between the encoders and the output."""

import keras
import tensorflow as tf

from mtl_tf.layers import stacked


@keras.saving.register_keras_serializable(package="mtl_tf")
class TaskLayer(stacked.StackedLayer):
    """tanh(W_t h + b_t), with a W_t and a b_t for each task.

    Augenstein, Ruder & Søgaard 2018, section 3.6. Each task's layer reads h
    itself, never the layer of another task.

    Args:
      units: width of its result.
      readers: number of tasks.
      **kwargs: for `StackedLayer`.

    Call arguments: features h, float32 [groups, batch, width], and the task
    that reads each group, int32 [groups]; returns [groups, batch, units].
    """

    def __init__(self, units: int, readers: int, **kwargs):
        super().__init__(readers, **kwargs)
        self.units = units

    def build(self, features_shape, reader_shape=None):
        del reader_shape
        self.kernel = self.add_stacked_weight(
            "kernel", (features_shape[-1], self.units)
        )
        self.bias = self.add_stacked_weight("bias", (self.units,))

    def call(self, features, reader):
        product = tf.einsum(
            "gbi,gio->gbo", features, self.of_groups(self.kernel, reader)
        )
        bias = self.of_groups(self.bias, reader)[:, tf.newaxis]
        return tf.tanh(product + bias)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
