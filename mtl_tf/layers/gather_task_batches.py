"""Some of the groups of a packed tensor."""

import keras

from mtl_tf.layers import float32_layer
from mtl_tf.layers.packed_rnn import packing


@keras.saving.register_keras_serializable(package="mtl_tf")
class GatherTaskBatches(float32_layer.Float32Layer):
    """Takes groups out of packed token features.

    Call arguments: token features, packed, their lengths [task_batches,
    batch], and
    int32 [taken], numbers of groups, of which one may come several times;
    returns features of these, packed.
    """

    def call(self, features, lengths, groups):
        return packing.Packing(lengths).take(features, groups)
