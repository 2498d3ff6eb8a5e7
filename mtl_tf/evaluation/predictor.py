"""Prediction with a trained model for splits."""

from collections.abc import Sequence

import keras
import numpy as np
import scipy.special
import tensorflow as tf

from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.models import multitask_model

_OUTPUTS = ("logits", "shared", "private")


class Predictor:
    """A model in inference mode that predicts for splits.

    Args:
      model: a model from `multitask_model.build`.
      tasks: the tasks, in the order of the task ids.
      main_task: task id of the main task of label transfer, if any.
    """

    def __init__(
        self,
        model: keras.Model,
        tasks: Sequence[tasks_lib.Task],
        main_task: int | None = None,
    ):
        self._tasks = tasks
        self._main_task = main_task
        outputs = [name for name in model.output if name in _OUTPUTS]
        self._run = _traceable(multitask_model.submodel(model, outputs))
        if main_task is not None:
            outputs.append("transfer_logits")
            self._run_with_transfer = _traceable(
                multitask_model.submodel(model, outputs)
            )

    def predict(
        self, split: input_pipeline.Split
    ) -> predictions_lib.SplitPredictions:
        """Predicts for all rows of a split with the main model.

        Args:
          split: the rows.

        Returns:
          Predictions, with features and loss.

        Raises:
          ValueError: if the split has no rows.
        """
        return self._predict(split, self._run)[predictions_lib.MAIN]

    def predict_all(
        self, split: input_pipeline.Split
    ) -> dict[str, predictions_lib.SplitPredictions]:
        """Predicts for all rows of a split with all outputs.

        Args:
          split: the rows.

        Returns:
          Predictions by output: `MAIN`, and for the main task `LABEL_TRANSFER`.

        Raises:
          ValueError: if the split has no rows.
        """
        if split.task_id != self._main_task:
            return {predictions_lib.MAIN: self.predict(split)}
        return self._predict(split, self._run_with_transfer)

    def _predict(self, split, run):
        """Predicts by output, in batches of texts of similar length."""
        if not len(split):
            raise ValueError("there are no rows to predict")
        columns = {}
        # Traced only once: all splits have the same signature.
        run = run.get_concrete_function(split.signature)
        for rows, batch in input_pipeline.evaluation_batches(split):
            for name, value in run(batch).items():
                value = value.numpy()
                value = value.reshape(-1, value.shape[-1])
                if name not in columns:
                    shape = (len(split), value.shape[-1])
                    columns[name] = np.zeros(shape, np.float32)
                columns[name][rows] = value
        logits = {predictions_lib.MAIN: columns.pop("logits")}
        if "transfer_logits" in columns:
            logits[predictions_lib.LABEL_TRANSFER] = columns.pop(
                "transfer_logits"
            )
        return {
            output: self._from_logits(split, values, columns)
            for output, values in logits.items()
        }

    def _from_logits(self, split, logits, features):
        task = self._tasks[split.task_id]
        # float64: the probabilities must sum to 1.
        logits = logits[:, : len(task.labels)].astype(np.float64)
        log_probabilities = scipy.special.log_softmax(logits, axis=1)
        loss = np.nan
        if (split.labels >= 0).all():
            rows = np.arange(len(split))
            loss = -log_probabilities[rows, split.labels].mean()
        return predictions_lib.SplitPredictions(
            task, np.exp(log_probabilities), split, features, float(loss)
        )


def _traceable(model):
    """Returns a `tf.function` of batches that runs a model for inference.

    A label transfer network predicts for all task batches.
    """

    def run(batch):
        indices = tf.range(tf.size(batch["task_ids"]))
        batch = {**batch, "transfer_indices": indices}
        return model({k: batch[k] for k in model.input}, training=False)

    return tf.function(run, autograph=False)
