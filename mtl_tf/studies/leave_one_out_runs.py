"""The runs of a leave-one-out study, without TensorFlow."""

import dataclasses
import os
from collections.abc import Sequence

from mtl_tf.config import by_task
from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import study_directory
from mtl_tf.utils import suggestions

KIND = "leave_one_out"
# Directory of the run on the other tasks.
SOURCE = "source"
SINGLE_TASK = "single_task"
SINGLE_CHANNEL = "single_channel"
BI_CHANNEL = "bi_channel"
# Directories of the runs on the held-out task; the first is the baseline.
MODELS = (SINGLE_TASK, SINGLE_CHANNEL, BI_CHANNEL)
# What a single task cannot have.
_OFF = {
    "adversarial_weight": 0.0,
    "orthogonality_weight": 0.0,
    "unlabeled": False,
}
# The settings of `configs/single_channel.flags`.
_FROZEN = {"train_shared_encoder": False, "train_word_vectors": False}


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The runs of a held-out task.

    Attributes:
      task: the task.
      source: settings of the run on all other tasks.
      targets: settings of the runs on the task alone, by model.
    """

    task: tasks_lib.Task
    source: config_lib.Config
    targets: dict[str, config_lib.Config]


def plan(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    held_out: Sequence[str] = (),
) -> list[HeldOut]:
    """Lists the runs of a leave-one-out study.

    Liu, Qiu & Huang 2017, section 5.5: for each task in turn, a model is
    trained on the others; its shared encoder is then frozen in two models of
    the task.

    Args:
      config: settings of the runs on the other tasks.
      corpus: the corpus.
      held_out: names of the tasks to hold out; empty: each in turn.

    Returns:
      The runs by held-out task, in the order of the corpus.

    Raises:
      ValueError: if the settings have no shared encoder to transfer, or do not
        fit the tasks.
    """
    _check(config)
    tasks = corpus.select(config.tasks)
    names = [task.name for task in tasks]
    for name in held_out:
        if name not in names:
            raise ValueError(
                f"held_out: there is no task {name!r}"
                f"{suggestions.nearest(name, names)}; the tasks are "
                f"{', '.join(names)}"
            )
    fewest = 3 if config.adversarial_weight else 2
    if len(names) < fewest:
        raise ValueError(
            f"leave_one_out needs at least {fewest} tasks"
            f"{' with an adversary' if fewest == 3 else ''}, got "
            f"{', '.join(names)}"
        )
    # Settings may name tasks; a misspelt one would be dropped below.
    task_settings.check(config, corpus, tasks)
    return [
        _of_task(config, corpus, task, names)
        for task in tasks
        if not held_out or task.name in held_out
    ]


def check(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    held_out: Sequence[str] = (),
) -> None:
    """Checks the settings and the directories of a study.

    Args:
      config: settings of the runs on the other tasks.
      corpus: the corpus.
      held_out: names of the tasks to hold out.

    Raises:
      ValueError: as in `plan`, or if a directory holds another study or run.
    """
    held_out_runs = plan(config, corpus, held_out)
    study_directory.check(
        config.run_dir, KIND, study_directory.settings_of(config), corpus
    )
    for held in held_out_runs:
        for run in (held.source, *held.targets.values()):
            run_directory.check(run, corpus)


def _check(config):
    """Checks that the settings have a shared encoder to transfer."""
    if config.sharing == "single_task":
        raise ValueError(
            "leave_one_out transfers the shared encoder: it needs sharing="
            "fully_shared or shared_private, got sharing=single_task"
        )
    distribution.check_study(config)
    study_directory.refuse_teachers(config, KIND)
    if config.init_from:
        raise ValueError(
            f"init_from={config.init_from} is not used by leave_one_out: it "
            "trains the encoders that it transfers, and a run on a held-out "
            "task must not be their start"
        )
    if config.label_transfer != "none":
        raise ValueError(
            f"label_transfer={config.label_transfer} is not used by "
            "leave_one_out, which transfers the shared encoder alone"
        )


def _of_task(config, corpus, task, names):
    """Lists the runs of a held-out task."""
    name = task.name
    folder = os.path.join(config.run_dir, name)
    source = dataclasses.replace(
        config,
        tasks=tuple(other for other in names if other != name),
        main_task="" if config.main_task == name else config.main_task,
        task_weights=by_task.without(config.task_weights, {name}),
        max_train_examples=by_task.without(config.max_train_examples, {name}),
        run_dir=os.path.join(folder, SOURCE),
    )
    transferred = {**_FROZEN, "init_from": source.run_dir}
    settings = {
        SINGLE_TASK: {"sharing": "single_task"},
        SINGLE_CHANNEL: {"sharing": "fully_shared", **transferred},
        BI_CHANNEL: {"sharing": "shared_private", **transferred},
    }
    targets = {
        model: dataclasses.replace(
            config.of_task(name, names),
            run_dir=os.path.join(folder, model),
            **_OFF,
            **settings[model],
        )
        for model in MODELS
    }
    for run in (source, *targets.values()):
        task_settings.check(run, corpus, corpus.select(run.tasks))
    return HeldOut(task, source, targets)
