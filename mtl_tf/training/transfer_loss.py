"""The loss of the label transfer network, as a part of the training step."""

from collections.abc import Mapping

import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.training import losses
from mtl_tf.training import replicas as replicas_lib

# Logs that are means over the texts that train the network.
MEANS = ("loss/label_transfer", "training/label_transfer_accuracy")


class TransferLoss:
    """The label transfer network's loss on the labeled texts that train it.

    Args:
      config: the loss's weight, and which tasks train the network.
      main_task: index of the main task; None without label transfer.
      class_weights: float32 [num_tasks, num_classes].
      replicas: the replicas that share a step.
    """

    def __init__(
        self,
        config: config_lib.Config,
        main_task: int | None,
        class_weights: tf.Tensor,
        replicas: replicas_lib.Replicas,
    ):
        self._config = config
        self._main_task = main_task
        self._class_weights = class_weights
        self._replicas = replicas

    def trains(self, task_ids):
        """Returns a mask of the tasks that train the label transfer network.

        Args:
          task_ids: int32 [task_batches], a tensor or an array.

        Returns:
          bool [task_batches], of the same kind.
        """
        if self._config.transfer_trained_on == "main":
            return task_ids == self._main_task
        return task_ids != self._main_task

    def indices(self, phase: str, task_ids: tf.Tensor) -> tf.Tensor | None:
        """Returns the task batches that the label transfer network reads.

        Args:
          phase: the phase of training.
          task_ids: int32 [task_batches].

        Returns:
          int32 [n], indices of task batches; None if it reads none.
        """
        if phase == "base":
            return None
        if phase == "semi_supervised":
            return tf.range(tf.size(task_ids))
        indices = tf.where(self.trains(task_ids))[:, 0]
        indices = tf.cast(indices, tf.int32)
        if self._replicas.count > 1:
            # A replica without any reads one that does not count: encoders need
            # texts.
            size = tf.maximum(tf.size(indices), 1)
            indices = tf.pad(indices, [[0, 1]])[:size]
        return indices

    def compute(
        self,
        phase: str,
        outputs: Mapping[str, tf.Tensor],
        batch: Mapping[str, tf.Tensor],
    ) -> dict[str, tf.Tensor]:
        """Computes the loss, weighted and not, and the network's accuracy.

        In the semi-supervised phase the network also predicts for other texts,
        whose labels are those of another task: they do not count here.

        Args:
          phase: the phase of training, not `base`.
          outputs: outputs of the model for `indices`.
          batch: the batch, as described in `input_pipeline`.

        Returns:
          Losses and logs, float32 [], by name; see `Trainer`. On several
          replicas, what this one adds to them.
        """
        indices = tf.where(self.trains(batch["task_ids"]))[:, 0]
        labels = tf.gather(batch["labels"], indices)
        task_ids = tf.gather(batch["task_ids"], indices)
        logits = outputs["transfer_logits"]
        if phase == "semi_supervised":
            logits = tf.gather(logits, indices)
        elif self._replicas.count > 1:
            logits = logits[: tf.size(indices)]
        batch_losses = losses.task_loss(
            logits, labels, tf.gather(self._class_weights, task_ids)
        )
        weighted = self._config.transfer_weight * tf.reduce_sum(batch_losses)
        correct = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
        values = (batch_losses, tf.cast(correct, tf.float32))
        means = dict(zip(MEANS, map(_mean_or_zero, values), strict=True))
        return {
            "loss_minimized/label_transfer": weighted,
            "loss_weighted/label_transfer": weighted,
            **self._replicas.share(means, indices),
        }


def _mean_or_zero(values):
    """Returns the mean of a tensor; 0 if it is empty."""
    count = tf.cast(tf.size(values), tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(values), count)
