"""Pooling layers: from token features to one feature vector for a text."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer
from mtl_tf.layers import packed_rnn
from mtl_tf.layers import per_task


@keras.saving.register_keras_serializable(package="mtl_tf")
class Pooling(float32_layer.Float32Layer):
    """Pools over the tokens of a text by their maximum or their mean.

    Args:
      kind: `max` or `mean`.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      states: token features, float32 [rows, batch, width], packed
        (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].

    Returns:
      float32 [task_batches, batch, width].

    Raises:
      ValueError: if `kind` is another one.
    """

    def __init__(self, kind: str, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("max", "mean"):
            raise ValueError(f"kind: expected max or mean, got {kind!r}")
        self.kind = kind

    def call(self, states, lengths, training=False):
        packing = packed_rnn.Packing(lengths, training)
        states, mask = packing.unpack_with_mask(states)
        if self.kind == "max":
            lowest = tf.fill([1, 1, 1, 1], states.dtype.min)
            return tf.reduce_max(tf.where(mask, states, lowest), axis=1)
        count = tf.cast(lengths, states.dtype)[..., tf.newaxis]
        # Not states * mask: beyond the end of a text there may be infinities.
        zero = tf.zeros([1, 1, 1, 1], states.dtype)
        return tf.reduce_sum(tf.where(mask, states, zero), axis=1) / count

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="mtl_tf")
class AttentionPooling(per_task.PerTaskLayer):
    """Pools over the tokens of a text by additive attention.

    Yang et al. 2016, Eq. 5-7, with a W, b and q for each task:

        u_t = tanh(s_t W + b)
        a = softmax_t(u_t q), over the tokens of the text
        feature = sum_t a_t s_t

    Args:
      num_tasks: number of weight sets.
      **kwargs: for `PerTaskLayer`.

    Call arguments:
      states: s, float32 [rows, batch, width], packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches].

    Returns:
      float32 [task_batches, batch, width].

    Reference:
      [Yang et al. 2016](https://aclanthology.org/N16-1174).
    """

    def build(self, states_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        width = states_shape[-1]
        self.kernel = self.add_per_task_weight("kernel", (width, width))
        self.bias = self.add_per_task_weight("bias", (width,))
        self.query = self.add_per_task_weight("query", (width,))

    def call(self, states, lengths, task_ids, training=False):
        packing = packed_rnn.Packing(lengths, training)
        states, mask = packing.unpack_with_mask(states)
        states = tf.where(mask, states, tf.zeros_like(states))
        hidden = tf.tanh(
            tf.einsum(
                "ktbi,kio->ktbo", states, self.gather(self.kernel, task_ids)
            )
            + self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        )
        logits = tf.einsum(
            "ktbi,ki->ktb", hidden, self.gather(self.query, task_ids)
        )[..., tf.newaxis]
        logits = tf.where(mask, logits, states.dtype.min)
        return tf.reduce_sum(tf.nn.softmax(logits, axis=1) * states, axis=1)
