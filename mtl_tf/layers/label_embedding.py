"""The label embedding layer: the labels of all tasks in one space."""

import keras
import tensorflow as tf

from mtl_tf.layers import classification_head


@keras.saving.register_keras_serializable(package="mtl_tf")
class LabelEmbedding(classification_head.ClassificationHead):
    """Scores labels by the product of their vectors with the features.

    Augenstein, Ruder & Søgaard 2018, section 3.2, Eq. 4: p = softmax(L h) over
    the labels of all tasks, those of other tasks masked. L holds a vector l_j
    of each of them. The layer returns L h, linear; the softmax is in the loss.

    Since the masked labels have probability 0, and no gradient, they are not
    scored at all: only the vectors of the group's task are gathered. So with
    a bias, and vectors as long as h, this is the softmax output. What differs
    is what the vectors are used for (Eq. 5).

    Args:
      num_classes: number of labels of each task.
      width: length of a label vector (l); 0: that of h. The paper fills up
        shorter vectors with zeros: what h holds beyond them is not read.
      use_bias: whether each label has a bias; Eq. 4 has none.
      **kwargs: for `ClassificationHead`.

    Call arguments: features h, float32 [groups, batch, width of h], and the
    task that reads each group, int32 [groups]. Returns scores as
    `ClassificationHead.score`, and the label vector that is expected, float32
    [groups, batch, l]: o = sum_j p_j l_j over the task's labels (Eq. 5), what a
    label transfer network reads.
    """

    def __init__(
        self,
        num_classes: tuple[int, ...],
        *,
        width: int = 0,
        use_bias: bool = False,
        **kwargs,
    ):
        super().__init__(num_classes, **kwargs)
        self.width = width
        self.use_bias = use_bias

    def build(self, features_shape, task_ids_shape=None):
        del task_ids_shape
        most = features_shape[-1]
        if self.width > most:
            raise ValueError(
                f"label_embedding_dim={self.width}: label vectors may be as "
                f"long as "
                f"the features that they are multiplied with ({most}), or "
                "shorter, but not longer"
            )
        self.table = self.add_label_vectors("table", self.width or most)
        self.bias = self.add_label_bias() if self.use_bias else None

    def call(self, features, task_ids):
        vectors = self.of_groups(self.table, task_ids)
        # Zeros at the end of a label vector, left out.
        features = features[..., : self.table.shape[1]]
        scores = self.score(features, vectors, self.bias, task_ids)
        expected = tf.einsum("gbl,gli->gbi", tf.nn.softmax(scores), vectors)
        return scores, expected

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "use_bias": self.use_bias,
        }
