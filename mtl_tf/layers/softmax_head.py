"""The softmax output: a matrix of its own for each task."""

import keras
import tensorflow as tf

from mtl_tf.layers import classification_head


@keras.saving.register_keras_serializable(package="mtl_tf")
class SoftmaxHead(classification_head.ClassificationHead):
    """Scores of the labels of each group's task.

    Liu et al. 2017, Eq. 6 (Augenstein et al. 2018, Eq. 1): y = softmax(W h +
    b), W and b of the task's own. The layer returns W h + b; the softmax is in
    the loss.

    Args:
      num_classes: number of labels of each task.
      tanh: whether the scores are tanh(W h + b), as in the code of Augenstein
        et al.: no probability of one of two labels is then above 0.881. To
        compare with that code.
      **kwargs: for `ClassificationHead`.

    Call arguments: features, float32 [groups, batch, width], and the task that
    reads each group, int32 [groups]. Returns scores as
    `ClassificationHead.score`.
    """

    def __init__(
        self, num_classes: tuple[int, ...], *, tanh: bool = False, **kwargs
    ):
        super().__init__(num_classes, **kwargs)
        self.tanh = tanh

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        self.kernel = self.add_label_vectors("kernel", features_shape[-1])
        self.bias = self.add_label_bias()

    def call(self, features, task_ids):
        kernel = self.of_groups(self.kernel, task_ids)
        scores = self.score(features, kernel, self.bias, task_ids)
        if self.tanh:
            scores = tf.where(
                scores > self.PADDING_SCORE, tf.tanh(scores), scores
            )
        return scores

    def get_config(self):
        return {**super().get_config(), "tanh": self.tanh}
