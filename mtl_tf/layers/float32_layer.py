"""Base of all layers."""

import keras


class Float32Layer(keras.layers.Layer):
    """A layer with weights and results of float32.

    A user's `keras.json` or global dtype policy, such as float16 or
    mixed_float16, does not change it: these layers choose where less precision
    does no harm (`--precision`).

    Args:
      **kwargs: for `keras.layers.Layer`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
