"""Checks of a run's settings against the tasks of its corpus."""

from collections.abc import Sequence

from mtl_tf.config import by_task
from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.utils import suggestions

# Batches up to this size may be larger than a task.
_SMALL_BATCH = 1_024


def check(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
) -> None:
    """Checks the settings of a run against its tasks.

    Args:
      config: the settings.
      corpus: the prepared corpus.
      tasks: the tasks of the run.

    Raises:
      ValueError: if a setting names an unknown task, or needs more tasks or
        unlabeled text.
    """
    _check_names(config, [task.name for task in tasks])
    _check_rows(config, corpus.rows, [task.name for task in tasks])


def _check_names(config, names):
    """Checks the names of tasks in settings, and the number of tasks."""
    numbers = {
        "task_weights": config.task_weights_by_name(),
        "max_train_examples": config.max_train_examples_by_name(),
    }
    for setting, by_name in numbers.items():
        for name in by_name.keys() - {by_task.ALL, *names}:
            raise ValueError(
                f"{setting}: there is no task {name!r}"
                f"{suggestions.nearest(name, names)}"
            )
    main_task = config.main_task
    if main_task and main_task not in names:
        raise ValueError(
            f"main_task={main_task}: not one of the tasks "
            f"{', '.join(names)}{suggestions.nearest(main_task, names)}"
        )
    if len(names) < 2 and config.adversarial_weight:
        raise ValueError(
            f"adversarial_weight needs at least 2 tasks, got {', '.join(names)}"
        )
    if len(names) < 2 and config.label_transfer != "none":
        raise ValueError(
            f"label_transfer={config.label_transfer} needs at least 2 "
            f"tasks, got {', '.join(names)}"
        )
    if len(names) < 2 and config.affinity_every:
        raise ValueError(
            f"affinity_every needs at least 2 tasks, got {', '.join(names)}"
        )
    transfer_name = f"{main_task}_{choices.LABEL_TRANSFER}"
    if config.label_transfer != "none" and transfer_name in names:
        raise ValueError(
            f"task {transfer_name} has the name of the label transfer network "
            f"of {main_task} in the export: give the task another name"
        )


def _check_rows(config, rows, names):
    """Checks the batch size, and that unlabeled text exists if it is read."""
    num_rows = {
        name: min(
            rows[name]["train"],
            config.max_train_examples_of(name) or rows[name]["train"],
        )
        for name in names
    }
    largest = max(names, key=lambda name: num_rows[name])
    max_rows = num_rows[largest]
    if config.batch_size > max(max_rows, _SMALL_BATCH):
        raise ValueError(
            f"batch_size={config.batch_size}: expected at most {max_rows}, the "
            f"number of training rows of the largest task ({largest}): a batch "
            "would repeat rows"
        )
    lacking = [name for name in names if not rows[name].get("unlabeled")]
    # The task discriminator needs text of each task.
    is_required = config.adversarial_weight or lacking == names
    if config.unlabeled and lacking and is_required:
        raise ValueError(
            f"unlabeled: these tasks have no unlabeled text: "
            f"{', '.join(lacking)}"
        )
