"""One training step: the custom `tf.function` that all models share."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import losses
from mtl_tf import models
from mtl_tf import optimizers
from mtl_tf.layers import gradient_reversal


class Trainer:
    """A model, its task discriminator, their optimizers, and the step.

    The step is traced once: shapes are open, and the task of a group is data.

    Args:
      config: losses and optimizers.
      model: as `models.build` makes it.
      signature: `tf.TensorSpec`s of a batch.
      task_names: names of the tasks, in the order of their numbers.
      class_weights: float32 [tasks, most labels].
      steps_per_epoch: for the learning-rate schedule.
    """

    def __init__(
        self,
        config: config_lib.Config,
        model: keras.Model,
        signature: Mapping,
        task_names: Sequence[str],
        class_weights: np.ndarray,
        steps_per_epoch: int,
    ):
        self._config = config
        self._tasks = len(task_names)
        by_name = config.task_weights_by_name()
        self._task_weights = tf.constant(
            [by_name.get(name, 1.0) for name in task_names]
        )
        self._class_weights = tf.constant(class_weights, tf.float32)
        self.model = model
        self.step = tf.Variable(0, dtype=tf.int64, name="step")

        def schedule(learning_rate):
            return optimizers.Schedule(
                learning_rate,
                config.warmup_steps,
                config.learning_rate_decay,
                steps_per_epoch,
            )

        self.optimizer = optimizers.Optimizer(
            config.optimizer,
            variables_by_path(model.trainable_variables),
            schedule(config.learning_rate),
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
        )
        self.discriminator = None
        self.discriminator_optimizer = None
        if config.adversarial_weight:
            self.discriminator = models.build_discriminator(
                config, model, self._tasks
            )
            self.discriminator_optimizer = optimizers.Optimizer(
                config.optimizer,
                variables_by_path(self.discriminator.trainable_variables),
                schedule(
                    config.discriminator_learning_rate or config.learning_rate
                ),
                weight_decay=config.weight_decay,
            )
        self._shared_features = (
            models.shared_features(model) if config.unlabeled else None
        )
        self.train_step = tf.function(
            self._train_step, input_signature=[dict(signature)]
        )

    @property
    def parts(self) -> dict[str, dict[str, tf.Variable]]:
        """Every variable of training, by part and name, for a checkpoint."""
        model = self.model
        parts = {
            "training": {"step": self.step},
            "model": variables_by_path(model.variables),
            "optimizer": self.optimizer.state,
        }
        if self.discriminator is not None:
            parts["discriminator"] = variables_by_path(
                self.discriminator.variables
            )
            parts["discriminator_optimizer"] = (
                self.discriminator_optimizer.state
            )
        return parts

    def _train_step(self, batch):
        """Updates the model with one batch.

        Returns:
          float32 scalars by name: what TensorBoard and the history show.
        """
        with tf.GradientTape() as tape:
            outputs = self.model(
                {name: batch[name] for name in self.model.input}, training=True
            )
            terms = self._task_terms(outputs, batch)
            if self.discriminator is not None:
                shared, task = self._adversary_input(outputs, batch)
                terms |= self._adversarial_terms(shared, task)
            if self._config.orthogonality_weight:
                terms |= self._orthogonality_terms(outputs)
            total = tf.add_n(
                [
                    value
                    for name, value in terms.items()
                    if name.startswith("loss_minimized/")
                ]
            )
        variables = list(self.optimizer.variables_by_name.values())
        adversarial = []
        if self.discriminator is not None:
            adversarial = list(
                self.discriminator_optimizer.variables_by_name.values()
            )
        gradients = tape.gradient(total, variables + adversarial)
        terms["training/gradient_norm"] = self.optimizer.apply(
            gradients[: len(variables)], self.step
        )
        if self.discriminator is not None:
            self.discriminator_optimizer.apply(
                gradients[len(variables) :], self.step
            )
            self._catch_up(tf.stop_gradient(shared), task)
        terms["training/learning_rate"] = self.optimizer.schedule(self.step)
        terms["loss/total"] = total
        tokens = tf.reduce_sum(batch["lengths"])
        if "seq1_lengths" in batch:
            tokens += tf.reduce_sum(batch["seq1_lengths"])
        terms["training/tokens"] = tf.cast(tokens, tf.float32)
        self.step.assign_add(1)
        return {
            name: value
            for name, value in terms.items()
            if not name.startswith("loss_minimized/")
        }

    def _task_terms(self, outputs, batch):
        """L_Task (Eq. 10): the sum over the step's groups of α_k L_k."""
        task = batch["task"]
        by_group = losses.task_loss(
            outputs["scores"],
            batch["labels"],
            tf.gather(self._class_weights, task),
        )
        weighted = tf.reduce_sum(by_group * tf.gather(self._task_weights, task))
        right = (
            tf.argmax(outputs["scores"], axis=-1, output_type=tf.int32)
            == batch["labels"]
        )
        return {
            "loss_minimized/task": weighted,
            "loss_weighted/task": weighted,
            "loss/task": tf.reduce_mean(by_group),
            "training/accuracy": tf.reduce_mean(tf.cast(right, tf.float32)),
        }

    def _adversary_input(self, outputs, batch):
        """Shared features [groups, batch, width] and the tasks of the groups.

        Unlabelled text joins as groups of its own (section 4.2).
        """
        shared, task = outputs["shared"], batch["task"]
        if self._shared_features is None:
            return shared, task
        unlabeled = batch["unlabeled"]
        more = self._shared_features(
            {name: unlabeled[name] for name in self._shared_features.input},
            training=True,
        )
        return (
            tf.concat([shared, more], axis=0),
            tf.concat([task, unlabeled["task"]], axis=0),
        )

    def _adversarial_terms(self, shared, task):
        """The task discriminator's loss, and what the encoder gets of it.

        With gradient reversal the step minimises CE(D(GRL_λ(s)), task), summed
        over groups: the discriminator goes down at full rate, the encoder up
        with λ (Eq. 12, 13). With confusion both have a term of their own.
        """
        weight = self._config.adversarial_weight
        entropy = losses.mix_entropy(task, self._tasks)
        task_scores = self.discriminator(tf.stop_gradient(shared))
        by_group = losses.discrimination_loss(task_scores, task)
        terms = {
            "discriminator/cross_entropy": tf.reduce_mean(by_group),
            "discriminator/mix_entropy": entropy,
            "discriminator/accuracy": _accuracy(task_scores, task),
            "discriminator/chance": tf.constant(1 / self._tasks),
        }
        if self._config.adversary == "confusion":
            confusion = losses.confusion_loss(
                self.discriminator(shared, frozen=True)
            )
            minimized = weight * tf.reduce_sum(confusion)
            return terms | {
                "loss_minimized/discriminator": tf.reduce_sum(by_group),
                "loss_minimized/adversarial": minimized,
                "loss_weighted/adversarial": minimized,
                "loss/adversarial": tf.reduce_mean(confusion),
            }
        is_open = losses.open_reversal(
            by_group, entropy, self._config.adversary
        )
        # The encoder's share of the gradient; the loss itself is by_group's.
        reversed_ = gradient_reversal.gradient_reversal(
            shared, weight * is_open[:, tf.newaxis, tf.newaxis]
        )
        by_group = losses.discrimination_loss(
            self.discriminator(reversed_), task
        )
        return terms | {
            "loss_minimized/adversarial": tf.reduce_sum(by_group),
            "loss_weighted/adversarial": weight * tf.reduce_sum(by_group),
            "loss/adversarial": tf.reduce_mean(by_group),
            "discriminator/reversal_open": tf.reduce_mean(is_open),
        }

    def _catch_up(self, shared, task):
        """The discriminator's further updates in this step."""
        variables = list(
            self.discriminator_optimizer.variables_by_name.values()
        )
        for _ in range(self._config.discriminator_steps - 1):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(
                    losses.discrimination_loss(self.discriminator(shared), task)
                )
            self.discriminator_optimizer.apply(
                tape.gradient(loss, variables), self.step
            )

    def _orthogonality_terms(self, outputs):
        """γ L_diff (Eq. 14, 15), summed over the step's groups."""
        by_group = losses.orthogonality_loss(
            outputs["shared"],
            outputs["private"],
            self._config.orthogonality_loss,
        )
        weighted = self._config.orthogonality_weight * tf.reduce_sum(by_group)
        return {
            "loss_minimized/orthogonality": weighted,
            "loss_weighted/orthogonality": weighted,
            "loss/orthogonality": tf.reduce_mean(by_group),
        }


def variables_by_path(variables) -> dict[str, tf.Variable]:
    """TensorFlow variables by their Keras path.

    Raises:
      ValueError: if two have the same path: one would be lost in a checkpoint.
    """
    by_path = {}
    for variable in variables:
        if variable.path in by_path:
            raise ValueError(f"two variables are called {variable.path}")
        by_path[variable.path] = variable.value
    return by_path


def _accuracy(task_scores, task):
    right = tf.argmax(task_scores, axis=-1, output_type=tf.int32)
    return tf.reduce_mean(tf.cast(right == task[:, tf.newaxis], tf.float32))
