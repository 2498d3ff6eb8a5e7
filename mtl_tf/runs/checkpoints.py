"""Complete checkpoints of training, with named variables.

`tf.train.Checkpoint(model=..., optimizer=...)` omits the seeds of dropout, and
the heads of models that keep them in a list, and `assert_consumed` passes all
the same. Here every variable has a name, and a checkpoint also holds the tasks
and labels, whose order is that of the weights.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import run_id

LAST = "last"
BEST = "best"
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def best_of(phase: str) -> str:
    """Returns the name of the best checkpoint of a phase before the last."""
    return f"{BEST}_{phase}"


class Checkpoints:
    """The checkpoints of a run: the newest ones of each name.

    Args:
      run_dir: directory of the run.
      parts: variables by part and name.
      tasks: the tasks, in the order of the task ids.
      names: names of the checkpoints: `LAST`, `BEST`, `best_of` phases.
      keep: number of steps of each name whose checkpoints are kept. As many of
        `BEST` as of `LAST`: a run that resumes from an older last checkpoint
        needs the best one at that time.
    """

    def __init__(
        self,
        run_dir: str,
        parts: Mapping[str, Mapping[str, tf.Variable]],
        tasks: Sequence[tasks_lib.Task],
        names: Sequence[str] = (LAST, BEST),
        keep: int = 2,
    ):
        self._run_dir = run_dir
        self._labels = {task.name: list(task.labels) for task in tasks}
        self._checkpoint = tf.train.Checkpoint(
            tasks=tf.Variable(json.dumps(self._labels)),
            **{part: dict(variables) for part, variables in parts.items()},
        )
        self._names = tuple(names)
        self._keep = keep

    def save(self, name: str, step: int) -> None:
        """Writes a checkpoint, and removes those that it replaces."""
        folder = checkpoint_files.folder_of(self._run_dir, name)
        os.makedirs(folder, exist_ok=True)
        older = [
            x
            for x in checkpoint_files.find(self._run_dir, name)
            if x.step <= step
        ]
        new = checkpoint_files.new(self._run_dir, name, step)
        self._checkpoint.write(new.path)
        checkpoint_files.write_record(new, run_id.read(self._run_dir))
        newest = {x.step: x for x in reversed([new, *older])}
        steps = sorted(newest)[-self._keep :]
        kept = [newest[x] for x in steps]
        checkpoint_files.write_state(folder, kept)
        checkpoint_files.remove_others(folder, kept)

    def check(self, names: Sequence[str]) -> None:
        """Checks that the newest checkpoint of each name is intact.

        Raises:
          ValueError: if one is missing or damaged.
        """
        for name in names:
            _find_newest(self._run_dir, name)

    def newest(self, name: str) -> str:
        """Returns the stem of the files of the newest checkpoint of a name.

        Raises:
          ValueError: if it is missing or damaged.
        """
        return _find_newest(self._run_dir, name).stem

    def restore(self, name: str, stem: str = "") -> None:
        """Restores all variables.

        Args:
          name: name of the checkpoint.
          stem: stem of the files of one of that name; empty: the newest.

        Raises:
          ValueError: if the checkpoint is missing or damaged, or its tasks,
            labels or variables differ.
        """
        folder = checkpoint_files.folder_of(self._run_dir, name)
        path = os.path.join(folder, stem or self.newest(name))
        with _naming_damage(path):
            labels = _read_labels(tf.train.load_checkpoint(path))
        check_labels(path, labels, self._labels)
        with _naming_damage(path):
            try:
                # Fails for variables that are missing on either side.
                self._checkpoint.read(path).assert_consumed()
            except (AssertionError, ValueError) as error:
                raise ValueError(
                    f"{path} is of another model: {str(error).splitlines()[0]}"
                ) from None

    def sweep(
        self, resumed: Mapping[str, checkpoint_files.CheckpointFiles]
    ) -> None:
        """Removes later checkpoints, and files of interrupted writes.

        Args:
          resumed: by name, the newest checkpoint from which a run resumes.
        """
        for name in self._names:
            folder = checkpoint_files.folder_of(self._run_dir, name)
            if not os.path.isdir(folder):
                continue
            kept = [
                x
                for x in reversed(checkpoint_files.find(self._run_dir, name))
                if name in resumed and x.age <= resumed[name].age
            ]
            checkpoint_files.write_state(folder, kept)
            checkpoint_files.remove_others(folder, kept)


@dataclasses.dataclass(frozen=True)
class CheckpointValues:
    """The values of a checkpoint as arrays.

    Attributes:
      path: path of the checkpoint, for messages.
      labels: the labels of each task, in the order of the weights.
      parts: arrays by part (`model`, `discriminator` and others) and name.
    """

    path: str
    labels: dict[str, list[str]]
    parts: dict[str, dict[str, np.ndarray]]

    def check_tasks(self, tasks: Sequence[tasks_lib.Task]) -> None:
        """Checks that the weights belong to these tasks and labels.

        Raises:
          ValueError: if tasks or labels, or their order, differ.
        """
        expected = {task.name: list(task.labels) for task in tasks}
        check_labels(self.path, self.labels, expected)


def read(
    run_dir: str, name: str, part_names: Sequence[str]
) -> CheckpointValues:
    """Reads parts of the newest checkpoint of a name.

    Args:
      run_dir: directory of the run.
      name: name of the checkpoint.
      part_names: names of the parts; missing parts are left out.

    Returns:
      The values of the checkpoint.

    Raises:
      ValueError: if the checkpoint is missing or damaged.
    """
    return read_values(_find_newest(run_dir, name), part_names)


def read_values(
    checkpoint: checkpoint_files.CheckpointFiles, part_names: Sequence[str]
) -> CheckpointValues:
    """Reads parts of a checkpoint without verifying its checksums.

    Raises:
      ValueError: if TensorFlow cannot read it.
    """
    parts: dict[str, dict[str, np.ndarray]] = {}
    with _naming_damage(checkpoint.path):
        reader = tf.train.load_checkpoint(checkpoint.path)
        for key in reader.get_variable_to_shape_map():
            part, *name = key.removesuffix(_VALUE).split("/")
            if part in part_names and key.endswith(_VALUE):
                # TensorFlow writes a slash in a name as .S, a dot as two dots.
                variable = name[0].replace("..", "\0").replace(".S", "/")
                variable = variable.replace("\0", ".")
                parts.setdefault(part, {})[variable] = reader.get_tensor(key)
        return CheckpointValues(checkpoint.path, _read_labels(reader), parts)


def check_labels(
    path: str,
    labels: Mapping[str, list[str]],
    expected: Mapping[str, list[str]],
) -> None:
    """Checks the tasks and labels that a checkpoint was trained on.

    Args:
      path: path of the checkpoint, for messages.
      labels: the labels of each task in the checkpoint, in order.
      expected: the expected ones.

    Raises:
      ValueError: if they differ.
    """
    if list(labels) != list(expected):
        raise ValueError(
            f"{path}: expected the tasks {', '.join(expected)}, got "
            f"{', '.join(labels)}"
        )
    for task, expected_labels in expected.items():
        if labels[task] != expected_labels:
            raise ValueError(
                f"{path}: expected the labels {expected_labels} of task "
                f"{task}, in this order, got {labels[task]}"
            )


def describe_intact(run_dir: str) -> str:
    """Lists the intact checkpoints of a run for a message."""
    folder = os.path.join(run_dir, checkpoint_files.CHECKPOINTS_DIR)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    intact = [
        f"{os.path.relpath(checkpoint.path, run_dir)} "
        f"(epoch {_read_epoch(checkpoint)})"
        for name in names
        for checkpoint in checkpoint_files.find(run_dir, name)
        if not checkpoint.damage
    ]
    return f"intact checkpoints: {', '.join(intact) or 'none'}"


def last_step(run_dir: str) -> int:
    """Returns the step of the last checkpoint of a run; 0 if it has none."""
    saved = checkpoint_files.find(run_dir, LAST)
    return max((checkpoint.step for checkpoint in saved), default=0)


def _find_newest(run_dir, name):
    """Finds the newest checkpoint of a name, which must be intact."""
    checkpoints = checkpoint_files.find(run_dir, name)
    if not checkpoints:
        folder = checkpoint_files.folder_of(run_dir, name)
        raise ValueError(f"{folder} holds no checkpoint")
    newest = checkpoints[0]
    if newest.damage:
        raise ValueError(
            f"{newest.damage}; {describe_intact(run_dir)}: "
            f"{checkpoint_files.REMEDY}"
        )
    return newest


def _read_epoch(checkpoint):
    """Reads the epoch of a checkpoint; `?` if it has none."""
    state = read_values(checkpoint, ["loop"]).parts.get("loop", {})
    return state.get("epoch", "?")


@contextlib.contextmanager
def _naming_damage(path):
    """Names the damaged checkpoint, which TensorFlow's errors often do not."""
    try:
        yield
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is damaged ({str(error).splitlines()[0]}): "
            f"{checkpoint_files.REMEDY}"
        ) from None


def _read_labels(reader):
    return json.loads(reader.get_tensor(f"tasks{_VALUE}"))
