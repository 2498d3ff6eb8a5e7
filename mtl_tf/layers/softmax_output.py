"""The softmax output: a matrix of its own for each task."""

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mtl_tf")
class SoftmaxOutput(keras.layers.Layer):
    """Scores of the labels of each group's task.

    Liu et al. 2017, Eq. 6 (Augenstein et al. 2018, Eq. 1): y = softmax(W h +
    b), W and b of the task's own. The layer returns W h + b; the softmax is in
    the loss. The rows of all tasks lie in one flat matrix [sum of labels,
    width]. Only the rows of the step's tasks are gathered, so that those of the
    others get no gradient at all.

    Args:
      label_counts: number of labels of each task.
      init_range: weights are drawn uniformly from [-init_range, init_range].
      seed: seed of the initial values.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: features, float32 [groups, batch, width], and the task that
    reads each group, int32 [groups]. Returns float32 [groups, batch, most
    labels]: the scores in the order of the task's labels, then `PADDING_SCORE`,
    whose probability is 0.
    """

    PADDING_SCORE = -1e9

    def __init__(
        self,
        label_counts: tuple[int, ...],
        *,
        init_range: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.label_counts = tuple(label_counts)
        self.init_range = init_range
        self.seed = seed
        most = max(self.label_counts)
        first = np.cumsum((0, *self.label_counts[:-1]))
        places = np.arange(most)
        # Row in the flat matrix of each task's labels, and whether there is
        # such a label: [tasks, most labels].
        self._rows = (first[:, np.newaxis] + places).astype(np.int32)
        self._exists = places < np.array(self.label_counts)[:, np.newaxis]

    def build(self, features_shape, reader_shape=None):
        del reader_shape
        uniform = keras.initializers.RandomUniform(
            -self.init_range, self.init_range, seed=self.seed
        )
        labels = sum(self.label_counts)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(labels, features_shape[-1]),
            initializer=uniform,
        )
        self.bias = self.add_weight(
            name="bias", shape=(labels,), initializer="zeros"
        )

    def call(self, features, reader):
        exists = tf.gather(self._exists, reader)
        place = tf.cast(tf.where(exists), tf.int32)
        rows = tf.gather_nd(tf.gather(self._rows, reader), place)
        shape = tf.shape(exists)

        def spread(weight):
            # A gather of real rows alone, then room for the absent labels:
            # a padded gather would give some task's row a gradient of zero,
            # and an optimizer would take it for present.
            return tf.scatter_nd(
                place,
                tf.gather(weight, rows),
                tf.concat([shape, tf.shape(weight)[1:]], axis=0),
            )

        scores = tf.einsum("gbi,gli->gbl", features, spread(self.kernel))
        scores += spread(self.bias)[:, tf.newaxis]
        return tf.where(exists[:, tf.newaxis], scores, self.PADDING_SCORE)

    def get_config(self):
        return {
            **super().get_config(),
            "label_counts": self.label_counts,
            "init_range": self.init_range,
            "seed": self.seed,
        }
