"""The softmax output layer: a matrix for each task."""

import keras
import tensorflow as tf

from mtl_tf.layers import classification_head


@keras.saving.register_keras_serializable(package="mtl_tf")
class SoftmaxHead(classification_head.ClassificationHead):
    """Classifies by a linear layer for each task.

    Liu et al. 2017, Eq. 6, and Augenstein, Ruder & Søgaard 2018, Eq. 1:

        y = softmax(W_k h + b_k) for task k

    The layer returns the logits; the softmax is in the loss.

    Args:
      num_classes: number of labels of each task.
      tanh: whether the logits are tanh(W_k h + b_k), as in the code of
        Augenstein et al. The probability of one of two labels then never
        exceeds 0.881.
      **kwargs: for `ClassificationHead`.

    Call arguments:
      features: h, float32 [task_batches, batch, width].
      task_ids: int32 [task_batches].

    Returns:
      A dict of `logits`, float32 [task_batches, batch, most labels], as
      `ClassificationHead.logits`.

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001);
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
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
        kernel = self.gather_vectors(self.kernel, task_ids)
        logits = self.logits(features, kernel, self.bias, task_ids)
        if self.tanh:
            logits = tf.where(
                logits > self.MASKED_LOGIT, tf.tanh(logits), logits
            )
        return {"logits": logits}

    def get_config(self):
        return {**super().get_config(), "tanh": self.tanh}
