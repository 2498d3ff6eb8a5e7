"""Warm start: the weights of a trained model as initial weights of a new run.

Each row of a weight belongs to a name: a token, a task, a label of a task. The
new run may have other tasks, labels and words than the trained one, in any
order. Rows whose name both runs have are loaded; the others keep their random
initial values. The states of optimizers and dropout are not loaded.

With a frozen shared encoder (Liu et al. 2017, section 5.5), only that encoder
and the word vectors are loaded; private encoders and heads start at random.
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

# Settings of encoders that must be equal; `num_layers` as well where it is
# used.
_ENCODER = ("encoder", "pooling", "hidden_size", "embedding_dim")
# Those of the layers after them.
_HEAD = (
    "skip_connection",
    "word_overlap",
    "task_layer_size",
    "chained_task_layers",
    "output_layer",
    "shared_labels",
    "label_embedding_dim",
)
# Weights that a frozen shared encoder needs.
_SHARED_WEIGHTS = ("word_embedding/", "encoder/shared_encoder/")
# Weights whose columns belong to the encoders' features.
_FEATURE_WEIGHTS = (
    "head/task_layer/kernel",
    "head/softmax_head/kernel",
    "head/softmax_head/shared_vectors",
    "head/label_embedding/table",
    "head/label_embedding/shared_vectors",
)


@dataclasses.dataclass(frozen=True)
class _Names:
    """Names of the rows of a model's weights."""

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
        """Returns the names of the rows of a weight.

        Args:
          path: Keras path of the weight. Unknown layers are an error, since
            their rows would be mixed up silently.
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
        layer, *sublayers = path.split("/")
        if sublayers[-1] == "shared_vectors":
            return tasks_lib.label_names(self.tasks)
        if layer in ("encoder", "head"):
            layer = sublayers[0]
        return names_by_layer[layer]


def check(config: config_lib.Config, tasks: Sequence[tasks_lib.Task]) -> None:
    """Checks that a run and its parts can start from `init_from`.

    Args:
      config: settings of the run, with `init_from`.
      tasks: the run's tasks.

    Raises:
      ValueError: as in `load`.
    """
    path = os.path.join(config.data_dir, vocabulary_lib.VOCABULARY_FILE)
    tokens = vocabulary_lib.Vocabulary.read(path).tokens
    runs = [tasks]
    if config.sharing == "single_task":
        runs = [[task] for task in tasks]
    for run_tasks in runs:
        _read(config, _Names(tokens, run_tasks))


def load(
    config: config_lib.Config,
    tasks: Sequence[tasks_lib.Task],
    vocabulary: vocabulary_lib.Vocabulary,
    trainer: trainer_lib.Trainer,
) -> dict:
    """Loads the weights of the run in `init_from` into a model.

    The weights are those of the best checkpoint; a label transfer network keeps
    its random initial values. One of the two runs may have private encoders and
    the other none: then only the weights of the shared features are loaded into
    layers that read the features of both encoders. A single-task model starts
    from that of its task, in `tasks/NAME` if the run has several parts.

    Args:
      config: settings of the new run.
      tasks: the new run's tasks, in the order of the task ids.
      vocabulary: the new run's vocabulary.
      trainer: the new run's model and task discriminator, changed in place.

    Returns:
      A summary for a JSON file. `tokens` counts, and `tasks` and `labels` list,
      the names that are `loaded`, start `fresh`, or are `left` behind.
      `weights` has by name how many values are `loaded` `of` how many;
      `weights_left` lists the weights that are not loaded.

    Raises:
      ValueError: if `init_from` is this run, holds no run with a best
        checkpoint, or no run of this seed among several; if the architectures
        or sharing schemes are incompatible; if the runs have no word in common,
        a task of the same name has no label in common, or a single-task model
        is missing.
    """
    names = _Names(vocabulary.tokens, tasks)
    saved, trained_names = _read(config, names)
    weights, left = _load_parts(config, trainer, saved, names, trained_names)
    tokens = _compare(names.tokens, trained_names.tokens)
    # A frozen encoder serves new tasks, also those of a trained task's name.
    compare = _compare if config.train_shared_encoder else _compare_unrelated
    summary = {
        "checkpoint": saved.path,
        "tokens": {status: len(some) for status, some in tokens.items()},
        "tasks": compare(names.task_names, trained_names.task_names),
        "labels": compare(names.labels, trained_names.labels),
        "weights": weights,
        "weights_left": left,
    }
    _log(summary)
    return summary


def _load_parts(config, trainer, saved, names, trained_names):
    """Loads model and discriminator; returns counts, and what is left."""
    adversary = trainer.adversary
    layers = {"model": trainer.model}
    layers["discriminator"] = adversary and adversary.discriminator
    weights: dict[str, dict[str, int]] = {}
    left: list[str] = []
    for part, layer in layers.items():
        trained = {
            path: value
            for path, value in saved.parts.get(part, {}).items()
            if _is_loaded(config, path)
        }
        counts = _load_part(layer, trained, names, trained_names)
        weights |= counts
        left += sorted(
            path
            for path in saved.parts.get(part, {})
            if not path.endswith("seed_generator_state")
            and (path not in trained or path not in counts)
        )
    return weights, left


def _is_loaded(config, path):
    """Returns whether a run loads a weight of this path, if it has one."""
    if not config.train_shared_encoder:
        return path.startswith(_SHARED_WEIGHTS)
    # The network's inputs are ordered as the trained run's tasks.
    return not path.startswith("label_transfer_network/")


def _load_part(layer, trained, names, trained_names):
    """Loads trained values into a layer; counts the values of each weight."""
    # `weights`, not `variables`: these include the seeds of dropout.
    variables = multitask_model.variables_by_path(
        layer.weights if layer else []
    )
    counts = {}
    for path, variable in variables.items():
        initial, loaded = variable.numpy(), 0
        if path in trained:
            value, loaded = _merge(
                path, initial, trained[path], names, trained_names
            )
            variable.assign(value)
        counts[path] = {"loaded": loaded, "of": initial.size}
    return counts


def _read(config, names):
    """Reads the checkpoint to start from, and the names of its rows."""
    try:
        run = _find_run(config, names.task_names)
        trained_names = _Names(
            vocabulary_lib.Vocabulary.read(run.vocabulary_path).tokens,
            run.tasks,
        )
        _check_words(names, trained_names)
        if config.train_shared_encoder:
            _check_labels(names, trained_names)
        saved = checkpoints.read(
            run.run_dir, checkpoints.BEST, ["model", "discriminator"]
        )
        saved.check_tasks(run.tasks)
    except ValueError as error:
        raise ValueError(f"init_from={config.init_from}: {error}") from None
    return saved, trained_names


def _find_run(config, task_names):
    """Finds the run to start from, and checks its settings."""
    if os.path.realpath(config.init_from) == os.path.realpath(config.run_dir):
        raise ValueError("a run can't start from itself")
    run = run_directory.Run.read(config.init_from)
    if run.config.num_runs > 1:
        run = _run_of_seed(run, config.seed)
    sharings = (run.config.sharing, config.sharing)
    if len(set(sharings)) > 1 and "single_task" in sharings:
        raise ValueError(
            f"sharing: {' -> '.join(sharings)}: these models have no encoder "
            "in common; single_task starts only from single_task, "
            "fully_shared and shared_private from each other"
        )
    compared = list(_ENCODER)
    if config.train_shared_encoder:
        compared += _HEAD
    if config.encoder == "stacked_lstm":
        compared.append("num_layers")
    difference = [
        f"{name}: {getattr(run.config, name)} -> {getattr(config, name)}"
        for name in compared
        if getattr(run.config, name) != getattr(config, name)
    ]
    if difference:
        lines = "\n  ".join(difference)
        raise ValueError(f"its model differs (trained -> this run):\n  {lines}")
    if config.sharing != "single_task":
        return run
    # Each task has its own run.
    (name,) = task_names
    trained_names = [task.name for task in run.tasks]
    if name not in trained_names:
        raise ValueError(
            f"it has no model of the task {name!r}"
            f"{suggestions.nearest(name, trained_names)}; its tasks are "
            f"{', '.join(trained_names)}"
        )
    return run_directory.Run.read(run.parts[name]) if run.parts else run


def _run_of_seed(run, seed):
    """Returns the run of a seed, of a run with several seeds."""
    if str(seed) not in run.parts:
        raise ValueError(
            f"it holds several runs, and none of seed={seed}: choose one of "
            f"{', '.join(run.parts.values())}"
        )
    return run_directory.Run.read(run.parts[str(seed)])


def _check_words(names, trained_names):
    """Checks that the runs have a word in common."""
    common = set(names.tokens) & set(trained_names.tokens)
    if common <= set(vocabulary_lib.SPECIAL_TOKENS):
        raise ValueError("its vocabulary has no word in common with this one")


def _check_labels(names, trained_names):
    """Checks that tasks of the same name have a label in common."""
    labels = {task.name: task.labels for task in trained_names.tasks}
    for task in names.tasks:
        trained_labels = labels.get(task.name, task.labels)
        if not set(task.labels) & set(trained_labels):
            raise ValueError(
                f"the labels of {task.name} were {list(trained_labels)} and "
                f"are {list(task.labels)} now: none is the same; rename the "
                "task"
            )


def _merge(path, initial, trained, names, trained_names):
    """Returns a weight's new value, and how many of its values are trained."""
    value = initial.copy()
    target, source = value, trained
    if path in _FEATURE_WEIGHTS:
        # If only one of the models has private features, they are the last
        # columns.
        columns = min(initial.shape[1], trained.shape[1])
        target, source = target[:, :columns], source[:, :columns]
    if target.shape[1:] != source.shape[1:]:
        raise ValueError(
            f"init_from: {path}: expected shape {list(initial.shape)}, got "
            f"{list(trained.shape)}"
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
    """Divides names into `loaded`, `fresh` and `left`, in their order."""
    new, trained = set(names), set(trained_names)
    return {
        "loaded": [name for name in names if name in trained],
        "fresh": [name for name in names if name not in trained],
        "left": [name for name in trained_names if name not in new],
    }


def _compare_unrelated(names, trained_names):
    """Divides names as `_compare` does; none of them is the same."""
    return {"loaded": [], "fresh": list(names), "left": list(trained_names)}


def _log(summary):
    logging.info(
        "Starting from %s: %d of %s; tasks: %s; fresh: %s",
        summary["checkpoint"],
        summary["tokens"]["loaded"],
        names_lib.counted(
            summary["tokens"]["loaded"] + summary["tokens"]["fresh"], "token"
        ),
        ", ".join(summary["tasks"]["loaded"]) or "none",
        ", ".join(summary["tasks"]["fresh"]) or "none",
    )
    for path, count in summary["weights"].items():
        logging.info(
            "%-45s loaded %9d of %9d",
            path,
            count["loaded"],
            count["of"],
        )
    for path in summary["weights_left"]:
        logging.info("%-45s left behind", path)
