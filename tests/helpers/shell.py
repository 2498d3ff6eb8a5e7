"""Runs the commands of a page, as a reader would."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(commands: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    """Runs shell commands in a folder, until one of them fails.

    Args:
      commands: what to run; `python` is the Python that runs this, and finds
        the project.
      folder: where to run it; gets links to `examples` and `configs`.
    """
    for name in ("examples", "configs"):
        (folder / name).symlink_to(ROOT / name)
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
