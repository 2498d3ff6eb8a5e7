"""The interface between the readers of corpora and `prepare`."""

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
    """The rows of a task, from its reader.

    Attributes:
      task: the task.
      splits: rows by split, without empty splits.
      skipped: number of rows that the reader skipped, by reason.
      raw: statistics of the raw files, recorded in `corpus.json`.
      dev_in_train: whether train keeps the rows whose text is in dev, a leak.
        Otherwise they are removed from train.
      findings: findings about the raw files.
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
      version: version of the reader; increased when it returns other rows of
        the same files.
      files: paths of the raw files, by the name that they are recorded under.
      settings: settings of the reader, JSON values.
      license: terms of use of the texts.
      read: function that reads the files.
      digests: sha256 of raw tables that are in memory, by name.
    """

    corpus: str
    version: int
    files: dict[str, str]
    settings: dict
    license: str
    read: Callable[[], list[TaskRows]]
    digests: dict[str, str] = dataclasses.field(default_factory=dict)

    def checksums(self) -> dict[str, str]:
        """Returns the sha256 of each raw file or table, by name.

        Raises:
          ValueError: if a file is missing.
        """
        missing = [p for p in self.files.values() if not os.path.isfile(p)]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            raise ValueError(
                f"corpus {self.corpus}: there is no file {missing[0]}{more}"
            )
        of_files = {name: sha256(path) for name, path in self.files.items()}
        return of_files | self.digests


def check_rows(corpus: str, task_rows: Sequence[TaskRows]) -> None:
    """Checks the rows of a reader against its declarations.

    Args:
      corpus: name of the corpus.
      task_rows: the rows of each task.

    Raises:
      ValueError: if there are no tasks, names or ids repeat, a labeled split
        has no rows, or a row does not match the declaration of its task.
    """
    if not task_rows:
        raise ValueError(f"corpus {corpus} has no tasks")
    ids: collections.Counter[str] = collections.Counter()
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
                        f"{row.id}: expected no seq1, since task {name} has "
                        "single texts"
                    )
    repeated = [name for name, n in ids.items() if n > 1]
    if repeated:
        raise ValueError(
            f"corpus {corpus}: {len(repeated)} ids repeat, such as "
            f"{repeated[0]}: the rows of all splits of a task need different "
            "ids"
        )
