"""Dropout of text features."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class FeatureDropout(float32_layer.Float32Layer):
    """Drops elements in training, and scales the others up to make up for it.

    `keras.layers.Dropout`, but for the name of the seed's state, see
    `stacked.seed_generator`.

    Args:
      rate: share of elements that a training step drops.
      seed: seed.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: features, of any shape, which is also the result's.
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
