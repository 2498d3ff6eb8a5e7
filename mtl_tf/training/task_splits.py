"""The splits of a run's tasks, and the weights of their classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib


def read(
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
    config: config_lib.Config,
) -> list[dict[str, input_pipeline.Split]]:
    """Reads the splits of all tasks.

    Args:
      corpus: the corpus.
      tasks: the tasks.
      config: settings of the run.

    Returns:
      Splits by name, one dict per task; without splits that have no rows, and
      without unlabeled text that the run does not use.
    """
    names = list(tasks_lib.LABELED_SPLITS)
    names += ["unlabeled"] if config.unlabeled else []
    return [
        {
            split: input_pipeline.read_split(
                corpus, tasks, task_id, split, config
            )
            for split in names
            if corpus.rows[task.name].get(split)
        }
        for task_id, task in enumerate(tasks)
    ]


def class_weights(
    tasks: Sequence[tasks_lib.Task],
    splits: Sequence[Mapping[str, input_pipeline.Split]],
    kind: str,
) -> np.ndarray:
    """Computes the class weights of all tasks from their training labels.

    Args:
      tasks: the tasks.
      splits: splits by name, one dict per task.
      kind: kind of class weights, as in `input_pipeline.class_weights`.

    Returns:
      float32 [num_tasks, most classes of a task]; padding is 1.
    """
    most_classes = max(len(task.labels) for task in tasks)
    weights = np.ones((len(tasks), most_classes), np.float32)
    for row, task, by_name in zip(weights, tasks, splits, strict=True):
        num_classes = len(task.labels)
        row[:num_classes] = input_pipeline.class_weights(
            by_name["train"], num_classes, kind
        )
    return weights
