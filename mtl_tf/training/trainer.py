"""One training step: the custom `tf.function` that all models share."""

import functools
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.training import adversary
from mtl_tf.training import losses
from mtl_tf.training import optimizers

# Terms that are means over the texts that train the label transfer network.
_OF_TRANSFER_TEXTS = ("loss/label_transfer", "training/label_transfer_accuracy")


class Trainer:
    """A model, its task discriminator, their optimizers, and the step.

    The step is traced once: shapes are open, and the task of a group is data.

    Args:
      config: losses and optimizers.
      model: as `multitask_model.build` makes it.
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
            multitask_model.variables_by_path(model.trainable_variables),
            schedule(config.learning_rate),
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
        )
        self.adversary = None
        if config.adversarial_weight:
            self.adversary = adversary.Adversary(
                config,
                model,
                self._tasks,
                schedule(
                    config.discriminator_learning_rate or config.learning_rate
                ),
            )
        self._main_task = label_transfer.main_task_index(config, task_names)
        self._signature = dict(signature)
        # Of each phase that was begun.
        self._steps = {}

    @property
    def parts(self) -> dict[str, dict[str, tf.Variable]]:
        """Every variable of training, by part and name, for a checkpoint."""
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
        return parts

    def train_step(
        self, batch: Mapping, phase: str = "base"
    ) -> dict[str, tf.Tensor]:
        """Updates the model with one batch.

        Args:
          batch: as `input_pipeline` describes it.
          phase: phase of training, one of the config's.

        Returns:
          float32 scalars by name: what TensorBoard and the history show. What
          is measured on texts that train the label transfer network is not
          there where the batch has none.
        """
        logs = self._step(phase)(batch)
        if (
            phase != "base"
            and not self._trains_transfer(np.asarray(batch["task_ids"])).any()
        ):
            for name in _OF_TRANSFER_TEXTS:
                del logs[name]
        return logs

    def _step(self, phase):
        """The traced step, as a concrete function.

        It takes arguments as they are. A `tf.function` looks for the trace that
        they belong to, which takes a millisecond.
        """
        if phase not in self._steps:
            self._steps[phase] = tf.function(
                functools.partial(self._train_step, phase),
                input_signature=[self._signature],
            ).get_concrete_function()
        return self._steps[phase]

    def _train_step(self, phase, batch):
        with tf.GradientTape() as tape:
            outputs = self._call(
                batch, self._outputs(phase), self._asked(phase, batch)
            )
            logs = self._task_terms(outputs, batch)
            unlabeled = self._read_unlabeled(phase, batch)
            if self.adversary is not None:
                shared, task = outputs["shared"], batch["task_ids"]
                if unlabeled:
                    # Groups of their own (section 4.2).
                    more = batch["unlabeled"]["task_ids"]
                    shared = tf.concat([shared, unlabeled["shared"]], axis=0)
                    task = tf.concat([task, more], axis=0)
                logs |= self.adversary.logs(shared, task)
            if self._config.orthogonality_weight:
                logs |= self._orthogonality_terms(outputs)
            if phase != "base":
                logs |= self._transfer_terms(phase, outputs, batch)
            if phase == "semi_supervised":
                logs |= self._pseudo_label_terms(outputs, unlabeled, batch)
            total = tf.add_n(
                [
                    value
                    for name, value in logs.items()
                    if name.startswith("loss_minimized/")
                ]
            )
        variables = list(self.optimizer.variables_by_name.values())
        adversarial = self.adversary.variables if self.adversary else []
        gradients = tape.gradient(total, variables + adversarial)
        logs["training/gradient_norm"] = self.optimizer.apply(
            gradients[: len(variables)], self.step
        )
        if self.adversary is not None:
            self.adversary.optimizer.apply(
                gradients[len(variables) :], self.step
            )
            self.adversary.extra_discriminator_updates(shared, task, self.step)
        logs["training/learning_rate"] = self.optimizer.schedule(self.step)
        logs["loss/total"] = total
        tokens = tf.reduce_sum(batch["lengths"])
        if "seq1_lengths" in batch:
            tokens += tf.reduce_sum(batch["seq1_lengths"])
        logs["training/tokens"] = tf.cast(tokens, tf.float32)
        self.step.assign_add(1)
        return {
            name: value
            for name, value in logs.items()
            if not name.startswith("loss_minimized/")
        }

    def _call(self, batch, outputs, asked=None):
        """Runs the part of the model that gives these outputs, in training."""
        part = multitask_model.submodel(self.model, outputs)
        batch = {**batch, "transfer_indices": asked}
        return part({k: batch[k] for k in part.input}, training=True)

    def _outputs(self, phase):
        """What the step of a phase needs of the labeled texts."""
        outputs = [
            x for x in ("logits", "shared", "private") if x in self.model.output
        ]
        if phase != "base":
            outputs.append("transfer_logits")
        if phase == "semi_supervised":
            outputs.append("main_task_logits")
        return outputs

    def _asked(self, phase, batch):
        """Numbers of the groups that the label transfer network reads."""
        task = batch["task_ids"]
        if phase == "base":
            return None
        if phase == "semi_supervised":
            return tf.range(tf.size(task))
        groups = tf.where(self._trains_transfer(task))[:, 0]
        return tf.cast(groups, tf.int32)

    def _trains_transfer(self, task):
        """Which groups have labels for the label transfer network."""
        if self._config.transfer_trained_on == "main":
            return task == self._main_task
        return task != self._main_task

    def _read_unlabeled(self, phase, batch):
        """The outputs for unlabeled texts; None if they are not read."""
        outputs = ["shared"] if self.adversary else []
        if phase == "semi_supervised":
            outputs += ["transfer_logits", "main_task_logits"]
        if "unlabeled" not in batch or not outputs:
            return None
        groups = tf.size(batch["unlabeled"]["task_ids"])
        return self._call(batch["unlabeled"], outputs, tf.range(groups))

    def _task_terms(self, outputs, batch):
        """L_Task (Eq. 10): the sum over the step's groups of α_k L_k."""
        task = batch["task_ids"]
        by_group = losses.task_loss(
            outputs["logits"],
            batch["labels"],
            tf.gather(self._class_weights, task),
        )
        weighted = tf.reduce_sum(by_group * tf.gather(self._task_weights, task))
        correct = (
            tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
            == batch["labels"]
        )
        return {
            "loss_minimized/task": weighted,
            "loss_weighted/task": weighted,
            "loss/task": tf.reduce_mean(by_group),
            "training/accuracy": tf.reduce_mean(tf.cast(correct, tf.float32)),
        }

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

    def _transfer_terms(self, phase, outputs, batch):
        """The label transfer network's loss, on rows with labels for it.

        Its answers to texts of other tasks, which the semi-supervised phase
        asks for as well, have no label to be compared with.
        """
        places = tf.where(self._trains_transfer(batch["task_ids"]))[:, 0]
        labels = tf.gather(batch["labels"], places)
        task = tf.gather(batch["task_ids"], places)
        scores = outputs["transfer_logits"]
        if phase == "semi_supervised":
            scores = tf.gather(scores, places)
        by_group = losses.task_loss(
            scores, labels, tf.gather(self._class_weights, task)
        )
        weighted = self._config.transfer_weight * tf.reduce_sum(by_group)
        correct = tf.argmax(scores, axis=-1, output_type=tf.int32) == labels
        return {
            "loss_minimized/label_transfer": weighted,
            "loss_weighted/label_transfer": weighted,
            "loss/label_transfer": _mean(by_group),
            "training/label_transfer_accuracy": _mean(
                tf.cast(correct, tf.float32)
            ),
        }

    def _pseudo_label_terms(self, outputs, unlabeled, batch):
        """Returns the main model's distance from pseudo-labels (Eq. 7).

        They are what the label transfer network says of the texts of auxiliary
        tasks, and of unlabeled ones. All these texts count alike, whatever
        number of groups they come from.
        """
        config = self._config
        places = tf.where(batch["task_ids"] != self._main_task)[:, 0]

        def of_texts(name):
            parts = [tf.gather(outputs[name], places)]
            parts += [unlabeled[name]] if unlabeled else []
            width = outputs[name].shape[-1]
            return tf.concat(
                [tf.reshape(part, [-1, width]) for part in parts], axis=0
            )

        main = of_texts("main_task_logits")
        pseudo_labels = tf.nn.softmax(of_texts("transfer_logits"))
        confidence = tf.reduce_max(pseudo_labels, axis=-1)
        accepted = confidence >= config.pseudo_label_threshold
        loss = losses.pseudo_label_loss(main, pseudo_labels, accepted)
        weighted = config.pseudo_label_weight * loss
        return {
            "loss_minimized/pseudo_label": weighted,
            "loss_weighted/pseudo_label": weighted,
            "loss/pseudo_label": loss,
            "pseudo_label/accepted": tf.reduce_mean(
                tf.cast(accepted, tf.float32)
            ),
        }


def _mean(values):
    """A mean that is finite where there is nothing to take it of."""
    count = tf.cast(tf.size(values), tf.float32)
    return tf.math.divide_no_nan(tf.reduce_sum(values), count)
