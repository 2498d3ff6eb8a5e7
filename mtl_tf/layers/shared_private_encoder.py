"""Shared and private encoders."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers import sublayers
from mtl_tf.layers import text_encoder


@keras.saving.register_keras_serializable(package="mtl_tf")
class SharedPrivateEncoder(float32_layer.Float32Layer):
    """Encodes texts with an encoder of all tasks and an encoder of each task.

    Liu et al. 2017, section 3, Figure 2: the shared encoder computes s, the
    private encoder of task k computes h_k, from the same word vectors. Both
    encoders make a shared-private model, the shared encoder alone a fully
    shared model, the private encoders alone a single-task model for each task.

    Args:
      shared_encoder: a `TextEncoder` with one set of weights; None for none.
      private_encoder: a `TextEncoder` with a set of weights for each task;
        None for none.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      vectors: word vectors, float32 [rows, batch, width], packed
        (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].
      seq1: as `vectors`, the first texts of pairs, for an encoder of pairs.
      seq1_lengths: their lengths, int32 [task_batches, batch].
      private_only: whether to leave out `shared`.
      by_token: whether to return the states at each token instead.
      training: for the encoders.

    Returns:
      A dict of `shared` (s) and `private` (h_k), those that exist: float32
      [task_batches, batch, features]; by token float32 [task_batches, batch,
      seq_len, features].

    Raises:
      ValueError: if there is neither encoder.

    Example:
      ```python
      import numpy as np
      import tensorflow as tf
      from mtl_tf.layers import shared_private_encoder
      from mtl_tf.layers import text_encoder

      encoder = shared_private_encoder.SharedPrivateEncoder(
          text_encoder.TextEncoder("lstm", "last", 64, num_tasks=1),
          text_encoder.TextEncoder("lstm", "last", 64, num_tasks=2),
      )
      lengths = np.array([[3, 1]], np.int32)  # two texts of one task
      vectors = tf.random.normal([3, 2, 50])  # packed: a row for each step
      features = encoder(vectors, lengths, np.array([1]))
      features["shared"].shape, features["private"].shape  # [1, 2, 64] each
      ```

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001).
    """

    def __init__(
        self,
        shared_encoder: text_encoder.TextEncoder | None = None,
        private_encoder: text_encoder.TextEncoder | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if shared_encoder is None and private_encoder is None:
            raise ValueError("expected a shared or a private encoder, got none")
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
        private_only=False,
        by_token=False,
        training=False,
    ):
        arguments = {
            "seq1": seq1,
            "seq1_lengths": seq1_lengths,
            "by_token": by_token,
            "training": training,
        }
        features = {}
        if self.shared_encoder is not None and not private_only:
            features["shared"] = self.shared_encoder(
                vectors, lengths, **arguments
            )
        if self.private_encoder is not None:
            features["private"] = self.private_encoder(
                vectors, lengths, task_ids, **arguments
            )
        return features

    def get_config(self):
        return {
            **super().get_config(),
            "shared_encoder": sublayers.serialize(self.shared_encoder),
            "private_encoder": sublayers.serialize(self.private_encoder),
        }

    @classmethod
    def from_config(cls, config):
        encoders = {
            name: sublayers.deserialize(config[name])
            for name in ("shared_encoder", "private_encoder")
        }
        return cls(**config | encoders)
