"""The training step: one custom `tf.function` for all models."""

import functools
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.training import adversary
from mtl_tf.training import losses
from mtl_tf.training import optimizers
from mtl_tf.training import pseudo_labels
from mtl_tf.training import replicas as replicas_lib
from mtl_tf.training import task_affinity
from mtl_tf.training import transfer_loss
from mtl_tf.training import weight_average
from mtl_tf.utils import gradient_registry


class Trainer:
    """A model, its task discriminator, their optimizers, and the training step.

    The step is traced once per phase: shapes are dynamic, and the task of a
    task batch is data.

    Args:
      config: settings of the losses and optimizers.
      model: a model from `multitask_model.build`.
      signature: `tf.TensorSpec`s of a batch.
      task_names: names of the tasks, in the order of the task ids.
      class_weights: float32 [num_tasks, num_classes].
      steps_per_epoch: steps per epoch, for the learning-rate schedule.
      replicas: the replicas that share a step, in whose scope the model and
        the trainer are made; None: one.
    """

    def __init__(
        self,
        config: config_lib.Config,
        model: keras.Model,
        signature: Mapping,
        task_names: Sequence[str],
        class_weights: np.ndarray,
        steps_per_epoch: int,
        replicas: replicas_lib.Replicas | None = None,
    ):
        self._config = config
        self._replicas = replicas or replicas_lib.Replicas()
        num_tasks = len(task_names)
        weights = config.task_weights_by_name()
        self._task_weights = tf.constant(
            [weights.get(name, 1.0) for name in task_names]
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

        trained = multitask_model.variables_by_path(model.trainable_variables)
        self.optimizer = optimizers.Optimizer(
            config.optimizer,
            trained,
            schedule(config.learning_rate),
            initial_accumulator=config.initial_accumulator,
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
        )
        self.average = weight_average.WeightAverage(trained, config.ema_decay)
        self.adversary = None
        if config.adversarial_weight:
            self.adversary = adversary.Adversary(
                config,
                model,
                num_tasks,
                schedule(
                    config.discriminator_learning_rate or config.learning_rate
                ),
                self._replicas,
            )
        self._main_task = label_transfer.main_task_index(config, task_names)
        self._transfer_loss = transfer_loss.TransferLoss(
            config, self._main_task, self._class_weights, self._replicas
        )
        self._signature = dict(signature)
        self.affinity = None
        if config.affinity_every:
            self.affinity = task_affinity.TaskAffinity(
                config,
                model,
                self._main_task,
                self.optimizer,
                self._signature,
                self._task_weights,
                self._class_weights,
            )
        # By phase.
        self._traced_steps: dict[str, Callable[[Mapping], dict]] = {}

    @property
    def parts(self) -> dict[str, dict[str, tf.Variable]]:
        """All variables of training by part and name, for a checkpoint."""
        parts = {
            "training": {"step": self.step},
            "model": multitask_model.variables_by_path(self.model.variables),
            "optimizer": self.optimizer.state,
        }
        if self.adversary is not None:
            parts["discriminator"] = multitask_model.variables_by_path(
                self.adversary.discriminator.variables
            )
            parts["discriminator_optimizer"] = self.adversary.optimizer.state
        if self.affinity is not None:
            parts["affinity"] = self.affinity.variables
        if self.average.averages:
            parts["weight_average"] = self.average.averages
        return parts

    @property
    def mean_affinity(self) -> np.ndarray | None:
        """Inter-task affinity, as `TaskAffinity.means`; None if it is off."""
        return None if self.affinity is None else self.affinity.means

    def train_step(
        self, batch: Mapping, phase: str = "base"
    ) -> dict[str, tf.Tensor]:
        """Updates the model with one batch.

        Every `affinity_every` steps it first measures inter-task affinity.

        Args:
          batch: a batch as described in `input_pipeline`.
          phase: phase of training, one of the config's.

        Returns:
          Losses and other logs for TensorBoard and the history, float32
          scalars by name. Those of the label transfer network are missing if
          no text of the batch trains it.
        """
        every = self._config.affinity_every
        if self.affinity is not None and int(self.step.numpy()) % every == 0:
            self.affinity.measure(batch, self.step)
        logs = self._traced_step(phase)(batch)
        if phase != "base":
            trains = self._transfer_loss.trains(np.asarray(batch["task_ids"]))
            if not trains.any():
                for name in transfer_loss.MEANS:
                    del logs[name]
        return logs

    def _traced_step(self, phase):
        """Returns the traced step of a phase.

        It is a concrete function: looking up the trace of a `tf.function` takes
        a millisecond per call.
        """
        if phase not in self._traced_steps:
            step = tf.function(
                functools.partial(
                    self._replicas.run,
                    functools.partial(self._train_step, phase),
                ),
                input_signature=[self._signature],
                autograph=False,
            )
            # The step computes its own gradients; TensorFlow need not
            # differentiate the traced function.
            with gradient_registry.released():
                self._traced_steps[phase] = step.get_concrete_function()
        return self._traced_steps[phase]

    def _train_step(self, phase, batch):
        """Trains on the task batches of a replica; returns all logs."""
        variables = list(self.optimizer.variables_by_name.values())
        discriminator = self.adversary.variables if self.adversary else []
        # Frozen weights are not watched: no gradient of a frozen encoder's loop
        # is computed.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables + discriminator)
            logs, of_adversary = self._losses(phase, batch)
            # Liu et al. 2017, Eq. 15. With gradient reversal, L_adv enters
            # without λ, which the reversal applies to the encoder's gradient.
            # Label transfer adds L_transfer and L_pseudo (Augenstein et al.
            # 2018, Eq. 7).
            total = tf.add_n(
                [
                    value
                    for name, value in logs.items()
                    if name.startswith("loss_minimized/")
                ]
            )
        gradients = self._replicas.add_gradients(
            tape.gradient(total, variables + discriminator)
        )
        norm = self.optimizer.apply(gradients[: len(variables)], self.step)
        if self.adversary is not None:
            self.adversary.optimizer.apply(
                gradients[len(variables) :], self.step
            )
            self.adversary.extra_discriminator_updates(*of_adversary, self.step)
        self.average.update(self.step)
        logs["loss/total"] = total
        tokens = tf.reduce_sum(batch["lengths"])
        if "seq1_lengths" in batch:
            tokens += tf.reduce_sum(batch["seq1_lengths"])
        logs["training/tokens"] = tf.cast(tokens, tf.float32)
        logs = self._replicas.add(
            {
                name: value
                for name, value in logs.items()
                if not name.startswith("loss_minimized/")
            }
        )
        logs["training/gradient_norm"] = norm
        logs["training/learning_rate"] = self.optimizer.schedule(self.step)
        self.step.assign_add(1)
        return logs

    def _losses(self, phase, batch):
        """Returns losses and logs, and the adversary's inputs, if there is one.

        On several replicas, the losses and logs add up to those of the step.
        """
        outputs = self._call(
            batch,
            self._output_names(phase),
            self._transfer_loss.indices(phase, batch["task_ids"]),
        )
        logs = self._task_losses(outputs, batch)
        unlabeled = self._call_unlabeled(phase, batch)
        of_adversary = None
        if self.adversary is not None:
            of_adversary = _adversary_inputs(outputs, unlabeled, batch)
            logs |= self.adversary.compute_losses(*of_adversary)
        if self._config.orthogonality_weight:
            logs |= self._orthogonality_losses(outputs)
        if phase != "base":
            logs |= self._transfer_loss.compute(phase, outputs, batch)
        if phase == "semi_supervised":
            logs |= pseudo_labels.compute_losses(
                self._config,
                self._replicas,
                *pseudo_labels.of_transfer_network(
                    outputs, unlabeled, batch["task_ids"], self._main_task
                ),
            )
        if self._config.teachers:
            logs |= pseudo_labels.compute_losses(
                self._config,
                self._replicas,
                unlabeled["logits"],
                batch["unlabeled"]["pseudo_labels"],
            )
        return logs, of_adversary

    def _call(self, batch, output_names, transfer_indices=None):
        """Runs the submodel with these outputs in training mode."""
        submodel = multitask_model.submodel(self.model, output_names)
        inputs = {**batch, "transfer_indices": transfer_indices}
        return submodel(
            {name: inputs[name] for name in submodel.input}, training=True
        )

    def _output_names(self, phase):
        """Returns the outputs for labeled texts that a phase needs."""
        names = [
            name
            for name in ("logits", "shared", "private")
            if name in self.model.output
        ]
        if phase != "base":
            names.append("transfer_logits")
        if phase == "semi_supervised":
            names.append("main_task_logits")
        return names

    def _call_unlabeled(self, phase, batch):
        """Returns the outputs for unlabeled texts; None if none are needed."""
        names = ["shared"] if self.adversary else []
        if self._config.teachers:
            names.append("logits")
        if phase == "semi_supervised":
            names += ["transfer_logits", "main_task_logits"]
        if "unlabeled" not in batch or not names:
            return None
        unlabeled = batch["unlabeled"]
        transfer_indices = tf.range(tf.size(unlabeled["task_ids"]))
        return self._call(unlabeled, names, transfer_indices)

    def _task_losses(self, outputs, batch):
        """Computes the loss of all tasks.

            L_task = Σ_k α_k L(ŷ_k, y_k)

        Liu et al. 2017, Eq. 10: a sum over the task batches of the step.
        """
        logits, labels = outputs["logits"], batch["labels"]
        task_ids = batch["task_ids"]
        batch_losses = losses.task_loss(
            logits, labels, tf.gather(self._class_weights, task_ids)
        )
        weighted = tf.reduce_sum(
            batch_losses * tf.gather(self._task_weights, task_ids)
        )
        correct = tf.argmax(logits, axis=-1, output_type=tf.int32) == labels
        return {
            "loss_minimized/task": weighted,
            "loss_weighted/task": weighted,
            **self._replicas.share(
                {
                    "loss/task": tf.reduce_mean(batch_losses),
                    "training/accuracy": tf.reduce_mean(
                        tf.cast(correct, tf.float32)
                    ),
                }
            ),
        }

    def _orthogonality_losses(self, outputs):
        """Computes the orthogonality loss with its weight.

            γ L_diff = γ Σ_k || S_k^T H_k ||_F^2

        Liu et al. 2017, Eq. 14: a sum over the task batches of the step.
        """
        batch_losses = losses.orthogonality_loss(
            outputs["shared"],
            outputs["private"],
            self._config.orthogonality_loss,
        )
        weighted = self._config.orthogonality_weight * tf.reduce_sum(
            batch_losses
        )
        return {
            "loss_minimized/orthogonality": weighted,
            "loss_weighted/orthogonality": weighted,
            **self._replicas.share(
                {"loss/orthogonality": tf.reduce_mean(batch_losses)}
            ),
        }


def _adversary_inputs(outputs, unlabeled, batch):
    """Returns shared features and their task ids, unlabeled texts included."""
    shared, task_ids = outputs["shared"], batch["task_ids"]
    if unlabeled:
        # Liu et al. 2017, section 4.2.
        shared = tf.concat([shared, unlabeled["shared"]], axis=0)
        task_ids = tf.concat([task_ids, batch["unlabeled"]["task_ids"]], axis=0)
    return shared, task_ids
