"""The location of a new run: its directory must be free."""

import os
import pathlib

from mtl_tf.config import config as config_lib
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import run_id

ASSETS_DIR = "assets"
# Files that a process writes before the run starts.
_ALLOWED = ("lock", "log.txt")


def check(config: config_lib.Config) -> None:
    """Checks that a new run may use its directory.

    Args:
      config: the settings.

    Raises:
      ValueError: if it is not a directory, is in a corpus directory, or holds
        other files.
    """
    run_dir = pathlib.Path(config.run_dir)
    for path in (run_dir, *run_dir.parents):
        if path.exists() and not path.is_dir():
            raise ValueError(
                f"run_dir={config.run_dir}: {path} is a file: give a directory"
            )
    corpus = pathlib.Path(config.data_dir).resolve()
    if run_dir.resolve().is_relative_to(corpus):
        raise ValueError(
            f"run_dir={config.run_dir} is or lies in data_dir="
            f"{config.data_dir}: a corpus directory holds nothing else; give "
            "another run_dir"
        )
    _check_unused(config.run_dir)


def _check_unused(run_dir):
    """Checks that there are no other files, which training might replace."""
    if not os.path.isdir(run_dir):
        return
    names = sorted(os.listdir(run_dir))
    if {ASSETS_DIR, checkpoint_files.CHECKPOINTS_DIR} <= set(names):
        raise ValueError(
            f"{os.path.join(run_dir, run_id.CONFIG_FILE)} is missing, and "
            f"{run_dir} holds a run: put back a copy of the file; to start "
            f"again, remove {run_dir} or give another run_dir"
        )
    for name in names:
        # Hidden files may be those of a file manager.
        if name not in _ALLOWED and not name.startswith("."):
            raise ValueError(
                f"run_dir={run_dir} holds {name}, but no run "
                f"({run_id.CONFIG_FILE} is missing): training might write over "
                "it; give another run_dir, or an empty one"
            )
