"""What several tasks say of a text, beside each other."""

import keras
import tensorflow as tf

from mtl_tf.layers import float32_layer


@keras.saving.register_keras_serializable(package="mtl_tf")
class ConcatTaskOutputs(float32_layer.Float32Layer):
    """The answers of all tasks that were asked of a group, in one vector.

    Args:
      tasks: numbers of the tasks that were asked.
      widths: numbers of each answer that are read; the rest is padding.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: answers, float32 [task_batches * tasks, batch, width],
    those of a
    group together, and a task of each group, int32 [task_batches], or None:
    where it
    was asked, its answer becomes zeros. Returns float32 [task_batches, batch,
    sum of
    widths].
    """

    def __init__(
        self, tasks: tuple[int, ...], widths: tuple[int, ...], **kwargs
    ):
        super().__init__(**kwargs)
        self.tasks = tuple(tasks)
        self.widths = tuple(widths)

    def call(self, answers, hidden_task=None):
        _, batch, width = tf.unstack(tf.shape(answers))
        answers = tf.reshape(answers, [-1, len(self.tasks), batch, width])
        if hidden_task is not None:
            is_read = tf.constant(self.tasks) != hidden_task[:, tf.newaxis]
            is_read = tf.cast(is_read, answers.dtype)
            answers *= is_read[:, :, tf.newaxis, tf.newaxis]
        joined = tf.concat(
            [
                answers[:, place, :, :width]
                for place, width in enumerate(self.widths)
            ],
            axis=-1,
        )
        return tf.ensure_shape(joined, [None, None, sum(self.widths)])

    def get_config(self):
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "widths": self.widths,
        }
