"""Base of the output layers: a row of weights for each label of each task."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import float32_layer


class ClassificationHead(float32_layer.Float32Layer):
    """Base of the output layers: features in, logits of a task's labels out.

    One matrix, [labels of all tasks, width], holds the rows of all tasks, task
    by task, in the order of their labels. Sparse updates: only the rows of the
    step's tasks are gathered, and the others get no gradient.

    With `label_ids`, labels of the same name also share a vector, and the
    vector of a label is the sum of its own and the shared one: a task with few
    rows starts from what the others have learned about its labels.

    Args:
      num_classes: number of labels of each task.
      label_ids: id of the name of each label of all tasks, from 0; labels with
        the same id share a vector. None: no labels do.
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.
    """

    MASKED_LOGIT = -1e9

    def __init__(
        self,
        num_classes: tuple[int, ...],
        *,
        label_ids: tuple[int, ...] | None = None,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = tuple(num_classes)
        self.label_ids = None if label_ids is None else tuple(label_ids)
        self.init_range = init_range
        self.seed = seed
        first_rows = np.cumsum((0, *self.num_classes[:-1]))
        labels = np.arange(max(self.num_classes))
        # [num_tasks, most labels]: the row of each label, and the mask of the
        # labels that a task has.
        self._rows = (first_rows[:, np.newaxis] + labels).astype(np.int32)
        self._mask = labels < np.array(self.num_classes)[:, np.newaxis]

    def add_label_vectors(self, name: str, width: int) -> keras.Variable:
        """Adds a vector for each label, [labels of all tasks, width].

        Vectors that labels share start at 0.
        """
        self.shared_vectors = None
        if self.label_ids is not None:
            self.shared_vectors = self.add_weight(
                name="shared_vectors",
                shape=(max(self.label_ids) + 1, width),
                initializer="zeros",
            )
        return self.add_weight(
            name=name,
            shape=(sum(self.num_classes), width),
            initializer=keras.initializers.RandomUniform(
                -self.init_range, self.init_range, seed=self.seed
            ),
        )

    def add_label_bias(self) -> keras.Variable:
        """Adds a bias for each label, [labels of all tasks]."""
        return self.add_weight(
            name="bias", shape=(sum(self.num_classes),), initializer="zeros"
        )

    def gather_vectors(
        self, own_vectors: keras.Variable, task_ids: tf.Tensor
    ) -> tf.Tensor:
        """Gathers the vectors of the labels of each task batch's task.

        Args:
          own_vectors: float32 [labels of all tasks, width], from
            `add_label_vectors`.
          task_ids: int32 [task_batches].

        Returns:
          float32 [task_batches, most labels, width]: the labels' own vectors,
          plus the shared ones; zeros where a task has no such label.
        """
        vectors = self.gather_labels(own_vectors, task_ids)
        if self.shared_vectors is not None:
            ids = np.array(self.label_ids, np.int32)
            vectors += self.gather_labels(self.shared_vectors, task_ids, ids)
        return vectors

    def all_vectors(self, own_vectors: keras.Variable) -> tf.Tensor:
        """Computes the vectors of all labels, [labels of all tasks, width]."""
        vectors = tf.convert_to_tensor(own_vectors)
        if self.shared_vectors is not None:
            vectors += tf.gather(self.shared_vectors, self.label_ids)
        return vectors

    def gather_labels(
        self,
        weight: keras.Variable,
        task_ids: tf.Tensor,
        row_of_label: np.ndarray | None = None,
    ) -> tf.Tensor:
        """Gathers the rows of the labels of each task batch's task.

        Args:
          weight: float32 [labels of all tasks, ...].
          task_ids: int32 [task_batches].
          row_of_label: int32 [labels of all tasks]; None: a label's own row.

        Returns:
          float32 [task_batches, most labels, ...], zeros where a task has no
          such label.
        """
        mask = tf.gather(self._mask, task_ids)
        indices = tf.cast(tf.where(mask), tf.int32)
        rows = tf.gather_nd(tf.gather(self._rows, task_ids), indices)
        if row_of_label is not None:
            rows = tf.gather(row_of_label, rows)
        # Gathers rows that exist, and pads afterwards: a padded gather would
        # give some task's row a gradient of zero, and an optimizer would
        # update that row.
        return tf.scatter_nd(
            indices,
            tf.gather(weight, rows),
            tf.concat([tf.shape(mask), tf.shape(weight)[1:]], axis=0),
        )

    def logits(
        self,
        features: tf.Tensor,
        vectors: tf.Tensor,
        bias: keras.Variable | None,
        task_ids: tf.Tensor,
    ) -> tf.Tensor:
        """Multiplies features with label vectors, and adds a bias.

        Args:
          features: float32 [task_batches, batch, width].
          vectors: float32 [task_batches, most labels, width], from
            `gather_vectors`.
          bias: float32 [labels of all tasks]; None for none.
          task_ids: int32 [task_batches].

        Returns:
          float32 [task_batches, batch, most labels]: logits in the order of the
          task's labels, then `MASKED_LOGIT`, whose probability is 0.
        """
        logits = tf.einsum("kbi,kli->kbl", features, vectors)
        if bias is not None:
            logits += self.gather_labels(bias, task_ids)[:, tf.newaxis]
        mask = tf.gather(self._mask, task_ids)[:, tf.newaxis]
        return tf.where(mask, logits, self.MASKED_LOGIT)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "label_ids": self.label_ids,
            "init_range": self.init_range,
            "seed": self.seed,
        }
