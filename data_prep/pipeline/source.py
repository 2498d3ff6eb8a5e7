"""What a corpus' reader hands to the engine in `prepare`."""

import collections
import dataclasses
import os
from collections.abc import Callable, Sequence

from data_prep.pipeline import findings as findings_lib
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.utils import checksums
from mtl_tf.utils import suggestions

sha256 = checksums.sha256


@dataclasses.dataclass(frozen=True)
class TaskRows:
    """The rows of a task as its reader found them.

    Attributes:
      task: its declaration.
      splits: rows by split; a split without rows is left out.
      skipped: rows that the reader left out, by reason.
      raw: counts of the raw files before any cut, for the reader of
        `corpus.json`.
      dev_in_train: whether dev rows are wanted in train too, a leak. Otherwise
        a train row whose text stands in dev leaves train.
      findings: what is odd about the raw files.
    """

    task: tasks.Task
    splits: dict[str, list[records.Row]]
    skipped: dict[str, int] = dataclasses.field(default_factory=dict)
    raw: dict = dataclasses.field(default_factory=dict)
    dev_in_train: bool = False
    findings: tuple[findings_lib.Finding, ...] = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """A raw corpus.

    Attributes:
      corpus: name of the corpus.
      version: version of its reader; grows when the reader finds other rows
        in the same files.
      files: paths of the raw files by the name they are recorded under.
      settings: what the reader was asked for, JSON values.
      license: terms of the texts, in words.
      read: reads the files.
    """

    corpus: str
    version: int
    files: dict[str, str]
    settings: dict
    license: str
    read: Callable[[], list[TaskRows]]

    def checksums(self) -> dict[str, str]:
        """sha256 of the raw files; a missing one is a ValueError."""
        missing = [p for p in self.files.values() if not os.path.isfile(p)]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            raise ValueError(
                f"corpus {self.corpus}: no file {missing[0]}{more}"
            )
        return {name: sha256(path) for name, path in self.files.items()}


def check_rows(corpus: str, task_rows: Sequence[TaskRows]) -> None:
    """Checks what a reader returned against its declarations."""
    if not task_rows:
        raise ValueError(f"corpus {corpus} has no task")
    ids = collections.Counter()
    names = collections.Counter(rows.task.name for rows in task_rows)
    repeated = [name for name, n in names.items() if n > 1]
    if repeated:
        raise ValueError(f"corpus {corpus}: tasks repeat: {repeated}")
    try:
        tasks.check_names(names)
    except ValueError as error:
        raise ValueError(f"corpus {corpus}: {error}") from None
    for task in task_rows:
        name = task.task.name
        for split in task.splits:
            if split not in tasks.SPLITS:
                raise ValueError(
                    f"task {name} has no split {split!r}"
                    f"{suggestions.nearest(split, tasks.SPLITS)}; the splits "
                    f"are {', '.join(tasks.SPLITS)}"
                )
        for split in tasks.LABELED_SPLITS:
            if not task.splits.get(split):
                raise ValueError(f"task {name} has no {split} rows")
        for split, rows in task.splits.items():
            ids.update(row.id for row in rows)
            for row in rows:
                if split == "unlabeled" and row.label:
                    raise ValueError(
                        f"{row.id}: an unlabeled row has label {row.label!r}"
                    )
                if split != "unlabeled":
                    task.task.label_index(row.label)
                if row.seq1 and not task.task.pair:
                    raise ValueError(
                        f"{row.id}: task {name} has single texts, but this row "
                        "has a seq1"
                    )
    repeated = [name for name, n in ids.items() if n > 1]
    if repeated:
        raise ValueError(
            f"corpus {corpus}: {len(repeated)} ids repeat, such as "
            f"{repeated[0]}: the rows of all splits of a task need different "
            "ids"
        )
