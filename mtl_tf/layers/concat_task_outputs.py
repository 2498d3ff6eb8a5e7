"""Concatenation of several tasks' predictions for the same text."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class ConcatTaskOutputs(float32_layer.Float32Layer):
    """Concatenates the predictions of several tasks for each text.

    Augenstein, Ruder & Søgaard 2018, section 3.3: the arguments of Eq. 6, [o_1,
    ..., o_{T-1}]. A prediction may be hidden: it becomes zeros.

    Args:
      tasks: indices of the tasks.
      widths: number of elements of each task's predictions; further elements
        are padding.
      **kwargs: for `keras.layers.Layer`.

    Call arguments:
      predictions: float32 [task_batches * number of tasks, batch, width], those
        of all tasks for the first task batch, then those for the next one.
      hidden_task: int32 [task_batches], a task whose prediction is hidden; -1,
        or None for all task batches, where none is.

    Returns:
      float32 [task_batches, batch, sum of widths].

    Reference:
      [Augenstein, Ruder & Søgaard 2018](https://aclanthology.org/N18-1172).
    """

    def __init__(
        self, tasks: tuple[int, ...], widths: tuple[int, ...], **kwargs
    ):
        super().__init__(**kwargs)
        self.tasks = tuple(tasks)
        self.widths = tuple(widths)

    def call(self, predictions, hidden_task=None):
        _, batch, width = tf.unstack(tf.shape(predictions))
        predictions = tf.reshape(
            predictions, [-1, len(self.tasks), batch, width]
        )
        if hidden_task is not None:
            is_visible = tf.constant(self.tasks) != hidden_task[:, tf.newaxis]
            is_visible = tf.cast(is_visible, predictions.dtype)
            predictions *= is_visible[:, :, tf.newaxis, tf.newaxis]
        concatenated = tf.concat(
            [
                predictions[:, index, :, :width]
                for index, width in enumerate(self.widths)
            ],
            axis=-1,
        )
        return tf.ensure_shape(concatenated, [None, None, sum(self.widths)])

    def get_config(self):
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "widths": self.widths,
        }
