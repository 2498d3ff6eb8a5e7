"""The ensemble of a run's seeds: the mean of their probabilities."""

from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory


def scores(
    runs: Sequence[run_directory.Run], task: tasks_lib.Task
) -> dict[str, dict[str, float] | None]:
    """Computes the scores of the main models' mean probabilities.

    Args:
      runs: runs that have ended, which differ in their seeds.
      task: one of their tasks.

    Returns:
      Scores by split, as `results.scores_by_split`.

    Raises:
      ValueError: if predictions are missing or damaged, or their rows differ.
    """
    by_split: dict[str, dict[str, float] | None] = {}
    for split in ("dev", results_lib.TEST):
        saved = [_read(run, task, split) for run in runs]
        first = saved[0]
        if any(not np.array_equal(first.ids, x.ids) for x in saved):
            raise ValueError(
                f"task {task.name}, {split}: the runs of the seeds have "
                "predicted different rows: --mode=evaluate predicts them again"
            )
        mean = np.mean([x.probabilities for x in saved], axis=0)
        by_split[split] = _score(task, mean, first, np.full(len(mean), True))
        unseen = ~first.duplicate
        if split == results_lib.TEST and not unseen.all():
            by_split[results_lib.DEDUPLICATED] = (
                _score(task, mean, first, unseen) if unseen.any() else None
            )
    return by_split


def add(results: dict, run_dirs: Sequence[str]) -> None:
    """Adds the ensemble's scores to the results of a run with several seeds.

    Args:
      results: the content of `results.json`, changed in place.
      run_dirs: directories of the runs of the seeds.

    Raises:
      ValueError: as `scores`.
    """
    runs = [run_directory.Run.read(run_dir) for run_dir in run_dirs]
    for task in runs[0].tasks:
        of_task = results["tasks"][task.name]
        of_task[results_lib.ENSEMBLE] = scores(runs, task)
    results["average"] |= results_lib.averages(
        results["tasks"], (results_lib.ENSEMBLE,)
    )


def _read(run, task, split):
    """Reads the predictions of a run, which may have a part for each task."""
    run_dir = run.parts.get(task.name, run.run_dir)
    return prediction_files.read(run_dir, task, split)


def _score(task, probabilities, saved, rows):
    predictions = predictions_lib.Predictions(task, probabilities[rows])
    by_metric = predictions_lib.score(
        predictions, saved.gold[rows], saved.groups[rows]
    )
    return {k: x for k, x in by_metric.items() if k != "loss"}
