"""Checkpoints whose parts have names, and that miss nothing.

`tf.train.Checkpoint(model=..., optimizer=...)` leaves out the seed states of
dropout, and the heads of models that keep them in a list, and
`assert_consumed` passes all the same. Here every variable is put in by name,
and the list of tasks beside them, by which stacked weights are ordered.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
LAST = "last"
BEST = "best"


def best_of(phase: str) -> str:
    """Name of the best checkpoint of a phase that others follow."""
    return f"{BEST}_{phase}"


class Checkpoints:
    """The checkpoints of a run, one of each name.

    Args:
      run_dir: directory of the run.
      parts: variables by part and name.
      task_names: names of the tasks, in the order of their numbers.
      names: names of the checkpoints: `LAST`, `BEST`, `best_of` phases.

    Raises:
      ValueError: if a file that says which checkpoints there are is damaged.
    """

    def __init__(
        self,
        run_dir: str,
        parts: Mapping[str, Mapping[str, tf.Variable]],
        task_names: Sequence[str],
        names: Sequence[str] = (LAST, BEST),
    ):
        self._task_names = list(task_names)
        self._tasks = tf.Variable(json.dumps(self._task_names))
        self._checkpoint = tf.train.Checkpoint(
            tasks=self._tasks,
            **{part: dict(variables) for part, variables in parts.items()},
        )
        self._managers = {}
        for name in names:
            directory = os.path.join(run_dir, "checkpoints", name)
            with _naming_damage(directory):
                self._managers[name] = tf.train.CheckpointManager(
                    self._checkpoint, directory, max_to_keep=1
                )

    def save(self, name: str, step: int) -> None:
        """Writes a checkpoint, in the place of the one of that name."""
        self._managers[name].save(step)

    def exists(self, name: str) -> bool:
        """Whether the run has this checkpoint."""
        return self._managers[name].latest_checkpoint is not None

    def restore(self, name: str) -> None:
        """Reads every variable back.

        Raises:
          ValueError: if there is no such checkpoint, it is damaged or of
            other tasks, or its variables are others.
        """
        path = self._managers[name].latest_checkpoint
        if path is None:
            raise ValueError(
                f"{self._managers[name].directory} holds no checkpoint"
            )
        with _naming_damage(path):
            tasks = _task_names(tf.train.load_checkpoint(path))
        if tasks != self._task_names:
            raise ValueError(
                f"{path} is of the tasks {tasks}, not of {self._task_names}"
            )
        with _naming_damage(path):
            try:
                # Fails for variables that are missing on either side.
                self._checkpoint.restore(path).assert_consumed()
            except (AssertionError, ValueError) as error:
                raise ValueError(
                    f"{path} is of another model: {str(error).splitlines()[0]}"
                ) from None


@dataclasses.dataclass(frozen=True)
class Saved:
    """The values of a checkpoint, without the variables that they were of.

    Attributes:
      path: where it is, for messages.
      task_names: the tasks, in the order of their numbers.
      parts: arrays by part (`model`, `discriminator` and others) and name.
    """

    path: str
    task_names: tuple[str, ...]
    parts: dict[str, dict[str, np.ndarray]]


def read(run_dir: str, name: str, part_names: Sequence[str]) -> Saved:
    """Reads parts of a checkpoint of a run.

    Args:
      run_dir: directory of the run.
      name: which checkpoint.
      part_names: which parts; one that is not there is left out.

    Raises:
      ValueError: if there is no such checkpoint, or it is damaged.
    """
    directory = os.path.join(run_dir, "checkpoints", name)
    with _naming_damage(directory):
        path = tf.train.latest_checkpoint(directory)
    if path is None:
        raise ValueError(f"{directory} holds no checkpoint")
    parts = {}
    with _naming_damage(path):
        reader = tf.train.load_checkpoint(path)
        for key in reader.get_variable_to_shape_map():
            part, *rest = key.removesuffix(_VALUE).split("/")
            if part in part_names and key.endswith(_VALUE):
                # TensorFlow writes a slash within a name as .S, a dot as two.
                variable = rest[0].replace("..", "\0").replace(".S", "/")
                variable = variable.replace("\0", ".")
                parts.setdefault(part, {})[variable] = reader.get_tensor(key)
        return Saved(path, tuple(_task_names(reader)), parts)


def last_step(run_dir: str) -> int:
    """Returns the step of the last checkpoint of a run; 0 if it has none.

    Raises:
      ValueError: if the file that says which there are is damaged.
    """
    directory = os.path.join(run_dir, "checkpoints", LAST)
    with _naming_damage(directory):
        path = tf.train.latest_checkpoint(directory)
    return int(path.rpartition("-")[2]) if path else 0


@contextlib.contextmanager
def _naming_damage(path):
    """Says which files are damaged: TensorFlow's errors often do not."""
    try:
        yield
    # The last is of the file that names the newest checkpoint.
    except (IndexError, tf.errors.OpError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is damaged ({str(error).splitlines()[0]}): put back a "
            "copy of its files, or train again in another run_dir"
        ) from None


def _task_names(reader):
    return json.loads(reader.get_tensor(f"tasks{_VALUE}"))
