"""Selection of task batches of packed token features."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers import packed_rnn


@keras.saving.register_keras_serializable(package="mtl_tf")
class GatherTaskBatches(float32_layer.Float32Layer):
    """Gathers task batches of packed token features.

    Call arguments:
      features: float32 [rows, batch, width], packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      indices: int32 [n], indices of task batches, also repeated ones.

    Returns:
      The features of these task batches, float32 [rows, batch, width], packed
      by their own lengths.
    """

    def call(self, features, lengths, indices):
        return packed_rnn.Packing(lengths).gather(features, indices)
