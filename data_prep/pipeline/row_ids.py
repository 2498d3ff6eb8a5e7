"""The ids of the rows of a task, which must differ."""

import os
import pickle
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from data_prep.pipeline import partitions

_PARTITIONS = 64
# Each has another part of an id's hash of 32 bits.
_LEVELS = 5
_IDS_IN_MEMORY = 100_000


class _Use(NamedTuple):
    """Use of an id: its number in order, the id, its row, the file's value."""

    number: int
    row_id: str
    where: str
    value: object


class RowIds:
    """Ids with the places of their rows, most of them in files.

    They are divided into partitions by their hash, and a partition that is
    still too large for memory is divided again when it is checked.

    Args:
      folder: a folder for the files.
      level: how often these ids have been divided before.
    """

    def __init__(self, folder: str, level: int = 0):
        self._folder = folder
        self._level = level
        self._number = 0
        self._sizes = [0] * _PARTITIONS
        self._uses: list[list[_Use]] = [[] for _ in range(_PARTITIONS)]

    def add(self, row_id: str, where: str, value: object) -> None:
        """Adds an id.

        Args:
          row_id: the id.
          where: file and line of its row.
          value: the id as it is in the file.
        """
        self._add(_Use(self._number, row_id, where, value))

    def _add(self, use):
        hashed = zlib.crc32(use.row_id.encode("utf-8"))
        partition = hashed // _PARTITIONS**self._level % _PARTITIONS
        self._uses[partition].append(use)
        self._sizes[partition] += 1
        self._number += 1
        if self._number % _IDS_IN_MEMORY == 0:
            self._write()

    def check(self) -> None:
        """Checks that rows at different places have different ids.

        Raises:
          ValueError: if they have not; it names the first row that repeats one.
        """
        repeated = min(self._repeated(), default=None, key=_number)
        if repeated:
            use, first = repeated
            raise ValueError(
                f"{use.where}: id {use.value!r} repeats {first}: ids must "
                "differ over all files of a task; without `id` in `columns`, "
                "ids are made of line numbers"
            )

    def _repeated(self) -> Iterator[tuple[_Use, str]]:
        """Yields the first repeated use of each partition, and its place."""
        for partition, size in enumerate(self._sizes):
            if partitions.count(size) > 1 and self._level + 1 < _LEVELS:
                yield from self._divide(partition)._repeated()
            else:
                yield from self._repeated_in(partition)

    def _divide(self, partition) -> "RowIds":
        """Divides the ids of a partition again."""
        folder = os.path.join(self._folder, f"of_{partition}")
        divided = RowIds(folder, self._level + 1)
        for use in self._read(partition):
            divided._add(use)
        return divided

    def _repeated_in(self, partition) -> Iterator[tuple[_Use, str]]:
        where_by_id: dict[str, str] = {}
        for use in self._read(partition):
            first = where_by_id.setdefault(use.row_id, use.where)
            if first != use.where:
                yield use, first
                return

    def _read(self, partition) -> Iterator[_Use]:
        path = self._path(partition)
        if os.path.exists(path):
            with open(path, "rb") as file:
                while file.peek(1):
                    yield from pickle.load(file)
        yield from self._uses[partition]

    def _write(self):
        os.makedirs(self._folder, exist_ok=True)
        for partition, uses in enumerate(self._uses):
            with open(self._path(partition), "ab") as file:
                pickle.dump(uses, file, pickle.HIGHEST_PROTOCOL)
            uses.clear()

    def _path(self, partition):
        return os.path.join(self._folder, f"{partition}.ids")


def _number(pair) -> int:
    """Returns the number of a repeated use."""
    return pair[0].number
