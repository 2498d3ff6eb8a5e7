"""Checkpoints whose parts have names, and that miss nothing.

`tf.train.Checkpoint(model=..., optimizer=...)` leaves out the seed states of
dropout, and the heads of models that keep them in a list, and
`assert_consumed` passes all the same. Here every variable is put in by name,
and the list of tasks beside them, by which stacked weights are ordered.
"""

import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

LAST = "last"
BEST = "best"


class Checkpoints:
    """The `last` and the `best` checkpoint of a run.

    Args:
      run_dir: directory of the run.
      parts: variables by part and name.
      task_names: names of the tasks, in the order of their numbers.
    """

    def __init__(
        self,
        run_dir: str,
        parts: Mapping[str, Mapping[str, tf.Variable]],
        task_names: Sequence[str],
    ):
        self._task_names = list(task_names)
        self._tasks = tf.Variable(json.dumps(self._task_names))
        self._checkpoint = tf.train.Checkpoint(
            tasks=self._tasks,
            **{part: dict(variables) for part, variables in parts.items()},
        )
        self._managers = {
            name: tf.train.CheckpointManager(
                self._checkpoint,
                os.path.join(run_dir, "checkpoints", name),
                max_to_keep=1,
            )
            for name in (LAST, BEST)
        }

    def save(self, name: str, step: int) -> None:
        """Writes the checkpoint `LAST` or `BEST`."""
        self._managers[name].save(step)

    def exists(self, name: str) -> bool:
        """Whether the run has this checkpoint."""
        return self._managers[name].latest_checkpoint is not None

    def restore(self, name: str) -> None:
        """Reads every variable back.

        Raises:
          ValueError: if there is no such checkpoint, it is of other tasks, or
            its variables are others.
        """
        path = self._managers[name].latest_checkpoint
        if path is None:
            raise ValueError(
                f"{self._managers[name].directory} holds no checkpoint"
            )
        reader = tf.train.load_checkpoint(path)
        tasks = json.loads(
            reader.get_tensor("tasks/.ATTRIBUTES/VARIABLE_VALUE")
        )
        if tasks != self._task_names:
            raise ValueError(
                f"{path} is of the tasks {tasks}, not of {self._task_names}"
            )
        try:
            # Fails for variables that are missing on either side.
            self._checkpoint.restore(path).assert_consumed()
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f"{path} is of another model: {str(error).splitlines()[0]}"
            ) from None
