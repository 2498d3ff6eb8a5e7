"""Comparison of rows by the tokens of their texts, over splits and tasks.

Rows with the same tokens have the same key. They are grouped in partitions by
their keys: a partition has all rows of a key, and is small enough for memory.
The cost grows with the number of rows, not with the number of pairs of tasks.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import partitions
from data_prep.pipeline import tally as tally_lib

_Infos = Sequence[blocks.TaskInfo]
# Marks of the rows of a block: its key, their indices and their marks.
Marks = tuple[blocks.BlockKey, np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class RowTable:
    """Rows of any blocks, to be compared by their keys.

    Attributes:
      keys: uint64 [rows, 2], hashes of what is compared.
      positions: int64 [rows, 5]: `BlockKey`, and the index in the block.
      labels: int32 [rows]; -1 for unlabeled rows.
      is_left_out: bool [rows]: pairs that a group or the first comparison
        leaves out of `compare_seq2`.
      row_ids: ids of the rows.
    """

    keys: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    is_left_out: np.ndarray
    row_ids: np.ndarray

    @classmethod
    def of(cls, block, keys: Sequence[bytes], is_left_out=None) -> "RowTable":
        """Makes the table of a block with the keys of its rows."""
        rows = len(block)
        positions = np.empty((rows, 5), np.int64)
        positions[:, :4] = block.key
        positions[:, 4] = np.arange(rows)
        return cls(
            np.frombuffer(b"".join(keys), np.uint64).reshape(-1, 2),
            positions,
            block.labels,
            np.zeros(rows, bool) if is_left_out is None else is_left_out,
            np.array(block.row_ids, object),
        )

    @classmethod
    def join(cls, tables: Iterable["RowTable"]) -> "RowTable":
        """Joins tables; the rows are then in the order of the corpus."""
        joined = cls.concatenate(list(tables))
        return joined.select(np.lexsort(joined.positions.T[::-1]))

    @classmethod
    def concatenate(cls, tables: Sequence["RowTable"]) -> "RowTable":
        """Joins tables; the rows are in the order of the tables."""
        columns = [
            np.concatenate([getattr(table, field.name) for table in tables])
            for field in dataclasses.fields(cls)
        ]
        return cls(*columns)

    def __len__(self) -> int:
        return len(self.row_ids)

    def select(self, rows: np.ndarray) -> "RowTable":
        """Returns the rows of a mask or of indices."""
        names = [field.name for field in dataclasses.fields(self)]
        return RowTable(*(getattr(self, name)[rows] for name in names))

    def partition(self, number: int) -> Iterator[tuple[int, "RowTable"]]:
        """Yields the rows of each partition that has some, and its index."""
        for index, rows in partitions.split(
            self.keys[:, 0] % np.uint64(number)
        ):
            yield index, self.select(rows)

    def key_ids(self) -> np.ndarray:
        """Returns an id for each row, int64; equal for equal keys."""
        order = np.lexsort(self.keys.T)
        ordered = self.keys[order]
        is_new = np.ones(len(self), bool)
        is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        ids = np.empty(len(self), np.int64)
        ids[order] = np.cumsum(is_new) - 1
        return ids

    def examples(self, rows: np.ndarray) -> list[tally_lib.Example]:
        """Returns the first rows of indices as examples."""
        return [self.example(row) for row in rows[: tally_lib.EXAMPLES]]

    def example(self, row: int, *others: int) -> tally_lib.Example:
        """Returns a row as an example, with the ids of other rows."""
        return tally_lib.Example(
            tuple(self.positions[row, 1:].tolist()),
            tuple(self.row_ids[x] for x in (row, *others)),
        )


def text_table(block: blocks.TokenBlock) -> RowTable:
    """Makes the table of a block whose keys are those of the rows' tokens."""
    return RowTable.of(block, block.encoded.row_keys())


def seq2_table(block: blocks.TokenBlock, marks: np.ndarray) -> RowTable:
    """Makes the table of a block of pairs, whose keys are those of seq2.

    Args:
      block: the block.
      marks: its marks, uint8 [rows].
    """
    is_left_out = block.has_group | (marks & blocks.IN_TRAIN > 0)
    keys = block.encoded.seq2_keys()
    table = RowTable.of(block, keys, is_left_out)
    return table.select(marks & blocks.REMOVED == 0)


def compare_texts(
    tables: Iterable[RowTable], infos: _Infos
) -> tuple[list[Marks], tally_lib.Tally]:
    """Compares the rows of a partition; applies the two rules of `prepare`.

    Args:
      tables: the rows of the partition, from `text_table`.
      infos: the tasks.

    Returns:
      The marks of rows that have some, by block, and the tally of conflicts and
      leaks.
    """
    table = RowTable.join(tables)
    text_ids, marks = table.key_ids(), np.zeros(len(table), np.uint8)
    rows = _rows_by_split(table, infos)
    for task, info in enumerate(infos):
        train, dev, test = (rows[task, x] for x in ("train", "dev", "test"))
        seen = np.concatenate([text_ids[dev], text_ids[train]])
        if not info.dev_in_train:
            is_removed = np.isin(text_ids[train], text_ids[dev])
            marks[train[is_removed]] |= blocks.REMOVED
            train = rows[task, "train"] = train[~is_removed]
        marks[test[np.isin(text_ids[test], seen)]] |= blocks.DUPLICATE
        for scored in (dev, test):
            in_train = np.isin(text_ids[scored], text_ids[train])
            marks[scored[in_train]] |= blocks.IN_TRAIN
    tally = tally_lib.Tally()
    for task in range(len(infos)):
        train, test = rows[task, "train"], rows[task, "test"]
        _tally_conflicts(tally, task, table, text_ids, train, test)
    _tally_other_tasks(tally, table, text_ids, rows, len(infos))
    return list(_by_block(table, marks)), tally


def _rows_by_split(table, infos):
    """Returns the indices of the rows of each task and split, in order."""
    rows = {}
    for task, info in enumerate(infos):
        of_task = np.flatnonzero(table.positions[:, 0] == task)
        splits = table.positions[of_task, 1]
        for split in ("train", "dev", "test", "unlabeled"):
            rows[task, split] = of_task[splits == info.split_index(split)]
    return rows


def _by_block(table, marks) -> Iterator[Marks]:
    """Yields the marks of each block, without rows that have none."""
    marked = np.flatnonzero(marks)
    if not len(marked):
        return
    positions = table.positions[marked]
    # Rows are in the order of the corpus.
    is_new = (positions[1:, :4] != positions[:-1, :4]).any(axis=1)
    starts = [0, *(np.flatnonzero(is_new) + 1).tolist(), len(marked)]
    for start, end in itertools.pairwise(starts):
        key = blocks.BlockKey(*positions[start, :4].tolist())
        part = slice(start, end)
        yield key, positions[part, 4].astype(np.int32), marks[marked[part]]


def _tally_conflicts(tally, task, table, text_ids, train, test) -> None:
    """Counts texts of train with several labels, and test rows with another.

    Args:
      tally: the tally to add to.
      task: index of the task.
      table: the rows of all tasks.
      text_ids: int64 [rows].
      train: indices of the rows of train, in order.
      test: those of test.
    """
    pairs = np.unique(
        np.stack([text_ids[train], table.labels[train]], axis=1), axis=0
    )
    texts, num_labels = np.unique(pairs[:, 0], return_counts=True)
    is_conflict = np.isin(text_ids[train], texts[num_labels > 1])
    tally.add((task, "rows_in_conflict"), [], int(is_conflict.sum()))

    def another(row, rows):
        """Returns the first of rows with the text and another label."""
        same = text_ids[rows] == text_ids[row]
        return rows[same & (table.labels[rows] != table.labels[row])][0]

    conflicting = train[is_conflict]
    examples = []
    if len(conflicting):
        first = conflicting[0]
        examples = [table.example(first, another(first, conflicting))]
    count = int((num_labels > 1).sum())
    tally.add((task, "conflict_in_train"), examples, count)

    # Train has other labels than the row's own, which may be one of them.
    in_train = np.zeros(1 + int(text_ids.max(initial=0)), np.int64)
    in_train[texts] = num_labels
    width = 1 + int(table.labels.max(initial=0))
    own = np.isin(
        text_ids[test] * width + table.labels[test],
        pairs[:, 0] * width + pairs[:, 1],
    )
    rows = test[in_train[text_ids[test]] > own]
    examples = []
    if len(rows):
        examples = [table.example(rows[0], another(rows[0], train))]
    tally.add((task, "conflict_with_train"), examples, len(rows))


def _tally_other_tasks(tally, table, text_ids, rows, num_tasks) -> None:
    """Counts rows whose text is in train of another task, or unlabeled."""
    in_train = {
        task: np.unique(text_ids[rows[task, "train"]])
        for task in range(num_tasks)
    }
    unlabeled = np.unique(
        np.concatenate(
            [text_ids[rows[task, "unlabeled"]] for task in range(num_tasks)]
        )
    )
    texts = np.concatenate([*in_train.values()])
    owners = np.repeat(np.arange(num_tasks), list(map(len, in_train.values())))
    order = np.argsort(texts, kind="stable")
    texts, owners = texts[order], owners[order]
    for task in range(num_tasks):
        test = rows[task, "test"]
        starts = np.searchsorted(texts, text_ids[test], "left")
        ends = np.searchsorted(texts, text_ids[test], "right")
        is_shared = np.zeros(len(test), bool)
        by_task: dict[int, list[int]] = {}
        for index in np.flatnonzero(ends > starts).tolist():
            for owner in owners[starts[index] : ends[index]].tolist():
                if owner != task:
                    is_shared[index] = True
                    by_task.setdefault(owner, []).append(test[index])
        found: dict[tuple, np.ndarray] = {
            (task, "in_other_train"): test[is_shared]
        }
        for owner, of_owner in by_task.items():
            found[task, "in_train_of", owner] = np.array(of_owner)
        for split in tally_lib.SCORED_SPLITS:
            scored = rows[task, split]
            found[task, "unlabeled_is_scored", split] = scored[
                np.isin(text_ids[scored], unlabeled)
            ]
        for key, of_key in found.items():
            tally.add(key, table.examples(of_key), len(of_key))


def compare_seq2(tables: Iterable[RowTable], infos: _Infos) -> tally_lib.Tally:
    """Counts scored rows of pairs whose seq2 is in train of their task.

    Args:
      tables: the rows of a partition, from `seq2_table`.
      infos: the tasks.
    """
    table = RowTable.join(tables)
    seq2_ids = table.key_ids()
    rows = _rows_by_split(table, infos)
    tally = tally_lib.Tally()
    for task in range(len(infos)):
        train = seq2_ids[rows[task, "train"]]
        for split in tally_lib.SCORED_SPLITS:
            scored = rows[task, split]
            found = scored[
                np.isin(seq2_ids[scored], train) & ~table.is_left_out[scored]
            ]
            key = (task, "seq2_in_train", split)
            tally.add(key, table.examples(found), len(found))
    return tally


def id_table(block: blocks.TokenBlock) -> RowTable:
    """Makes the table of a block whose keys are those of the rows' ids."""
    return RowTable.of(block, block.id_keys())


def compare_ids(tables: Iterable[RowTable]) -> tally_lib.Tally:
    """Counts ids of a partition that several rows have."""
    table = RowTable.join(tables)
    _, first, counts = np.unique(
        table.key_ids(), return_index=True, return_counts=True
    )
    repeated = np.sort(first[counts > 1])
    tally = tally_lib.Tally()
    examples = [
        tally_lib.Example(tuple(table.positions[row].tolist()), (row_id,))
        for row in repeated[:1]
        for row_id in [table.row_ids[row]]
    ]
    tally.add(("repeated_ids",), examples, len(repeated))
    return tally
