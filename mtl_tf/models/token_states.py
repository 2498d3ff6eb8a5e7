"""A model of the states that the encoders of a trained model have by token."""

import keras

from mtl_tf.models import embedded_text


def build(model: keras.Model) -> keras.Model:
    """Builds a model of the encoders' states at each token.

    It shares the layers of the given model, which does not compute these
    states: with `pooling=last`, its LSTMs keep the last one alone.

    Args:
      model: the result of `multitask_model.build`.

    Returns:
      A functional model with the text inputs of `model`. Its outputs are
      `shared` and `private`, those that exist: float32 [task_batches, batch,
      seq_len, features], and zeros beyond the end of a text.
    """
    inputs = {
        name: tensor
        for name, tensor in model.input.items()
        if name in embedded_text.INPUTS
    }
    text = embedded_text.EmbeddedText.embed(
        model.get_layer("word_embedding"), inputs
    )
    states = text.encode(
        model.get_layer("encoder"), inputs["task_ids"], by_token=True
    )
    return keras.Model(inputs, states, name="token_states")
