"""Outputs whose weights have a row for each label of each task."""

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import float32_layer


class ClassificationHead(float32_layer.Float32Layer):
    """Base of the outputs: a vector h in, scores of a task's labels out.

    The rows of all tasks lie in one flat matrix [sum of labels, width], those
    of a task together, in the order of its labels. Only the rows of the step's
    tasks are gathered, so that those of the others get no gradient at all.

    Args:
      num_classes: number of labels of each task.
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.
    """

    PADDING_SCORE = -1e9

    def __init__(
        self,
        num_classes: tuple[int, ...],
        *,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = tuple(num_classes)
        self.init_range = init_range
        self.seed = seed
        most = max(self.num_classes)
        first = np.cumsum((0, *self.num_classes[:-1]))
        places = np.arange(most)
        # Row in the flat matrix of each task's labels, and whether there is
        # such a label: [tasks, most labels].
        self._rows = (first[:, np.newaxis] + places).astype(np.int32)
        self._exists = places < np.array(self.num_classes)[:, np.newaxis]

    def add_label_vectors(self, name: str, width: int):
        """Adds a vector for each label: [sum of labels, width]."""
        return self.add_weight(
            name=name,
            shape=(sum(self.num_classes), width),
            initializer=keras.initializers.RandomUniform(
                -self.init_range, self.init_range, seed=self.seed
            ),
        )

    def add_label_bias(self):
        """Adds a bias for each label: [sum of labels]."""
        return self.add_weight(
            name="bias", shape=(sum(self.num_classes),), initializer="zeros"
        )

    def of_groups(self, weight, task_ids: tf.Tensor) -> tf.Tensor:
        """The rows of the labels of each group's task.

        Args:
          weight: [sum of labels, ...].
          task_ids: int32 [groups], numbers of the tasks.

        Returns:
          [groups, most labels, ...], zeros where a task has no such label.
        """
        exists = tf.gather(self._exists, task_ids)
        place = tf.cast(tf.where(exists), tf.int32)
        rows = tf.gather_nd(tf.gather(self._rows, task_ids), place)
        # A gather of real rows alone, then room for the absent labels: a
        # padded gather would give some task's row a gradient of zero, and an
        # optimizer would take it for present.
        return tf.scatter_nd(
            place,
            tf.gather(weight, rows),
            tf.concat([tf.shape(exists), tf.shape(weight)[1:]], axis=0),
        )

    def score(
        self, features: tf.Tensor, vectors: tf.Tensor, bias, task_ids: tf.Tensor
    ) -> tf.Tensor:
        """Products of features and label vectors, and a bias.

        Args:
          features: float32 [groups, batch, width].
          vectors: float32 [groups, most labels, width], by `of_groups`.
          bias: [sum of labels]; None for none.
          task_ids: int32 [groups].

        Returns:
          float32 [groups, batch, most labels]: the scores in the order of the
          task's labels, then `PADDING_SCORE`, whose probability is 0.
        """
        scores = tf.einsum("gbi,gli->gbl", features, vectors)
        if bias is not None:
            scores += self.of_groups(bias, task_ids)[:, tf.newaxis]
        exists = tf.gather(self._exists, task_ids)[:, tf.newaxis]
        return tf.where(exists, scores, self.PADDING_SCORE)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "init_range": self.init_range,
            "seed": self.seed,
        }
