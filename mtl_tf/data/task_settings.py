"""Settings of a run, checked against the tasks of its corpus."""

from collections.abc import Sequence

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.utils import suggestions

# Batches up to it may be larger than a task.
_SMALL_BATCH = 1_024


def check(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
) -> None:
    """Checks the settings of a run against its tasks.

    Raises:
      ValueError: if a setting names a task that is not there, or needs more
        tasks or unlabeled text.
    """
    names = [task.name for task in tasks]
    for name in config.task_weights_by_name():
        if name not in names:
            raise ValueError(
                f"task_weights: there is no task {name!r}"
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
    taken = f"{main_task}_{choices.LABEL_TRANSFER}"
    if config.label_transfer != "none" and taken in names:
        raise ValueError(
            f"{taken} would be both the task of this name and the label "
            f"transfer network of {main_task}, in the export: give the "
            "task another name"
        )
    largest = max(names, key=lambda name: corpus.rows[name]["train"])
    rows = corpus.rows[largest]["train"]
    rows = min(rows, config.max_examples or rows)
    if config.batch_size > max(rows, _SMALL_BATCH):
        raise ValueError(
            f"batch_size={config.batch_size}: at most {rows}, the training "
            f"rows of the largest task ({largest}): a batch would repeat them"
        )
    lacking = [n for n in names if not corpus.rows[n].get("unlabeled")]
    # The adversary is to tell tasks apart: it wants text of each.
    is_needed = config.adversarial_weight or lacking == names
    if config.unlabeled and lacking and is_needed:
        raise ValueError(
            f"unlabeled: these tasks have no unlabeled text: "
            f"{', '.join(lacking)}"
        )
