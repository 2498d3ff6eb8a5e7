"""Base of all layers."""

import keras


class Float32Layer(keras.layers.Layer):
    """Base of the layers, with weights and outputs in float32.

    A user's `keras.json` or global dtype policy, such as mixed_float16, does
    not change it. Where less precision does no harm, a layer has an argument
    for it (`PerTaskLSTM`).

    Args:
      **kwargs: for `keras.layers.Layer`.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
