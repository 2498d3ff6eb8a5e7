"""Teachers: trained runs that give unlabeled texts their pseudo-labels.

A student learns from the mean probabilities of its teachers (Hinton, Vinyals &
Dean 2015; with a teacher of the same kind, self-training). They are computed
once, and kept in the student's run directory: it resumes without its teachers.
"""

import dataclasses
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.runs import checkpoints
from mtl_tf.runs import run_directory
from mtl_tf.utils import files

_FILE = os.path.join(run_directory.ASSETS_DIR, "pseudo_labels.npz")
_REMEDY = "put back a copy of it, or train again in another run_dir"
# Probabilities by name of the task, float64 [unlabeled rows, its labels].
PseudoLabels = dict[str, np.ndarray]


def check(config: config_lib.Config, tasks: Sequence[tasks_lib.Task]) -> None:
    """Checks that the runs in `teachers` can teach a run.

    Args:
      config: settings of the run.
      tasks: its tasks.

    Raises:
      ValueError: if a teacher is this run, or no ended run; if its words or the
        labels of a task are others; or if no teacher knows a task.
    """
    tokens = _read_tokens(config.data_dir)
    known = set()
    for teacher in config.teachers:
        try:
            known |= _check_teacher(teacher, config, tasks, tokens)
        except ValueError as error:
            raise ValueError(f"teachers={teacher}: {error}") from None
    lacking = [task.name for task in tasks if task.name not in known]
    if lacking:
        raise ValueError(
            f"teachers: none of them knows {', '.join(lacking)}, whose "
            "unlabeled texts need pseudo-labels"
        )


def add_pseudo_labels(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
    splits: Sequence[dict[str, input_pipeline.Split]],
) -> PseudoLabels:
    """Adds pseudo-labels to unlabeled texts: those that a run keeps, or new.

    Args:
      config: settings of the run.
      corpus: the prepared corpus.
      tasks: tasks of the run.
      splits: splits by name, one dict per task, changed in place.

    Returns:
      The mean over the teachers that know a task; empty without teachers.

    Raises:
      ValueError: as `check`, or if a file is missing or damaged.
    """
    if not config.teachers:
        return {}
    with_unlabeled = [
        task
        for task, by_name in zip(tasks, splits, strict=True)
        if "unlabeled" in by_name
    ]
    path = os.path.join(config.run_dir, _FILE)
    if os.path.exists(path):
        pseudo_labels = _read(path, corpus, with_unlabeled)
    else:
        check(config, with_unlabeled)
        pseudo_labels = _predict(config, corpus, with_unlabeled)
    most_classes = max(len(task.labels) for task in tasks)
    for task, by_name in zip(tasks, splits, strict=True):
        if task.name in pseudo_labels:
            unlabeled, of_task = by_name["unlabeled"], pseudo_labels[task.name]
            padded = np.zeros((len(unlabeled), most_classes), np.float32)
            padded[:, : len(task.labels)] = of_task
            by_name["unlabeled"] = dataclasses.replace(
                unlabeled, pseudo_labels=padded
            )
    return pseudo_labels


def write(run_dir: str, pseudo_labels: PseudoLabels) -> None:
    """Writes pseudo-labels into the directory of a run, if there are any."""
    if not pseudo_labels:
        return
    path = os.path.join(run_dir, _FILE)
    with files.atomic_write(path, binary=True) as file:
        # By position: a task may have the name of an argument.
        np.savez(file, *pseudo_labels.values())


def _read(path, corpus, tasks):
    """Reads the pseudo-labels that a run keeps."""
    shapes = {
        task.name: (corpus.rows[task.name]["unlabeled"], len(task.labels))
        for task in tasks
    }
    try:
        # NumPy leaves a damaged file open that it has opened itself.
        with open(path, "rb") as file, np.load(file) as saved:
            pseudo_labels = dict(zip(shapes, saved.values(), strict=True))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: {error}; {_REMEDY}") from None
    for name, shape in shapes.items():
        if pseudo_labels[name].shape != shape:
            raise ValueError(
                f"{path} is damaged: {name} has the shape "
                f"{pseudo_labels[name].shape}, expected {shape}; {_REMEDY}"
            )
    return pseudo_labels


def _predict(config, corpus, tasks):
    """Returns the mean probabilities of the teachers."""
    by_task = {task.name: [] for task in tasks}
    for run in _leaves(config.teachers):
        logging.info("Predicting pseudo-labels with %s", run.run_dir)
        for name, probabilities in _predict_with(run, corpus, by_task):
            by_task[name].append(probabilities)
    return {name: np.mean(x, axis=0) for name, x in by_task.items()}


def _check_teacher(teacher, config, tasks, tokens):
    """Checks a teacher; returns the names of its tasks."""
    if os.path.realpath(teacher) == os.path.realpath(config.run_dir):
        raise ValueError("a run can't be its own teacher")
    run = run_directory.Run.read(teacher)
    run_directory.check_ended(teacher)
    if _read_tokens(os.path.dirname(run.vocabulary_path)) != tokens:
        raise ValueError(
            "it was trained on another corpus, with another vocabulary"
        )
    labels = {task.name: task.labels for task in run.tasks}
    for task in tasks:
        if labels.get(task.name, task.labels) != task.labels:
            raise ValueError(
                f"the labels of {task.name} were {list(labels[task.name])} and "
                f"are {list(task.labels)} now"
            )
    return set(labels)


def _read_tokens(data_dir):
    path = os.path.join(data_dir, vocabulary_lib.VOCABULARY_FILE)
    return vocabulary_lib.Vocabulary.read(path).tokens


def _leaves(run_dirs: Iterable[str]) -> Iterator[run_directory.Run]:
    """Yields the runs without parts: those of each seed and of each task."""
    for run_dir in run_dirs:
        run = run_directory.Run.read(run_dir)
        if run.parts:
            yield from _leaves(run.parts.values())
        else:
            yield run


def _predict_with(run, corpus, names):
    """Predicts the unlabeled texts of the tasks that a teacher knows.

    Yields:
      Names of tasks, and float64 [unlabeled rows, labels of the task].
    """
    num_classes = tuple(len(task.labels) for task in run.tasks)
    vocabulary_size = len(_read_tokens(os.path.dirname(run.vocabulary_path)))
    main_task = label_transfer.main_task_index(
        run.config, [task.name for task in run.tasks]
    )
    model = multitask_model.build(
        run.config,
        num_classes,
        vocabulary_size,
        main_task,
        tasks_lib.label_ids(run.tasks),
    )
    saved = checkpoints.read(run.run_dir, checkpoints.BEST, ["model"])
    saved.check_tasks(run.tasks)
    multitask_model.assign(model, saved.parts["model"], saved.path)
    predictor = predictor_lib.Predictor(model, run.tasks)
    for task_id, task in enumerate(run.tasks):
        if task.name in names:
            split = input_pipeline.read_split(
                corpus, run.tasks, task_id, "unlabeled", run.config
            )
            yield task.name, predictor.predict(split).probabilities
