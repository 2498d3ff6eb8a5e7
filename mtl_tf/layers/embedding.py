"""Word embedding."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer
from mtl_tf.layers import packed_rnn
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class WordEmbedding(float32_layer.Float32Layer):
    """Looks up word vectors, and packs them.

    In training it drops words and elements of vectors. The gradient is sparse:
    a step updates the vectors of its own words alone.

    Args:
      vocabulary_size: number of words.
      embedding_dim: length of a word vector.
      unknown_id: id of the unknown word, which replaces dropped words. Word
        dropout trains its vector, and so do words below the vocabulary's
        minimum count, which have this id.
      word_dropout: share of the words that a training step replaces.
      vector_dropout: share of the elements that a training step drops.
      init_range: vectors are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values and of dropout.
      **kwargs: for `keras.layers.Layer`; `trainable=False` freezes the table.

    Call arguments:
      token_ids: int32 [task_batches, batch, seq_len].
      lengths: int32 [task_batches, batch], number of tokens, at least 1.
      training: whether to drop words and elements.

    Returns:
      Word vectors, float32 [rows, batch, embedding_dim], packed
      (`packed_rnn.packing`).

    Example:
      ```python
      import numpy as np
      from mtl_tf.layers import embedding

      layer = embedding.WordEmbedding(1000, embedding_dim=50, unknown_id=1)
      # Two texts of one task.
      token_ids = np.array([[[5, 8, 2], [7, 0, 0]]], np.int32)
      lengths = np.array([[3, 1]], np.int32)
      vectors = layer(token_ids, lengths)  # [3, 2, 50]: a row for each step
      ```
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_dim: int,
        *,
        unknown_id: int,
        word_dropout: float = 0.0,
        vector_dropout: float = 0.0,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.unknown_id = unknown_id
        self.word_dropout = word_dropout
        self.vector_dropout = vector_dropout
        self.init_range = init_range
        self.seed = seed

    def build(self, token_ids_shape, lengths_shape=None):
        del token_ids_shape, lengths_shape
        self.table = self.add_weight(
            name="table",
            shape=(self.vocabulary_size, self.embedding_dim),
            initializer=keras.initializers.RandomUniform(
                -self.init_range, self.init_range, seed=self.seed
            ),
        )
        self.seed_generator = per_task.seed_generator(self.seed)

    def call(self, token_ids, lengths, training=False):
        if training and self.word_dropout:
            uniform = keras.random.uniform(
                tf.shape(token_ids), dtype="float32", seed=self.seed_generator
            )
            is_dropped = uniform < self.word_dropout
            token_ids = tf.where(is_dropped, self.unknown_id, token_ids)
        token_ids = packed_rnn.Packing(lengths).pack_tokens(token_ids)
        vectors = per_task.look_up(self.table, token_ids)
        if training and self.vector_dropout:
            vectors = keras.random.dropout(
                vectors, self.vector_dropout, seed=self.seed_generator
            )
        return vectors

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "unknown_id": self.unknown_id,
            "word_dropout": self.word_dropout,
            "vector_dropout": self.vector_dropout,
            "init_range": self.init_range,
            "seed": self.seed,
        }
