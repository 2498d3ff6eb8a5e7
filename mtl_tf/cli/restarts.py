"""Restarts of a worker after another one has ended.

Their number since the last checkpoint goes to the new process in a variable of
the environment.
"""

import os
import time
import typing

from absl import logging

from mtl_tf.runs import checkpoints
from mtl_tf.utils import entry_point

# RESTARTS:STEP, the number of restarts at the step of the last checkpoint.
_VARIABLE = "MTL_TF_RESTARTS"
_MAX_RESTARTS = 5
_FIRST_PAUSE_SECONDS = 1


def after(error: Exception, run_dir: str) -> typing.NoReturn:
    """Waits a while, and executes the command of this process again.

    The pause doubles with each restart without a new checkpoint.

    Args:
      error: the loss of a worker.
      run_dir: the run directory.

    Raises:
      ValueError: if the run has no new checkpoint after several restarts.
    """
    step = _last_step(run_dir)
    restarts = _restarts_at(step)
    if restarts >= _MAX_RESTARTS:
        raise ValueError(
            f"{error}. This worker gives up: the run has no new checkpoint "
            f"after {restarts} restarts"
        ) from error
    pause = _FIRST_PAUSE_SECONDS << restarts
    logging.warning("%s: this one does in %d s", error, pause)
    time.sleep(pause)
    os.environ[_VARIABLE] = f"{restarts + 1}:{step}"
    entry_point.restart()


def _restarts_at(step):
    """Returns the number of restarts so far at the step of a checkpoint."""
    restarts, _, step_before = os.environ.get(_VARIABLE, "").partition(":")
    is_same = restarts.isdecimal() and step_before == str(step)
    return int(restarts) if is_same else 0


def _last_step(run_dir):
    """Returns the step of the last checkpoint; 0 if none can be read."""
    try:
        return checkpoints.last_step(run_dir)
    # The next process reports what is damaged.
    except (ValueError, OSError):
        return 0
