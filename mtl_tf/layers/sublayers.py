"""Configs of layers that are arguments of other layers."""

import keras


def serialize(layer: keras.layers.Layer | None) -> dict | None:
    """Returns the config of a layer, for the config of its outer layer.

    It leaves out the shapes that Keras would build the layer with as it is
    loaded: the outer layer builds it, in its own name scope, and a layer cannot
    be built twice.
    """
    if layer is None:
        return None
    config = keras.saving.serialize_keras_object(layer)
    config.pop("build_config", None)
    return config


def deserialize(config: dict | None) -> keras.layers.Layer | None:
    """Makes a layer from the result of `serialize`."""
    return keras.saving.deserialize_keras_object(config)
