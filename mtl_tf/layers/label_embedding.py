"""The label embedding layer: the labels of all tasks in one space."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import classification_head


@keras.saving.register_keras_serializable(package="mtl_tf")
class LabelEmbedding(classification_head.ClassificationHead):
    """Classifies by the products of features and label vectors.

    Augenstein, Ruder & Søgaard 2018, section 3.2. The labels of all tasks are
    embedded in one matrix L, with a row l_j for each label of each task:

        Eq. 4   p = softmax(L h), the labels of other tasks masked
        Eq. 5   o = sum_j p_j l_j, the expected label embedding of task i (o_i)

    `joint_logits` computes L h as the paper shows it. A masked label has
    probability 0 and no gradient. A call therefore gathers the rows of the
    task's own labels, and returns their logits; the softmax is in the loss.
    With a bias, and label vectors as long as h, the logits are those of a
    `SoftmaxHead`; the difference is o, which a label transfer network reads.

    Args:
      num_classes: number of labels of each task.
      embedding_dim: length of a label vector (l); 0 for that of h. The paper
        pads shorter vectors with zeros: elements of h beyond l are not read.
      use_bias: whether each label has a bias; Eq. 4 has none.
      **kwargs: for `ClassificationHead`.

    Call arguments:
      features: h, float32 [task_batches, batch, width of h].
      task_ids: int32 [task_batches].

    Returns:
      A dict of `logits`, float32 [task_batches, batch, most labels], as
      `ClassificationHead.logits`, and `expected_label_embedding`, o, float32
      [task_batches, batch, l].

    Raises:
      ValueError: in `build`, if label vectors are longer than h.

    Example:
      ```python
      import tensorflow as tf
      from mtl_tf.layers import label_embedding

      # A task with 2 labels and a task with 4.
      layer = label_embedding.LabelEmbedding((2, 4), embedding_dim=20)
      features = tf.random.normal([3, 8, 100])  # 3 task batches of 8 texts
      outputs = layer(features, tf.constant([0, 1, 1]))
      outputs["logits"].shape  # [3, 8, 4]
      outputs["expected_label_embedding"].shape  # [3, 8, 20]
      ```

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
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
        width = features_shape[-1]
        if self.embedding_dim > width:
            raise ValueError(
                f"label_embedding_dim={self.embedding_dim}: label vectors may "
                f"be as long as the features that they are multiplied with "
                f"({width}), or shorter, but not longer"
            )
        self.table = self.add_label_vectors(
            "table", self.embedding_dim or width
        )
        self.bias = self.add_label_bias() if self.use_bias else None

    def call(self, features, task_ids):
        vectors = self.gather_vectors(self.table, task_ids)
        features = features[..., : self.table.shape[1]]
        # Eq. 4, without its softmax.
        logits = self.logits(features, vectors, self.bias, task_ids)
        # Eq. 5
        expected = tf.einsum("kbl,kli->kbi", tf.nn.softmax(logits), vectors)
        return {"logits": logits, "expected_label_embedding": expected}

    def label_vectors(self) -> tf.Tensor:
        """Returns the matrix L, float32 [labels of all tasks, l]."""
        return self.all_vectors(self.table)

    def joint_logits(
        self, features: tf.Tensor, task_ids: tf.Tensor
    ) -> tf.Tensor:
        """Computes the masked L h of Eq. 4 in full, for reference and tests.

        Args:
          features: h, float32 [task_batches, batch, width of h].
          task_ids: int32 [task_batches].

        Returns:
          float32 [task_batches, batch, labels of all tasks]; `MASKED_LOGIT`
          where a label belongs to another task. The softmax of the task's
          labels equals that of `call`.
        """
        features = features[..., : self.table.shape[1]]
        # Eq. 4, over all labels.
        logits = tf.einsum("kbi,li->kbl", features, self.label_vectors())
        if self.bias is not None:
            logits += self.bias.value
        task_of_label = np.repeat(
            np.arange(len(self.num_classes)), self.num_classes
        )
        is_own = task_of_label == task_ids[:, tf.newaxis]
        return tf.where(is_own[:, tf.newaxis], logits, self.MASKED_LOGIT)

    def get_config(self):
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "use_bias": self.use_bias,
        }
