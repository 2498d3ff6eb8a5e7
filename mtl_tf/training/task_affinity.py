"""Inter-task affinity: how much a step on one task lowers another one's loss.

Fifty et al., Efficiently Identifying Task Groupings for Multi-Task Learning
(NeurIPS 2021), section 4. A single run with all tasks estimates which tasks
help which.
"""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from mtl_tf.training import optimizers
from mtl_tf.utils import gradient_registry

# The layers whose weights all tasks share. In all others, each row of the
# weights belongs to a task or a label.
_SHARED = ("word_embedding/", "encoder/shared_encoder/")


class TaskAffinity:
    """Measures the affinity of each pair of tasks, averaged over training.

        Z_{i→j} = 1 - L_j(X, θ_{s|i}, θ_j) / L_j(X, θ_s, θ_j)

    Fifty et al. 2021, Eq. 1: θ_s are the shared weights, θ_j those of task j,
    and θ_{s|i} are the shared weights after an update with the loss of task i
    alone, on the same batch X. It is positive if the update lowers the loss of
    task j.

    The update is that of the optimizer with its current state, as in the code
    of the paper (SGD with momentum): a plain gradient step has neither the
    direction nor the size of a step of Adam or RMSProp, which scale each weight
    separately. The weight α_i of a task and the clipping of gradients are part
    of the update, too.

    All losses are those of a copy of the model without dropout. The variables
    of training are only read.

    Args:
      config: settings of the model.
      model: the model, from `multitask_model.build`.
      main_task: index of the main task, or None.
      optimizer: optimizer of the model.
      signature: `tf.TensorSpec`s of a batch.
      task_weights: α, float32 [num_tasks].
      class_weights: float32 [num_tasks, num_classes].
    """

    def __init__(
        self,
        config: config_lib.Config,
        model: keras.Model,
        main_task: int | None,
        optimizer: optimizers.Optimizer,
        signature: Mapping,
        task_weights: tf.Tensor,
        class_weights: tf.Tensor,
    ):
        self._optimizer = optimizer
        self._task_weights = task_weights
        self._class_weights = class_weights
        output_layer = model.get_layer("head").output_layer
        copy = multitask_model.build(
            dataclasses.replace(
                config,
                word_dropout=0.0,
                vector_dropout=0.0,
                recurrent_dropout=0.0,
                feature_dropout=0.0,
            ),
            output_layer.num_classes,
            model.get_layer("word_embedding").vocabulary_size,
            main_task,
            output_layer.label_ids,
        )
        self._classifier = multitask_model.submodel(copy, ["logits"])
        self._variables = multitask_model.variables_by_path(model.variables)
        self._copies = multitask_model.variables_by_path(copy.variables)
        num_tasks = len(task_weights)
        # Totals over the measurements, [updated task, evaluated task].
        self._sums = tf.Variable(tf.zeros([num_tasks] * 2, tf.float64))
        self._counts = tf.Variable(tf.zeros([num_tasks] * 2, tf.int64))
        self._measure = tf.function(
            self._measure_batch,
            input_signature=[dict(signature), tf.TensorSpec([], tf.int64)],
            autograph=False,
        )

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """The totals over training, for a checkpoint."""
        return {"sums": self._sums, "counts": self._counts}

    @property
    def means(self) -> np.ndarray:
        """Mean affinity Z_{i→j}, float64 [main task j, auxiliary task i].

        It is nan for tasks that were in no measured batch together.
        """
        counts = self._counts.numpy().T
        means = np.full(counts.shape, np.nan)
        sums = self._sums.numpy().T
        return np.divide(sums, counts, out=means, where=counts > 0)

    def measure(self, batch: Mapping, step: tf.Tensor) -> None:
        """Measures the affinity of the tasks of a batch.

        Args:
          batch: the batch of the next training step.
          step: int64 [], the step, for the learning rate.
        """
        with gradient_registry.released():
            self._measure(batch, step)

    def _measure_batch(self, batch, step):
        for name, variable in self._copies.items():
            variable.assign(self._variables[name])
        before, has_task = self._task_losses(batch)
        tasks, _ = tf.unique(batch["task_ids"])

        def measure_update(index):
            self._measure_update(tasks[index], batch, step, before, has_task)
            return index + 1

        tf.while_loop(
            lambda index: index < tf.size(tasks),
            measure_update,
            [0],
            parallel_iterations=1,
        )

    def _measure_update(self, task, batch, step, before, has_task):
        """Measures the losses after the update of a task, and reverts it.

        Args:
          task: int32 [], the task.
          batch: the batch.
          step: int64 [], the step.
          before: losses before the update, from `_task_losses`.
          has_task: the tasks of the batch, from `_task_losses`.
        """
        updates = self._updates(task, batch, step)
        for name, update in updates.items():
            update.write(self._copies[name], update.value)
        after, _ = self._task_losses(batch)
        for name, update in updates.items():
            update.write(self._copies[name], update.read(self._variables[name]))
        affinity = tf.math.divide_no_nan(before - after, before)
        is_valid = has_task & tf.math.is_finite(affinity)
        affinity = tf.where(is_valid, affinity, 0.0)
        self._sums.scatter_add(_row(task, affinity, tf.float64))
        self._counts.scatter_add(_row(task, is_valid, tf.int64))

    def _updates(self, task, batch, step):
        """Computes the update of the shared weights with a task's loss."""
        rows = tf.where(batch["task_ids"] == task)[:, 0]
        of_task = {
            name: tf.gather(batch[name], rows)
            for name in (*self._classifier.input, "labels")
        }
        with tf.GradientTape() as tape:
            batch_losses = self._batch_losses(of_task, training=True)
            loss = self._task_weights[task] * tf.reduce_sum(batch_losses)
        names = list(self._optimizer.variables_by_name)
        gradients = tape.gradient(loss, [self._copies[name] for name in names])
        updates = self._optimizer.preview(gradients, step)
        return {
            name: update
            for name, update in updates.items()
            if name.startswith(_SHARED)
        }

    def _task_losses(self, batch):
        """Computes the loss of each task of a batch.

        Returns:
          float32 [num_tasks], 0 for absent tasks, and bool [num_tasks], whether
          the batch has the task.
        """
        batch_losses = self._batch_losses(batch, training=False)
        num_tasks, task_ids = len(self._task_weights), batch["task_ids"]
        return (
            tf.math.unsorted_segment_mean(batch_losses, task_ids, num_tasks),
            tf.math.bincount(task_ids, minlength=num_tasks) > 0,
        )

    def _batch_losses(self, batch, *, training):
        """Computes the loss of each task batch, float32 [task_batches]."""
        logits = self._classifier(
            {name: batch[name] for name in self._classifier.input},
            training=training,
        )["logits"]
        class_weights = tf.gather(self._class_weights, batch["task_ids"])
        return losses.task_loss(logits, batch["labels"], class_weights)


def _row(index, values, dtype):
    """Returns values as a row of a matrix, at an index."""
    return tf.IndexedSlices(
        tf.cast(values, dtype)[tf.newaxis], index[tf.newaxis]
    )
