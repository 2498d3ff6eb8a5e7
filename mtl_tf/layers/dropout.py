"""Dropout of text features."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class FeatureDropout(float32_layer.Float32Layer):
    """Drops elements of features in training, and scales up the others.

    It is `keras.layers.Dropout` but for the name of the seed generator's state
    (`per_task.seed_generator`).

    Args:
      rate: share of the elements that a training step drops.
      seed: seed of dropout.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      features: float32, any shape.
      training: whether to drop elements.

    Returns:
      float32, of the shape of `features`.
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed

    def build(self, features_shape):
        del features_shape
        self.seed_generator = per_task.seed_generator(self.seed)

    def call(self, features, training=False):
        if not training or not self.rate:
            return features
        return keras.random.dropout(
            features, self.rate, seed=self.seed_generator
        )

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
