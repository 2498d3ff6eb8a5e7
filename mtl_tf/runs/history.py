"""The history of a run: one JSON line per epoch."""

import json
import os
from collections.abc import Mapping, Sequence

from absl import logging

from mtl_tf.utils import files

HISTORY_FILE = "history.jsonl"
_REMEDY = "--mode=evaluate or resumed training writes it again"


class History:
    """A writer of `history.jsonl`.

    A checkpoint holds the lines up to its step. A resumed run writes these
    again, which replaces lines that are incomplete or of later steps.

    Args:
      run_dir: directory of the run.
      lines: the lines so far, one dict per epoch.

    Attributes:
      lines: all lines.
    """

    def __init__(self, run_dir: str, lines: Sequence[Mapping]):
        self._path = os.path.join(run_dir, HISTORY_FILE)
        self.lines = list(lines)
        # Not in place: an interruption must not destroy the history.
        with files.atomic_write(self._path) as file:
            file.write(format_history(self.lines))
            _sync(file)

    def append(self, line: Mapping) -> None:
        """Appends the line of an epoch; it must have a `step`."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(format_history([line]))
            _sync(file)
        self.lines.append(line)


def format_history(lines: Sequence[Mapping]) -> str:
    """Formats lines of the history as text."""
    return "".join(json.dumps(line) + "\n" for line in lines)


def parse_history(content: str | bytes) -> list[dict]:
    """Parses text from `format_history`."""
    return [json.loads(line) for line in content.splitlines()]


def read_history(run_dir: str) -> list[dict]:
    """Reads the history of a run.

    An incomplete last line is left out with a warning: the run was stopped
    while writing it.

    Args:
      run_dir: directory of the run.

    Returns:
      One dict per epoch; empty if the file is missing.

    Raises:
      ValueError: if another line is damaged.
    """
    path = os.path.join(run_dir, HISTORY_FILE)
    if not os.path.exists(path):
        return []
    # As bytes, so that errors in the encoding have a line number, too.
    with open(path, "rb") as file:
        lines = file.readlines()
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
        logging.warning(
            "%s:%d: the line is incomplete and left out; %s",
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


def _read_line(position, text):
    try:
        line = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{position}: not JSON: {error}: {_REMEDY}") from None
    if not isinstance(line, dict) or "step" not in line:
        raise ValueError(f"{position}: 'step' is missing: {_REMEDY}")
    return line
