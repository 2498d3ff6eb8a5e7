"""The adversary: a task discriminator that the shared encoder works against."""

import keras
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.layers import gradient_reversal
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from mtl_tf.training import optimizers


class Adversary:
    """The task discriminator, its optimizer, and its losses.

    Args:
      config: settings of the adversary and of the optimizer.
      model: the model whose shared features it reads.
      num_tasks: number of tasks.
      schedule: its learning rate.
    """

    def __init__(
        self,
        config: config_lib.Config,
        model: keras.Model,
        num_tasks: int,
        schedule: optimizers.Schedule,
    ):
        self._config = config
        self._num_tasks = num_tasks
        self._reversal = gradient_reversal.GradientReversal(
            config.adversarial_weight, name="gradient_reversal"
        )
        self.discriminator = multitask_model.build_discriminator(
            config, model, num_tasks
        )
        self.optimizer = optimizers.Optimizer(
            config.optimizer,
            multitask_model.variables_by_path(
                self.discriminator.trainable_variables
            ),
            schedule,
            weight_decay=config.weight_decay,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """The discriminator's weights, in the order of the optimizer."""
        return list(self.optimizer.variables_by_name.values())

    def logs(self, shared: tf.Tensor, task: tf.Tensor) -> dict[str, tf.Tensor]:
        """The task discriminator's loss, and what the encoder gets of it.

        With gradient reversal the step minimizes CE(D(GRL_λ(s)), task), summed
        over groups: the discriminator goes down at full rate, the encoder up
        with λ (Eq. 12, 13). With confusion both have a term of their own.

        Args:
          shared: float32 [task_batches, batch, width].
          task: int32 [task_batches], the tasks of the groups' texts.

        Returns:
          Scalars by name; see `Trainer`.
        """
        weight = self._config.adversarial_weight
        entropy = losses.task_prior_entropy(task, self._num_tasks)
        discriminator_logits = self.discriminator(tf.stop_gradient(shared))
        by_group = losses.discrimination_loss(discriminator_logits, task)
        logs = {
            "discriminator/cross_entropy": tf.reduce_mean(by_group),
            "discriminator/task_prior_entropy": entropy,
            "discriminator/accuracy": _accuracy(discriminator_logits, task),
            "discriminator/chance": tf.constant(1 / self._num_tasks),
        }
        if self._config.adversary == "confusion":
            confusion = losses.confusion_loss(
                self.discriminator(shared, frozen=True)
            )
            minimized = weight * tf.reduce_sum(confusion)
            return logs | {
                "loss_minimized/discriminator": tf.reduce_sum(by_group),
                "loss_minimized/adversarial": minimized,
                "loss_weighted/adversarial": minimized,
                "loss/adversarial": tf.reduce_mean(confusion),
            }
        gate = losses.reversal_gate(by_group, entropy, self._config.adversary)
        reversed_features = self._reversal(
            shared, gate[:, tf.newaxis, tf.newaxis]
        )
        by_group = losses.discrimination_loss(
            self.discriminator(reversed_features), task
        )
        return logs | {
            "loss_minimized/adversarial": tf.reduce_sum(by_group),
            "loss_weighted/adversarial": weight * tf.reduce_sum(by_group),
            "loss/adversarial": tf.reduce_mean(by_group),
            "discriminator/reversal_open": tf.reduce_mean(gate),
        }

    def extra_discriminator_updates(
        self, shared: tf.Tensor, task: tf.Tensor, step: tf.Tensor
    ) -> None:
        """The discriminator's further updates in this step."""
        shared = tf.stop_gradient(shared)
        for _ in range(self._config.discriminator_updates - 1):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(
                    losses.discrimination_loss(self.discriminator(shared), task)
                )
            self.optimizer.apply(tape.gradient(loss, self.variables), step)


def _accuracy(discriminator_logits, task):
    correct = tf.argmax(discriminator_logits, axis=-1, output_type=tf.int32)
    return tf.reduce_mean(tf.cast(correct == task[:, tf.newaxis], tf.float32))
