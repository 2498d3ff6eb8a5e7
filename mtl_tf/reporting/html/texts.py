"""The texts of predictions: they are in the prepared corpus, not in the run."""

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
      seq1: what seq2 is read against; empty where there is none.
      seq2: the text itself.
    """

    seq1: str
    seq2: str


def check(run: run_directory.Run) -> None:
    """Checks that the corpus of a run is there still.

    Raises:
      ValueError: if it is not, or it is another one.
    """
    data_dir = run.config.data_dir
    corpus = tasks_lib.Corpus.read(data_dir)
    if corpus.declaration["fingerprint"] != run.record["fingerprint"]:
        raise ValueError(
            f"{data_dir} holds another corpus than the run was made with (its "
            "fingerprint differs)"
        )


def read(
    run: run_directory.Run, task: str, ids: Iterable[str]
) -> dict[str, Text]:
    """Texts of test rows of a task, by id.

    Raises:
      ValueError: if there are no records of the task.
    """
    wanted = set(ids)
    return {
        row.id: Text(shorten(row.seq1), shorten(row.seq2))
        for row in records.read_rows(run.config.data_dir, task, "test")
        if row.id in wanted
    }


def shorten(text: str, length: int = LENGTH) -> str:
    """Beginning and end of a text, whole words, `[...]` for what is left out.

    The end is kept because that is where reviews come to their verdict.
    """
    if len(text) <= length:
        return text
    half = (length - len(_GAP)) // 2
    head, tail = text[:half], text[-half:]
    # Text without spaces, as in Chinese, is cut where it is.
    head = head.rpartition(" ")[0] or head
    tail = tail.partition(" ")[2] or tail
    return f"{head}{_GAP}{tail}"
