"""Scores on dev, and the one that early stopping follows."""

from collections.abc import Mapping, Sequence

from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.evaluation import scoring
from mtl_tf.training import early_stopping


class DevScorer:
    """The evaluation of a model on dev after each epoch.

    Early stopping follows the main task, or the average over all tasks where
    there is none. With a label transfer network it follows the mean of the main
    model's score and the network's, since one checkpoint holds both.

    Args:
      tasks: the tasks, in the order of the task ids.
      splits: rows of each task's dev split that are scored.
      predictor: the model.
      main_task: name of the main task; empty: there is none.
    """

    def __init__(
        self,
        tasks: Sequence[tasks_lib.Task],
        splits: Sequence[input_pipeline.Split],
        predictor: predictor_lib.Predictor,
        main_task: str = "",
    ):
        self._tasks = tasks
        self._splits = splits
        self._predictor = predictor
        # The tasks that early stopping follows.
        self._followed = [
            task for task in tasks if main_task in ("", task.name)
        ]

    def score(self, *, with_transfer: bool) -> dict:
        """Scores dev.

        Args:
          with_transfer: whether to score the label transfer network too.

        Returns:
          `average`, the score that early stopping follows; `tasks`, scores by
          task; `label_transfer`, scores of the network.
        """
        by_task, transfer = {}, None
        for task, split in zip(self._tasks, self._splits, strict=True):
            if with_transfer:
                predictions = self._predictor.predict_all(split)
            else:
                predictions = {
                    predictions_lib.MAIN: self._predictor.predict(split)
                }
            scores = {
                output: {**predicted.scores(), "loss": predicted.loss}
                for output, predicted in predictions.items()
            }
            by_task[task.name] = scores[predictions_lib.MAIN]
            transfer = scores.get(predictions_lib.LABEL_TRANSFER, transfer)
        average = scoring.average(self._followed, by_task)
        dev = {"average": average, "tasks": by_task}
        if transfer is not None:
            (main_task,) = self._followed
            transfer_score = scoring.selection_score(main_task, transfer)
            dev["average"] = (average + transfer_score) / 2
            dev["label_transfer"] = transfer
        return dev

    def followed(self, dev: Mapping) -> early_stopping.DevScore:
        """Returns what early stopping follows of the scores of an epoch."""
        losses = [dev["tasks"][task.name]["loss"] for task in self._followed]
        if "label_transfer" in dev:
            losses.append(dev["label_transfer"]["loss"])
        return early_stopping.DevScore(
            dev["average"], sum(losses) / len(losses)
        )

    def accuracy(self, dev: Mapping) -> float:
        """Returns the mean accuracy of the tasks that are followed."""
        return scoring.average(self._followed, dev["tasks"], metric="accuracy")
