"""Gradient reversal."""

import tensorflow as tf


def gradient_reversal(features: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """The identity forward, minus `scale` times the gradient backward.

    Liu et al. 2017, section 4.1, after Ganin & Lempitsky 2015: it lets the
    task discriminator minimize its loss and the shared encoder maximize it in
    one backward pass.

    Args:
      features: float32, any shape.
      scale: float32, broadcast against `features`: λ, or λ where the reversal
        is open and 0 where it is closed. It gets no gradient.

    Returns:
      float32 with the shape of `features`.
    """

    @tf.custom_gradient
    def reverse(features, scale):
        def gradient(upstream):
            return -scale * upstream, None

        return tf.identity(features), gradient

    return reverse(features, tf.convert_to_tensor(scale, features.dtype))
