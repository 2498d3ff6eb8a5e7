"""The history of a run: one JSON line an epoch."""

import json
import os
from collections.abc import Mapping, Sequence

from absl import logging

from mtl_tf.utils import files

HISTORY_FILE = "history.jsonl"
_REMEDY = "--mode=evaluate, or training that goes on, writes it again"


class History:
    """`history.jsonl`: one line an epoch.

    A checkpoint holds the lines up to it. They are written once it is on disk,
    and again when a run goes on from it: what was cut off, or is of a later
    step, is replaced.

    Args:
      run_dir: directory of the run.
      lines: the lines so far, a dict an epoch.

    Attributes:
      lines: its lines.
    """

    def __init__(self, run_dir: str, lines: Sequence[Mapping]):
        self._path = os.path.join(run_dir, HISTORY_FILE)
        self.lines = list(lines)
        # Not in place: an interruption must not take the history along.
        with files.atomic_write(self._path) as file:
            file.write(format_history(self.lines))
            _sync(file)

    def append(self, line: Mapping) -> None:
        """Adds the line of an epoch; it has to have a `step`."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(format_history([line]))
            _sync(file)
        self.lines.append(line)


def format_history(lines: Sequence[Mapping]) -> str:
    """Returns the text of lines of the history."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def parse_history(content: str | bytes) -> list[dict]:
    """Returns the lines of a text that `format_history` made."""
    return [json.loads(line) for line in content.splitlines()]


def read_history(run_dir: str) -> list[dict]:
    """The lines of a run's history; none if there is no such file.

    A last line without an end is left out, with a warning: the run was stopped
    as it wrote it.

    Raises:
      ValueError: if another line is broken.
    """
    path = os.path.join(run_dir, HISTORY_FILE)
    if not os.path.exists(path):
        return []
    # As bytes: what is no UTF-8 is to be found by its line as well.
    with open(path, "rb") as file:
        lines = file.readlines()
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        logging.warning(
            "%s:%d: the line is cut off and left out; %s",
            path,
            len(lines) + 1,
            _REMEDY,
        )
    return [
        _read_line(f"{path}:{number}", line)
        for number, line in enumerate(lines, start=1)
    ]


def _sync(file):
    file.flush()
    os.fsync(file.fileno())


def _read_line(place, line):
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{place}: not JSON: {error}: {_REMEDY}") from None
    if not isinstance(found, dict) or "step" not in found:
        raise ValueError(f"{place}: 'step' is missing: {_REMEDY}")
    return found
