"""Texts of predictions, which are in the prepared corpus, not in the run."""

import dataclasses
from collections.abc import Iterable

from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory

# Characters of a text that a page shows.
LENGTH = 400
_GAP = " [...] "


@dataclasses.dataclass(frozen=True)
class Text:
    """The texts of a row, shortened.

    Attributes:
      seq1: the first text of a pair; empty for a single text.
      seq2: the second text of a pair, or the single text.
    """

    seq1: str
    seq2: str


def check(run: run_directory.Run) -> None:
    """Checks that the corpus of a run still exists.

    Raises:
      ValueError: if it does not exist, or is a different corpus.
    """
    data_dir = run.config.data_dir
    corpus = tasks_lib.Corpus.read(data_dir)
    if corpus.declaration["fingerprint"] != run.record["fingerprint"]:
        raise ValueError(
            f"{data_dir} holds a different corpus than the one of the run (its "
            "fingerprint differs)"
        )


def read(
    run: run_directory.Run, task: str, ids: Iterable[str]
) -> dict[str, Text]:
    """Reads the texts of test rows of a task.

    Args:
      run: the run.
      task: name of the task.
      ids: ids of the rows.

    Returns:
      Shortened texts by id.

    Raises:
      ValueError: if there are no records of the task.
    """
    ids = set(ids)
    return {
        row.id: Text(shorten(row.seq1), shorten(row.seq2))
        for row in records.read_rows(run.config.data_dir, task, "test")
        if row.id in ids
    }


def shorten(text: str, length: int = LENGTH) -> str:
    """Shortens a text to its first and last words with `[...]` in between.

    The end is kept because reviews tend to state their verdict there.

    Args:
      text: the text.
      length: maximum number of characters.
    """
    if len(text) <= length:
        return text
    half = (length - len(_GAP)) // 2
    head, tail = text[:half], text[-half:]
    # Text without spaces, as in Chinese, is cut between any two characters.
    head = head.rpartition(" ")[0] or head
    tail = tail.partition(" ")[2] or tail
    return f"{head}{_GAP}{tail}"
