"""Word embedding."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer
from mtl_tf.layers import per_task
from mtl_tf.layers.packed_rnn import packing


@keras.saving.register_keras_serializable(package="mtl_tf")
class WordEmbedding(float32_layer.Float32Layer):
    """Looks up word vectors; drops words and elements of vectors in training.

    The gradient is sparse: a step changes the vectors of its own words alone.

    Args:
      vocabulary_size: number of rows.
      embedding_dim: length of a vector (e in the paper's sizes).
      unknown_id: id that takes the place of a dropped word. Since words are
        dropped, and since words below the vocabulary's minimum count have this
        id, its vector is trained.
      word_dropout: share of words that a training step replaces so.
      vector_dropout: share of elements that a training step drops.
      init_range: vectors are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values and of dropout.
      **kwargs: for `keras.layers.Layer`; `trainable=False` freezes the table.

    Call arguments:
      token_ids: int32 [task_batches, batch, seq_len].
      lengths: int32 [task_batches, batch].

    Returns:
      Word vectors, float32 [rows, batch, embedding_dim], packed.
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
            drawn = keras.random.uniform(
                tf.shape(token_ids), dtype="float32", seed=self.seed_generator
            )
            dropped = drawn < self.word_dropout
            token_ids = tf.where(dropped, self.unknown_id, token_ids)
        token_ids = packing.Packing(lengths).pack_tokens(token_ids)
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
