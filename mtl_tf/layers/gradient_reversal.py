"""Gradient reversal."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class GradientReversal(float32_layer.Float32Layer):
    """Returns its input, and multiplies the gradient by -λ.

    Liu et al. 2017, section 4.1, after Ganin & Lempitsky 2015: in one backward
    pass the task discriminator minimizes its loss, and the shared encoder
    maximizes it with the weight λ (Eq. 13).

        forward   y = x
        backward  dL/dx = -λ * gate * dL/dy

    Args:
      weight: λ.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      features: x, float32, any shape.
      gate: float32, broadcast against `features`: 1 where the gradient passes,
        0 where none does. It gets no gradient itself; None for 1 everywhere.

    Returns:
      `features`.

    Example:
      ```python
      import keras
      from mtl_tf.layers import gradient_reversal

      reverse = gradient_reversal.GradientReversal(weight=0.05)
      discriminator = keras.layers.Dense(16)
      shared_features = keras.random.normal([8, 64])
      task_logits = discriminator(reverse(shared_features))  # [8, 16]
      ```

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001);
      [Ganin & Lempitsky 2015](https://arxiv.org/abs/1409.7495).
    """

    def __init__(self, weight: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight

    def build(self, *shapes, **shapes_by_name):
        del shapes, shapes_by_name

    def call(self, features, gate=None):
        weight = tf.convert_to_tensor(self.weight, features.dtype)
        if gate is not None:
            weight *= tf.cast(gate, features.dtype)

        @tf.custom_gradient
        def reverse(features, weight):
            def gradient(upstream):
                return -weight * upstream, None

            return tf.identity(features), gradient

        return reverse(features, weight)

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}
