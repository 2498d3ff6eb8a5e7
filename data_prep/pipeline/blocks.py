"""Blocks of rows: the elements of the pipeline's transforms.

A block holds consecutive rows of one split of a task, few enough for memory.
Blocks are ordered by their keys, which do not depend on the number of
processes.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.pipeline import findings as findings_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib

ROWS_PER_BLOCK = 8192
_CHARACTERS_PER_BLOCK = 1 << 24
# Bits of a row's marks. The rules are those of `prepare`.
REMOVED, DUPLICATE, IN_TRAIN = 1, 2, 4

# A part of a split's rows, which can be sent to another process.
Shard = Callable[[], Iterable[records.Row]]


class BlockKey(NamedTuple):
    """Position of a block: indices of task, split, shard, and in the shard."""

    task: int
    split: int
    shard: int
    block: int


class TaskInfo(NamedTuple):
    """Declaration of a task, for the transforms.

    Attributes:
      task: the task.
      splits: names of its splits, in the order of the reader.
      dev_in_train: whether train keeps the rows whose text is in dev.
    """

    task: tasks_lib.Task
    splits: tuple[str, ...]
    dev_in_train: bool = False

    def split_index(self, split: str) -> int:
        """Returns the index of a split, -1 if the task lacks it."""
        return self.splits.index(split) if split in self.splits else -1


@dataclasses.dataclass(frozen=True)
class TaskShards:
    """The rows of a task, read when they are needed.

    Attributes:
      task: the task.
      splits: shards by split, in order; no split is empty.
      num_rows: number of rows of all splits.
      skipped: number of rows that the reader skipped, by reason.
      raw: statistics of the raw files, recorded in `corpus.json`.
      dev_in_train: whether train keeps the rows whose text is in dev.
      findings: findings about the raw files.
    """

    task: tasks_lib.Task
    splits: Mapping[str, Sequence[Shard]]
    num_rows: int
    skipped: dict[str, int] = dataclasses.field(default_factory=dict)
    raw: dict = dataclasses.field(default_factory=dict)
    dev_in_train: bool = False
    findings: tuple[findings_lib.Finding, ...] = ()

    @property
    def info(self) -> TaskInfo:
        """Declaration of the task."""
        return TaskInfo(self.task, tuple(self.splits), self.dev_in_train)


@dataclasses.dataclass(frozen=True)
class RowBlock:
    """Rows of a block by column, which take less space than `records.Row`."""

    key: BlockKey
    ids: list[str]
    seq1: list[str]
    seq2: list[str]
    labels: list[str]
    groups: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def texts(self) -> list[str]:
        """Texts of all rows, alternating seq1 and seq2."""
        pairs = zip(self.seq1, self.seq2, strict=True)
        return [text for pair in pairs for text in pair]

    def rows(self, marks: np.ndarray) -> Iterator[records.Row]:
        """Yields the rows that are not removed.

        Args:
          marks: uint8 [rows].
        """
        columns = (self.ids, self.seq1, self.seq2, self.labels, self.groups)
        for *fields, mark in zip(*columns, marks.tolist(), strict=True):
            if not mark & REMOVED:
                row_id, seq1, seq2, label, group = fields
                duplicate = bool(mark & DUPLICATE)
                yield records.Row(row_id, seq1, seq2, label, group, duplicate)


@dataclasses.dataclass(frozen=True)
class TokenBlock:
    """Tokens of a block's rows, and what the findings need to know of a row.

    Attributes:
      key: position of the block.
      tokens: distinct tokens; the first one is that of a text without tokens.
      encoded: the texts as indices in `tokens`.
      row_ids: ids of the rows.
      labels: label indices, int32 [rows]; -1 in the unlabeled split.
      has_group: bool [rows].
      is_unspaced: bool [rows], whether seq2 has no blanks between words.
    """

    key: BlockKey
    tokens: list[str]
    encoded: tokens_lib.EncodedTexts
    row_ids: list[str]
    labels: np.ndarray
    has_group: np.ndarray
    is_unspaced: np.ndarray

    def __len__(self) -> int:
        return len(self.row_ids)

    def id_keys(self) -> list[bytes]:
        """Returns a key for each row, equal for equal ids."""
        return [tokens_lib.digest(x.encode("utf-8")) for x in self.row_ids]


def cut(
    task: int, split: int, shard: int, rows: Iterable[records.Row]
) -> Iterator[RowBlock]:
    """Cuts the rows of a shard into blocks.

    Args:
      task: index of the task.
      split: index of the split.
      shard: index of the shard.
      rows: its rows.
    """
    index, size = 0, 0
    columns: list[list[str]] = [[], [], [], [], []]
    for row in rows:
        fields = (row.id, row.seq1, row.seq2, row.label, row.group)
        for column, value in zip(columns, fields, strict=True):
            column.append(value)
        size += len(row.seq1) + len(row.seq2)
        if is_full(len(columns[0]), size):
            yield RowBlock(BlockKey(task, split, shard, index), *columns)
            index, columns, size = index + 1, [[], [], [], [], []], 0
    if columns[0]:
        yield RowBlock(BlockKey(task, split, shard, index), *columns)


def is_full(num_rows: int, num_characters: int) -> bool:
    """Returns whether a block of rows is as large as it should be."""
    return num_rows >= ROWS_PER_BLOCK or num_characters >= _CHARACTERS_PER_BLOCK
