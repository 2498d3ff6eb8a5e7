"""The adversary: a task discriminator that the shared encoder opposes."""

import keras
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.layers import gradient_reversal
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from mtl_tf.training import optimizers
from mtl_tf.training import replicas as replicas_lib


class Adversary:
    """A task discriminator with its optimizer and its losses.

    Args:
      config: settings of the adversary and of the optimizer.
      model: the model whose shared features are the discriminator's input.
      num_tasks: number of tasks.
      schedule: learning rate of the discriminator.
      replicas: the replicas that share a step.

    Reference:
      Liu, Qiu & Huang 2017, section 4.1, Eq. 12 and 13; Ganin & Lempitsky
      2015 (gradient reversal).
    """

    def __init__(
        self,
        config: config_lib.Config,
        model: keras.Model,
        num_tasks: int,
        schedule: optimizers.Schedule,
        replicas: replicas_lib.Replicas,
    ):
        self._config = config
        self._num_tasks = num_tasks
        self._replicas = replicas
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
            initial_accumulator=config.initial_accumulator,
            weight_decay=config.weight_decay,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """The discriminator's weights, in the order of the optimizer."""
        return list(self.optimizer.variables_by_name.values())

    def compute_losses(
        self, shared: tf.Tensor, task_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Computes the adversarial losses of a batch.

            L_adv = min over θ_s of λ max over θ_D of Σ_k Σ_i d_i log D(s_i)

        Liu et al. 2017, Eq. 13. With gradient reversal a single sum serves
        both players, CE(D(GRL_λ(s)), task): the discriminator descends it at
        full rate, the shared encoder ascends it scaled by λ. With confusion
        the discriminator and the encoder each have their own loss.

        Args:
          shared: float32 [task_batches, batch, features].
          task_ids: int32 [task_batches], the tasks of the texts.

        Returns:
          Losses and logs, float32 [], by name; see `Trainer`. On several
          replicas, what this one adds to them.
        """
        weight = self._config.adversarial_weight
        entropy = losses.task_prior_entropy(
            self._replicas.gather(task_ids), self._num_tasks
        )
        # No gradient for the encoder: its own comes from the losses below.
        discriminator_logits = self.discriminator(tf.stop_gradient(shared))
        batch_losses = losses.discrimination_loss(
            discriminator_logits, task_ids
        )
        means = {
            "discriminator/cross_entropy": tf.reduce_mean(batch_losses),
            "discriminator/task_prior_entropy": entropy,
            "discriminator/accuracy": _accuracy(discriminator_logits, task_ids),
            "discriminator/chance": tf.constant(1 / self._num_tasks),
        }
        if self._config.adversary == "confusion":
            confusion = losses.confusion_loss(
                self.discriminator(shared, frozen=True)
            )
            minimized = weight * tf.reduce_sum(confusion)
            means["loss/adversarial"] = tf.reduce_mean(confusion)
            return {
                **self._replicas.share(means),
                "loss_minimized/discriminator": tf.reduce_sum(batch_losses),
                "loss_minimized/adversarial": minimized,
                "loss_weighted/adversarial": minimized,
            }
        gate = losses.reversal_gate(
            batch_losses, entropy, self._config.adversary
        )
        reversed_features = self._reversal(
            shared, gate[:, tf.newaxis, tf.newaxis]
        )
        batch_losses = losses.discrimination_loss(
            self.discriminator(reversed_features), task_ids
        )
        means["loss/adversarial"] = tf.reduce_mean(batch_losses)
        means["discriminator/reversal_open"] = tf.reduce_mean(gate)
        return {
            **self._replicas.share(means),
            "loss_minimized/adversarial": tf.reduce_sum(batch_losses),
            "loss_weighted/adversarial": weight * tf.reduce_sum(batch_losses),
        }

    def extra_discriminator_updates(
        self, shared: tf.Tensor, task_ids: tf.Tensor, step: tf.Tensor
    ) -> None:
        """Updates the discriminator `discriminator_updates` - 1 more times.

        Args:
          shared: float32 [task_batches, batch, features].
          task_ids: int32 [task_batches], the tasks of the texts.
          step: int64 [], the training step, for the schedule.
        """
        shared = tf.stop_gradient(shared)
        for _ in range(self._config.discriminator_updates - 1):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(
                    losses.discrimination_loss(
                        self.discriminator(shared), task_ids
                    )
                )
            gradients = tape.gradient(loss, self.variables)
            self.optimizer.apply(self._replicas.add_gradients(gradients), step)


def _accuracy(discriminator_logits, task_ids):
    predicted = tf.argmax(discriminator_logits, axis=-1, output_type=tf.int32)
    correct = predicted == task_ids[:, tf.newaxis]
    return tf.reduce_mean(tf.cast(correct, tf.float32))
