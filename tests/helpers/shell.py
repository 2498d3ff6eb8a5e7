"""Runs the commands of a page, as a reader would."""

import os
import pathlib
import re
import subprocess
import sys

from tests.helpers import preloaded_python

ROOT = pathlib.Path(__file__).resolve().parents[2]


def shortened(commands: str) -> str:
    """Replaces the number of epochs by 2: what a test runs need not be good.

    Raises:
      ValueError: if there is none.
    """
    shorter, count = re.subn(r"--epochs=\d+", "--epochs=2", commands)
    if not count:
        raise ValueError("no command names its epochs")
    return shorter


def run(commands: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    """Runs shell commands in a folder, until one of them fails.

    Args:
      commands: what to run; `python` is a `preloaded_python`, which finds the
        project.
      folder: where to run it; gets links to `examples` and `configs`.
    """
    for name in ("examples", "configs"):
        (folder / name).symlink_to(ROOT / name)
    executables = preloaded_python.executable(), sys.executable
    folders = [*map(os.path.dirname, executables), os.environ["PATH"]]
    path = os.pathsep.join(folders)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
