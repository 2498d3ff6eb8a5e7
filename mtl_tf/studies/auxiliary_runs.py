"""The runs of a search for auxiliary tasks."""

import dataclasses
import hashlib
import os
import typing
from collections.abc import Collection, Sequence

from mtl_tf.config import by_task
from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import study_directory

KIND = "search_auxiliary"
# Settings that only a model of several tasks has, by their first letters.
_OF_SEVERAL_TASKS = (
    *("advers", "discriminator_", "orthogonality_", "unlabeled"),
    *("label_transfer", "transfer_", "pseudo_label_", "affinity_"),
)
# File systems allow 255 bytes.
_MAX_NAME_LENGTH = 200


@dataclasses.dataclass(frozen=True)
class Runs:
    """Settings of the runs by their tasks.

    Attributes:
      config: settings of the search. Its run directory holds all runs.
      names: names of all tasks, in the order of the corpus.
    """

    config: config_lib.Config
    names: tuple[str, ...]

    def of(
        self, main_task: str, auxiliary: Collection[str]
    ) -> config_lib.Config:
        """Returns the settings of a run.

        Settings of other tasks are dropped, and affinity is not measured.

        Args:
          main_task: the main task.
          auxiliary: its auxiliary tasks. Without any, the model is the
            single-task model.
        """
        tasks = (main_task, *[x for x in self.names if x in auxiliary])
        others = set(self.names) - set(tasks)
        config = self.config
        changed: dict[str, typing.Any] = {"affinity_every": 0}
        if not auxiliary:
            changed = _single_task_settings()
        return dataclasses.replace(
            config,
            **changed,
            pictures=False,
            tasks=tasks,
            main_task=main_task,
            run_dir=os.path.join(config.run_dir, "runs", _folder(tasks)),
            task_weights=by_task.without(config.task_weights, others),
            max_train_examples=by_task.without(
                config.max_train_examples, others
            ),
        )

    @property
    def of_all_tasks(self) -> config_lib.Config:
        """Settings of the run of all tasks, which measures their affinity."""
        run_dir = os.path.join(self.config.run_dir, "all_tasks")
        return dataclasses.replace(
            self.config, tasks=self.names, run_dir=run_dir
        )


def plan(
    config: config_lib.Config, corpus: tasks_lib.Corpus, method: str
) -> Runs:
    """Checks the settings of a search.

    Args:
      config: settings of the search.
      corpus: the corpus.
      method: one of `choices.SEARCH_METHODS`.

    Returns:
      The runs of the search.

    Raises:
      ValueError: if the settings do not allow a search.
    """
    distribution.check_study(config)
    study_directory.refuse_teachers(config, KIND)
    tasks = corpus.select(config.tasks)
    names = tuple(task.name for task in tasks)
    if len(names) < 2:
        raise ValueError(
            f"a search for auxiliary tasks needs at least 2 tasks, got "
            f"{', '.join(names)}"
        )
    if config.sharing == "single_task":
        raise ValueError(
            "a search for auxiliary tasks needs weights that tasks share, got "
            "sharing=single_task"
        )
    if method == "forward" and not config.main_task:
        raise ValueError(
            "search_method=forward needs main_task, the task that the other "
            "tasks are to help; search_method=pairs does without"
        )
    task_settings.check(config, corpus, tasks)
    runs = Runs(config, names)
    for main_task in main_tasks(config, names):
        for auxiliary in ((), set(names) - {main_task}):
            run = runs.of(main_task, auxiliary)
            task_settings.check(run, corpus, corpus.select(run.tasks))
    return runs


def check(
    config: config_lib.Config, corpus: tasks_lib.Corpus, method: str
) -> None:
    """Checks the settings and the directory of a search.

    Args:
      config: settings of the search.
      corpus: the corpus.
      method: one of `choices.SEARCH_METHODS`.

    Raises:
      ValueError: as in `plan`, or if the directory holds another study.
    """
    plan(config, corpus, method)
    study_directory.check(
        config.run_dir, KIND, study_settings(config, method), corpus
    )


def main_tasks(
    config: config_lib.Config, names: Sequence[str]
) -> tuple[str, ...]:
    """Returns the main tasks of a search: `main_task`, or else each task."""
    return (config.main_task,) if config.main_task else tuple(names)


def study_settings(config: config_lib.Config, method: str) -> dict:
    """Returns the settings by which searches differ, by name.

    Args:
      config: settings of the search.
      method: one of `choices.SEARCH_METHODS`.
    """
    return {"search_method": method} | study_directory.settings_of(config)


def _single_task_settings():
    """Returns the settings by which a single-task model differs."""
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(config_lib.Config)
        if field.name.startswith(_OF_SEVERAL_TASKS)
    }
    return defaults | {"sharing": "single_task"}


def _folder(tasks):
    """Returns the name of the directory of a run."""
    name = "+".join(tasks)
    if len(name.encode("utf-8")) <= _MAX_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode("utf-8")).hexdigest()[:16]
    return f"{tasks[0]}+{len(tasks) - 1}_tasks_{digest}"
