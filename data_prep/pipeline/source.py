"""The interface between the readers of corpora and `prepare`."""

import collections
import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence

from data_prep.pipeline import blocks
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

    @classmethod
    def collect(cls, shards: blocks.TaskShards) -> "TaskRows":
        """Reads all rows of a task."""
        splits = {
            split: [row for read in parts for row in read()]
            for split, parts in shards.splits.items()
        }
        return cls(
            shards.task,
            splits,
            shards.skipped,
            shards.raw,
            shards.dev_in_train,
            shards.findings,
        )

    def shards(self) -> blocks.TaskShards:
        """Divides the rows of the task into shards of one block."""
        size = blocks.ROWS_PER_BLOCK
        splits: dict[str, list[blocks.Shard]] = {
            split: [
                functools.partial(list, rows[start : start + size])
                for start in range(0, len(rows), size)
            ]
            for split, rows in self.splits.items()
            if rows
        }
        return blocks.TaskShards(
            self.task,
            splits,
            sum(map(len, self.splits.values())),
            self.skipped,
            self.raw,
            self.dev_in_train,
            self.findings,
        )


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
      read: function that reads the files, and returns all rows.
      digests: sha256 of raw tables that are in memory, by name.
      stream: function of a folder for temporary files, which returns the rows
        as shards; for corpora of any size. None if there is only `read`.
    """

    corpus: str
    version: int
    files: dict[str, str]
    settings: dict
    license: str
    read: Callable[[], list[TaskRows]]
    digests: dict[str, str] = dataclasses.field(default_factory=dict)
    stream: Callable[[str], list[blocks.TaskShards]] | None = None

    @classmethod
    def of_stream(
        cls,
        corpus: str,
        version: int,
        files: dict[str, str],
        settings: dict,
        license: str,
        stream: Callable[[str], list[blocks.TaskShards]],
        digests: dict[str, str] | None = None,
    ) -> "Source":
        """Makes a source that streams, and whose `read` collects all rows.

        Args:
          corpus: name of the corpus.
          version: version of the reader.
          files: paths of the raw files.
          settings: settings of the reader.
          license: terms of use of the texts.
          stream: function that reads the files.
          digests: sha256 of raw tables that are in memory.
        """

        def read():
            with tempfile.TemporaryDirectory() as folder:
                return [TaskRows.collect(shards) for shards in stream(folder)]

        return cls(
            corpus,
            version,
            files,
            settings,
            license,
            read,
            digests or {},
            stream,
        )

    def shards(self, folder: str) -> list[blocks.TaskShards]:
        """Returns the tasks in the order of their names, and checks them.

        Args:
          folder: a folder for temporary files.

        Raises:
          ValueError: if raw files are malformed, or rows do not match their
            declarations. Rows of `stream` are checked when they are read.
        """
        if self.stream is not None:
            tasks_shards = self.stream(folder)
            check_tasks(self.corpus, [(x.task, x.splits) for x in tasks_shards])
        else:
            task_rows = self.read()
            check_rows(self.corpus, task_rows)
            tasks_shards = [rows.shards() for rows in task_rows]
        return sorted(tasks_shards, key=lambda x: x.task.name)

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


def check_tasks(
    corpus: str,
    declared: Sequence[tuple[tasks.Task, Mapping[str, Sequence]]],
) -> None:
    """Checks the names of tasks and splits.

    Args:
      corpus: name of the corpus.
      declared: each task, with what its splits hold.

    Raises:
      ValueError: if there are no tasks, names repeat, or a labeled split is
        empty.
    """
    if not declared:
        raise ValueError(f"corpus {corpus} has no tasks")
    names = collections.Counter(task.name for task, _ in declared)
    repeated = [name for name, n in names.items() if n > 1]
    if repeated:
        raise ValueError(f"corpus {corpus}: tasks repeat: {repeated}")
    try:
        tasks.check_names(names)
    except ValueError as error:
        raise ValueError(f"corpus {corpus}: {error}") from None
    for task, splits in declared:
        for split in splits:
            if split not in tasks.SPLITS:
                raise ValueError(
                    f"task {task.name} has no split {split!r}"
                    f"{suggestions.nearest(split, tasks.SPLITS)}; the splits "
                    f"are {', '.join(tasks.SPLITS)}"
                )
        for split in tasks.LABELED_SPLITS:
            if not splits.get(split):
                raise ValueError(f"task {task.name} has no {split} rows")


def check_row(task: tasks.Task, split: str, row: records.Row) -> None:
    """Checks a row against the declaration of its task.

    Args:
      task: the task.
      split: name of the row's split.
      row: the row.

    Raises:
      ValueError: if it does not match.
    """
    if split == "unlabeled" and row.label:
        raise ValueError(f"{row.id}: an unlabeled row has label {row.label!r}")
    if split != "unlabeled":
        task.label_index(row.label)
    if row.seq1 and not task.pair:
        raise ValueError(
            f"{row.id}: expected no seq1, since task {task.name} has single "
            "texts"
        )


def repeated_ids(corpus: str, number: int, first: str) -> ValueError:
    """Makes the error of ids that several rows have.

    Args:
      corpus: name of the corpus.
      number: number of such ids.
      first: the first of them.
    """
    return ValueError(
        f"corpus {corpus}: {number} ids repeat, such as {first}: the rows of "
        "all splits of a task need different ids"
    )


def check_rows(corpus: str, task_rows: Sequence[TaskRows]) -> None:
    """Checks the rows of a reader against its declarations.

    Args:
      corpus: name of the corpus.
      task_rows: the rows of each task.

    Raises:
      ValueError: if there are no tasks, names or ids repeat, a labeled split
        has no rows, or a row does not match the declaration of its task.
    """
    check_tasks(corpus, [(rows.task, rows.splits) for rows in task_rows])
    ids: collections.Counter[str] = collections.Counter()
    for task in task_rows:
        for split, rows in task.splits.items():
            ids.update(row.id for row in rows)
            for row in rows:
                check_row(task.task, split, row)
    repeated = [name for name, n in ids.items() if n > 1]
    if repeated:
        raise repeated_ids(corpus, len(repeated), repeated[0])
