"""`affinity.json`, the inter-task affinities of a run."""

import dataclasses
import json
import os
from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_directory

AFFINITY_FILE = "affinity.json"


@dataclasses.dataclass(frozen=True)
class Affinity:
    """Inter-task affinities, averaged over training.

    Attributes:
      tasks: names of the tasks.
      matrix: float64 [main task, auxiliary task], the relative decrease of the
        loss of the main task after an update with the loss of the auxiliary
        task; nan for tasks that were never measured together.
    """

    tasks: tuple[str, ...]
    matrix: np.ndarray


def write(
    run_dir: str, tasks: Sequence[tasks_lib.Task], matrix: np.ndarray | None
) -> None:
    """Writes `affinity.json`, whose checksum the evaluation writes.

    Args:
      run_dir: directory of the run.
      tasks: the tasks.
      matrix: float64 [main task, auxiliary task], as in `Affinity`; None if
        affinity was not measured, and there is no file.
    """
    if matrix is None:
        return
    names = [task.name for task in tasks]
    affinity = {
        main: {
            auxiliary: None if np.isnan(value) else float(value)
            for auxiliary, value in zip(names, row, strict=True)
        }
        for main, row in zip(names, matrix, strict=True)
    }
    run_directory.write_json(
        os.path.join(run_dir, AFFINITY_FILE), {"affinity": affinity}
    )


def exists(run: run_directory.Run) -> bool:
    """Returns whether a run, or each of its seeds, has the file."""
    return all(
        os.path.exists(os.path.join(run_dir, AFFINITY_FILE))
        for run_dir in _run_dirs(run)
    )


def read(run: run_directory.Run) -> Affinity:
    """Reads the affinities of a run; means over its seeds, if it has several.

    Args:
      run: the run.

    Returns:
      The affinities.

    Raises:
      ValueError: if a file is missing, damaged or of another run.
    """
    tasks = tuple(task.name for task in run.tasks)
    matrices = [_read_matrix(run_dir, tasks) for run_dir in _run_dirs(run)]
    return Affinity(tasks, np.mean(matrices, axis=0))


def _run_dirs(run):
    return list(run.parts.values()) or [run.run_dir]


def _read_matrix(run_dir, tasks):
    checksum_file.check(run_dir, AFFINITY_FILE)
    path = os.path.join(run_dir, AFFINITY_FILE)
    with open(path, encoding="utf-8") as file:
        by_task = json.load(file)["affinity"]
    # None becomes nan.
    return np.array(
        [[by_task[main][auxiliary] for auxiliary in tasks] for main in tasks],
        np.float64,
    )
