"""From token features to one feature vector a text."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer
from mtl_tf.layers import per_task
from mtl_tf.layers.packed_rnn import packing as packing_lib


@keras.saving.register_keras_serializable(package="mtl_tf")
class Pooling(float32_layer.Float32Layer):
    """Pools over the tokens of a text by their maximum or their mean.

    Args:
      kind: `max` or `mean`.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: token features, packed, and lengths [task_batches, batch];
    returns [task_batches, batch, width].
    """

    def __init__(self, kind: str, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("max", "mean"):
            raise ValueError(f"kind: max or mean, got {kind!r}")
        self.kind = kind

    def call(self, states, lengths):
        states, mask = packing_lib.Packing(lengths).unpack_with_mask(states)
        if self.kind == "max":
            lowest = tf.fill([1, 1, 1, 1], states.dtype.min)
            return tf.reduce_max(tf.where(mask, states, lowest), axis=1)
        count = tf.cast(lengths, states.dtype)[..., tf.newaxis]
        # Not states * mask: what lies beyond the end may be anything.
        zero = tf.zeros([1, 1, 1, 1], states.dtype)
        return tf.reduce_sum(tf.where(mask, states, zero), axis=1) / count

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="mtl_tf")
class AttentionPooling(per_task.PerTaskLayer):
    """Pools over tokens by additive attention (Yang et al. 2016, Eq. 5-7).

        u_t = tanh(s_t W + b),  a = softmax_t(u_t q),  feature = sum_t a_t s_t

    with a W, b and q of each task_ids's own; the softmax runs over the tokens
    of the text and no others. Call arguments: token features, packed, lengths
    [task_batches, batch], task_ids [task_batches]; returns [task_batches,
    batch, width].
    """

    def build(self, states_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        width = states_shape[-1]
        self.kernel = self.add_per_task_weight("kernel", (width, width))
        self.bias = self.add_per_task_weight("bias", (width,))
        self.query = self.add_per_task_weight("query", (width,))

    def call(self, states, lengths, task_ids):
        states, mask = packing_lib.Packing(lengths).unpack_with_mask(states)
        states = tf.where(mask, states, tf.zeros_like(states))
        hidden = tf.tanh(
            tf.einsum(
                "gtbi,gio->gtbo", states, self.gather(self.kernel, task_ids)
            )
            + self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        )
        scores = tf.einsum(
            "gtbi,gi->gtb", hidden, self.gather(self.query, task_ids)
        )[..., tf.newaxis]
        scores = tf.where(mask, scores, states.dtype.min)
        return tf.reduce_sum(tf.nn.softmax(scores, axis=1) * states, axis=1)
