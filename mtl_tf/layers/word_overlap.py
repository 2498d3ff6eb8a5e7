"""Word overlap of the two texts of a pair."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class WordOverlap(float32_layer.Float32Layer):
    """Computes which share of each text's words occurs in the other text.

        overlap(a, b) = Σ_{t in a} w_t [t in b] / Σ_{t in a} w_t

    A sum over the tokens of a, and 0 for a text without weighted tokens. The
    weight of a word is w_t = log(1 + its rank by frequency): by Zipf's law,
    rare words have the largest. The tokens before `first_word`, such as the
    unknown word, have weight 0.

    Args:
      vocabulary_size: number of tokens, from the most to the least frequent.
      first_word: id of the first token that is a word.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      seq1: token ids, int32 [task_batches, batch, seq1_len].
      seq1_lengths: int32 [task_batches, batch].
      token_ids: those of seq2, int32 [task_batches, batch, seq_len].
      lengths: int32 [task_batches, batch].

    Returns:
      float32 [task_batches, batch, 2]: overlap(seq1, seq2), and
      overlap(seq2, seq1), from 0 to 1.
    """

    def __init__(self, vocabulary_size: int, first_word: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.first_word = first_word
        ranks = np.arange(vocabulary_size) - first_word + 1
        self._weights = np.log1p(np.maximum(ranks, 0)).astype(np.float32)

    def call(self, seq1, seq1_lengths, token_ids, lengths):
        seq1 = _without_padding(seq1, seq1_lengths)
        token_ids = _without_padding(token_ids, lengths)
        equal = seq1[..., :, tf.newaxis] == token_ids[..., tf.newaxis, :]
        shares = [
            self._share(seq1, tf.reduce_any(equal, axis=-1)),
            self._share(token_ids, tf.reduce_any(equal, axis=-2)),
        ]
        return tf.stack(shares, axis=-1)

    def _share(self, token_ids, occurs):
        """Computes the weighted share of tokens that occur in the other text.

        Args:
          token_ids: int32 [task_batches, batch, any].
          occurs: bool, of the same shape.
        """
        weights = tf.gather(self._weights, token_ids)
        zeros = tf.zeros_like(weights)
        common = tf.reduce_sum(tf.where(occurs, weights, zeros), axis=-1)
        return tf.math.divide_no_nan(common, tf.reduce_sum(weights, axis=-1))

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "first_word": self.first_word,
        }


def _without_padding(token_ids, lengths):
    """Replaces tokens beyond the end of a text by 0, whose weight is 0."""
    mask = tf.sequence_mask(lengths, tf.shape(token_ids)[-1])
    return tf.where(mask, token_ids, tf.zeros_like(token_ids))
