"""What several tasks say of a text, beside each other."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="mtl_tf")
class JoinedAnswers(keras.layers.Layer):
    """The answers of all tasks that were asked of a group, in one vector.

    Args:
      tasks: numbers of the tasks that were asked.
      widths: numbers of each answer that are read; the rest is padding.
      **kwargs: for `keras.layers.Layer`.

    Call arguments: answers, float32 [groups * tasks, batch, width], those of a
    group together, and the task of each group's own texts, int32 [groups], or
    None: the answer of that task becomes zeros. Returns float32 [groups, batch,
    sum of widths].
    """

    def __init__(
        self, tasks: tuple[int, ...], widths: tuple[int, ...], **kwargs
    ):
        super().__init__(**kwargs)
        self.tasks = tuple(tasks)
        self.widths = tuple(widths)

    def call(self, answers, own_task=None):
        _, batch, width = tf.unstack(tf.shape(answers))
        answers = tf.reshape(answers, [-1, len(self.tasks), batch, width])
        if own_task is not None:
            is_other = tf.constant(self.tasks) != own_task[:, tf.newaxis]
            is_other = tf.cast(is_other, answers.dtype)
            answers *= is_other[:, :, tf.newaxis, tf.newaxis]
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
