"""The softmax output: a matrix of its own for each task."""

import keras

from mtl_tf.layers import label_output


@keras.saving.register_keras_serializable(package="mtl_tf")
class SoftmaxOutput(label_output.LabelOutput):
    """Scores of the labels of each group's task.

    Liu et al. 2017, Eq. 6 (Augenstein et al. 2018, Eq. 1): y = softmax(W h +
    b), W and b of the task's own. The layer returns W h + b; the softmax is in
    the loss.

    Args:
      **kwargs: for `LabelOutput`.

    Call arguments: features, float32 [groups, batch, width], and the task that
    reads each group, int32 [groups]. Returns scores as `LabelOutput.score`.
    """

    def build(self, features_shape, reader_shape=None):
        del reader_shape
        self.kernel = self.add_label_vectors("kernel", features_shape[-1])
        self.bias = self.add_label_bias()

    def call(self, features, reader):
        kernel = self.of_groups(self.kernel, reader)
        return self.score(features, kernel, self.bias, reader)
