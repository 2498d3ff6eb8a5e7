"""Shared and private encoders."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers import text_encoder


@keras.saving.register_keras_serializable(package="mtl_tf")
class SharedPrivateEncoder(float32_layer.Float32Layer):
    """Encodes text with one encoder for all tasks and one for each task.

    Liu et al. 2017, section 3, Figure 2: the shared encoder computes s, the
    private encoder of task k computes h_k, from the same word vectors. With
    both it is the shared-private model (Figure 2c), with the shared encoder
    alone the fully shared model (Figure 2a), with the private ones alone a
    single-task model for each task.

    Args:
      shared_encoder: a `TextEncoder` with one set of weights; None for none.
      private_encoder: a `TextEncoder` with a set of weights for each task;
        None for none.
      **kwargs: for `keras.layers.Layer`.

    Raises:
      ValueError: if there is neither encoder.

    Call arguments:
      vectors: word vectors, float32, packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].
      seq1, seq1_lengths: as `vectors` and `lengths`, for an encoder that reads
        pairs of texts.

    Returns:
      Features by name, `shared` and `private`: float32 [task_batches, batch,
      features].
    """

    def __init__(
        self,
        shared_encoder: text_encoder.TextEncoder | None = None,
        private_encoder: text_encoder.TextEncoder | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if shared_encoder is None and private_encoder is None:
            raise ValueError("a shared or a private encoder is needed")
        self.shared_encoder = shared_encoder
        self.private_encoder = private_encoder

    def build(self, vectors_shape, *other_shapes, **shapes_by_name):
        del other_shapes, shapes_by_name
        for encoder in (self.shared_encoder, self.private_encoder):
            if encoder is not None:
                encoder.build(vectors_shape)

    def call(
        self,
        vectors,
        lengths,
        task_ids,
        seq1=None,
        seq1_lengths=None,
        training=False,
    ):
        texts = {"seq1": seq1, "seq1_lengths": seq1_lengths}
        features = {}
        if self.shared_encoder is not None:
            features["shared"] = self.shared_encoder(
                vectors, lengths, training=training, **texts
            )
        if self.private_encoder is not None:
            features["private"] = self.private_encoder(
                vectors, lengths, task_ids, training=training, **texts
            )
        return features

    def get_config(self):
        return {
            **super().get_config(),
            "shared_encoder": keras.saving.serialize_keras_object(
                self.shared_encoder
            ),
            "private_encoder": keras.saving.serialize_keras_object(
                self.private_encoder
            ),
        }

    @classmethod
    def from_config(cls, config):
        encoders = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("shared_encoder", "private_encoder")
        }
        return cls(**config | encoders)
