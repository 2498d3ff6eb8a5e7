"""Weights of a trained model as the start of a new run, by name.

What a row of a weight stands for has a name: a token, a task, a label of a
task. So the new run may have other tasks, labels and words than the trained
one, in any order: rows whose name both have are loaded, the others start
afresh. The optimizers' state and the random state of dropout are the new
run's.
"""

import dataclasses
import os
from collections.abc import Sequence

from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.models import multitask_model
from mtl_tf.runs import checkpoints
from mtl_tf.runs import run_directory
from mtl_tf.training import trainer as trainer_lib
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import suggestions

# Settings that have to be the same; `num_layers`, too, where it has a meaning.
_ARCHITECTURE = (
    "encoder",
    "pooling",
    "hidden_size",
    "embedding_dim",
    "skip_connection",
    "task_layer_size",
    "chained_task_layers",
    "output_layer",
    "label_embedding_dim",
)
# Weights whose columns stand for what is read; the others' are of one width.
_READ_FEATURES = (
    "head/task_layer/kernel",
    "head/softmax_head/kernel",
    "head/label_embedding/table",
)


@dataclasses.dataclass(frozen=True)
class _Names:
    """What the rows of a model's weights stand for."""

    tokens: Sequence[str]
    tasks: Sequence[tasks_lib.Task]

    @property
    def task_names(self):
        return [task.name for task in self.tasks]

    @property
    def labels(self):
        return [
            f"{task.name}/{label}"
            for task in self.tasks
            for label in task.labels
        ]

    def of_rows(self, path):
        """Names of the rows of the weight that has this Keras path.

        A layer that is not here fails: its rows would be mixed up in silence.
        """
        names_by_layer = {
            "word_embedding": self.tokens,
            "shared_encoder": ["shared"],
            "private_encoder": self.task_names,
            "task_layer": self.task_names,
            "softmax_head": self.labels,
            "label_embedding": self.labels,
            "task_discriminator": self.task_names,
        }
        first, *rest = path.split("/")
        # `encoder` and `head` are made of the layers that are meant.
        return names_by_layer[
            rest[0] if first in ("encoder", "head") else first
        ]


def check(config: config_lib.Config, tasks: Sequence[tasks_lib.Task]) -> None:
    """Checks that a run, and each that it is made of, can start so.

    Args:
      config: settings of the run, `init_from` among them.
      tasks: its tasks.

    Raises:
      ValueError: as `load`.
    """
    path = os.path.join(config.data_dir, vocabulary_lib.VOCABULARY_FILE)
    tokens = vocabulary_lib.Vocabulary.read(path).tokens
    alone = config.sharing == "single_task"
    for group in [[task] for task in tasks] if alone else [tasks]:
        _read(config, _Names(tokens, group))


def load(
    config: config_lib.Config,
    tasks: Sequence[tasks_lib.Task],
    vocabulary: vocabulary_lib.Vocabulary,
    trainer: trainer_lib.Trainer,
) -> dict:
    """Puts the weights of the run in `init_from` into a model; logs which.

    The weights are those of the best checkpoint; a label transfer network
    starts afresh. Of two runs with a shared encoder one may have private
    encoders and the other none: what they have in common is loaded, and of a
    layer that reads the features of both encoders the columns of the shared
    ones. A single-task model starts from that of its task, `tasks/NAME` where
    the run is made of several.

    Args:
      config: settings of the new run.
      tasks: its tasks, in the order of their numbers.
      vocabulary: its vocabulary.
      trainer: its model and task discriminator, which are changed.

    Returns:
      What was loaded, for a JSON file: of tokens the numbers and of tasks and
      labels the names that are `loaded`, start `fresh`, and are `left` behind
      in the trained model; of each weight how many `of` its numbers are
      `loaded`; and the weights that are left behind.

    Raises:
      ValueError: if `init_from` is this run, holds no run with a best
        checkpoint, or holds several runs of which none is meant; if that run
        has another architecture, or a sharing that leaves nothing in common;
        if it has none of the new run's words, a task of the same name with
        none of its labels, or no model of a single task.
    """
    names = _Names(vocabulary.tokens, tasks)
    saved, trained_names = _read(config, names)
    weights, left = {}, []
    discriminator = trainer.adversary and trainer.adversary.discriminator
    for part, layer in (
        ("model", trainer.model),
        ("discriminator", discriminator),
    ):
        # Not `variables`: these hold the random state of dropout, too.
        variables = multitask_model.variables_by_path(
            layer.weights if layer else []
        )
        trained = saved.parts.get(part, {})
        for path, variable in variables.items():
            start, loaded = variable.numpy(), 0
            # What it reads is the answers of the run's other tasks, in their
            # order.
            is_fresh = path.startswith("label_transfer_network/")
            if path in trained and not is_fresh:
                value, loaded = _merge(
                    path, start, trained[path], names, trained_names
                )
                variable.assign(value)
            weights[path] = {"loaded": loaded, "of": start.size}
        left += [
            path
            for path in sorted(trained.keys() - variables.keys())
            if not path.endswith("seed_generator_state")
        ]
    tokens = _compare(names.tokens, trained_names.tokens)
    found = {
        "checkpoint": saved.path,
        "tokens": {name: len(which) for name, which in tokens.items()},
        "tasks": _compare(names.task_names, trained_names.task_names),
        "labels": _compare(names.labels, trained_names.labels),
        "weights": weights,
        "weights_left": left,
    }
    _log(found)
    return found


def _read(config, names):
    """The checkpoint to start from, and the names of its rows."""
    try:
        run = _find(config, names.task_names)
        trained_names = _Names(
            vocabulary_lib.Vocabulary.read(run.vocabulary_path).tokens,
            run.tasks,
        )
        _check_names(names, trained_names)
        saved = checkpoints.read(
            run.run_dir, checkpoints.BEST, ["model", "discriminator"]
        )
        saved.check_tasks(run.tasks)
    except ValueError as error:
        raise ValueError(f"init_from={config.init_from}: {error}") from None
    return saved, trained_names


def _find(config, task_names):
    """The run to start from, once its settings are known to fit."""
    if os.path.realpath(config.init_from) == os.path.realpath(config.run_dir):
        raise ValueError("a run can't start from itself")
    run = run_directory.Run.read(config.init_from)
    if run.config.num_runs > 1:
        raise ValueError(
            f"it holds a run in each of {', '.join(run.parts.values())}: "
            "name one of them"
        )
    sharings = (run.config.sharing, config.sharing)
    if len(set(sharings)) > 1 and "single_task" in sharings:
        raise ValueError(
            f"sharing: {' -> '.join(sharings)}: these models have no encoder "
            "in common; single_task starts from single_task alone, "
            "fully_shared and shared_private from one another"
        )
    compared = list(_ARCHITECTURE)
    if config.encoder == "stacked_lstm":
        compared.append("num_layers")
    difference = [
        f"{name}: {getattr(run.config, name)} -> {getattr(config, name)}"
        for name in compared
        if getattr(run.config, name) != getattr(config, name)
    ]
    if difference:
        lines = "\n  ".join(difference)
        raise ValueError(
            f"its model is another one (there -> here):\n  {lines}"
        )
    if config.sharing != "single_task":
        return run
    # Of several tasks, each has a run of its own.
    (name,) = task_names
    there = [task.name for task in run.tasks]
    if name not in there:
        raise ValueError(
            f"there is no model of the task {name!r}"
            f"{suggestions.nearest(name, there)}; its tasks are "
            f"{', '.join(there)}"
        )
    return run_directory.Run.read(run.parts[name]) if run.parts else run


def _check_names(names, trained_names):
    common = set(names.tokens) & set(trained_names.tokens)
    if common <= set(vocabulary_lib.SPECIAL_TOKENS):
        raise ValueError("its vocabulary has no word in common with this one")
    labels = {task.name: task.labels for task in trained_names.tasks}
    for task in names.tasks:
        there = labels.get(task.name, task.labels)
        if not set(task.labels) & set(there):
            raise ValueError(
                f"the labels of {task.name} were {list(there)} and are "
                f"{list(task.labels)} now: none is the same; give the task "
                "another name"
            )


def _merge(path, start, trained, names, trained_names):
    """A weight's value, and how many of its numbers are the trained ones."""
    value = start.copy()
    target, source = value, trained
    if path in _READ_FEATURES:
        # The private features come last, and only one of the models has them
        # if the widths differ.
        width = min(start.shape[1], trained.shape[1])
        target, source = target[:, :width], source[:, :width]
    if target.shape[1:] != source.shape[1:]:
        raise ValueError(
            f"init_from: {path} is {list(trained.shape)} there and "
            f"{list(start.shape)} here"
        )
    trained_rows = {
        name: row for row, name in enumerate(trained_names.of_rows(path))
    }
    rows = {
        row: trained_rows[name]
        for row, name in enumerate(names.of_rows(path))
        if name in trained_rows
    }
    source = source[list(rows.values())]
    target[list(rows)] = source
    return value, source.size


def _compare(names, trained_names):
    """Which names are loaded, start afresh, and are left behind; in order."""
    here, there = set(names), set(trained_names)
    return {
        "loaded": [name for name in names if name in there],
        "fresh": [name for name in names if name not in there],
        "left": [name for name in trained_names if name not in here],
    }


def _log(found):
    logging.info(
        "Starting from %s: %d of %s; tasks: %s; fresh: %s",
        found["checkpoint"],
        found["tokens"]["loaded"],
        names_lib.counted(
            found["tokens"]["loaded"] + found["tokens"]["fresh"], "token"
        ),
        ", ".join(found["tasks"]["loaded"]) or "none",
        ", ".join(found["tasks"]["fresh"]) or "none",
    )
    for path, count in found["weights"].items():
        logging.info(
            "%-45s loaded %9d of %9d",
            path,
            count["loaded"],
            count["of"],
        )
    for path in found["weights_left"]:
        logging.info("%-45s left behind", path)
