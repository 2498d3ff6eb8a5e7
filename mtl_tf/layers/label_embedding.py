"""The label embedding layer: the labels of all tasks in one space."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import classification_head


@keras.saving.register_keras_serializable(package="mtl_tf")
class LabelEmbedding(classification_head.ClassificationHead):
    """Classifies by the products of label vectors and features.

    Augenstein, Ruder & Søgaard 2018, section 3.2, Eq. 4: p = softmax(L h),
    where
    L has a row l_j for each label of each task, and the labels of other tasks
    are masked. `joint_logits` computes L h as the paper shows it.

    A masked label has probability 0 and no gradient. The layer therefore
    gathers the rows of the task's own labels, and returns their logits; the
    softmax is in the loss. With a bias, and label vectors as long as h, it
    computes what a `SoftmaxHead` does; the difference is that label vectors
    are also the predictions that a label transfer network reads (Eq. 5).

    Args:
      num_classes: number of labels of each task.
      embedding_dim: length of a label vector (l); 0: that of h. The paper pads
        shorter vectors with zeros: elements of h beyond l are not read.
      use_bias: whether each label has a bias; Eq. 4 has none.
      **kwargs: for `ClassificationHead`.

    Call arguments:
      features: h, float32 [task_batches, batch, width of h].
      task_ids: int32 [task_batches].

    Returns:
      Logits, float32 [task_batches, batch, most labels], as
      `ClassificationHead.logits`; and the expected label embedding, float32
      [task_batches, batch, l]: o = sum_j p_j l_j over the task's labels (Eq.
      5).
    """

    def __init__(
        self,
        num_classes: tuple[int, ...],
        *,
        embedding_dim: int = 0,
        use_bias: bool = False,
        **kwargs,
    ):
        super().__init__(num_classes, **kwargs)
        self.embedding_dim = embedding_dim
        self.use_bias = use_bias

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        most = features_shape[-1]
        if self.embedding_dim > most:
            raise ValueError(
                f"label_embedding_dim={self.embedding_dim}: label vectors may "
                f"be as long as the features that they are multiplied with "
                f"({most}), or shorter, but not longer"
            )
        self.table = self.add_label_vectors("table", self.embedding_dim or most)
        self.bias = self.add_label_bias() if self.use_bias else None

    def call(self, features, task_ids):
        vectors = self.gather_labels(self.table, task_ids)
        features = features[..., : self.table.shape[1]]
        logits = self.logits(features, vectors, self.bias, task_ids)
        expected = tf.einsum("kbl,kli->kbi", tf.nn.softmax(logits), vectors)
        return logits, expected

    def joint_logits(
        self, features: tf.Tensor, task_ids: tf.Tensor
    ) -> tf.Tensor:
        """Computes L h over the labels of all tasks, and masks (Eq. 4).

        Args:
          features: h, float32 [task_batches, batch, width of h].
          task_ids: int32 [task_batches].

        Returns:
          float32 [task_batches, batch, labels of all tasks]; `PADDING_LOGIT`
          where a label belongs to another task. The softmax of the task's
          labels equals that of `call`.
        """
        features = features[..., : self.table.shape[1]]
        logits = tf.einsum("kbi,li->kbl", features, self.table.value)
        if self.bias is not None:
            logits += self.bias.value
        task_of_label = np.repeat(
            np.arange(len(self.num_classes)), self.num_classes
        )
        is_own = task_of_label == task_ids[:, tf.newaxis]
        return tf.where(is_own[:, tf.newaxis], logits, self.PADDING_LOGIT)

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "use_bias": self.use_bias,
        }
