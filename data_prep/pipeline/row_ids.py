"""The ids of the rows of a task, which must differ."""

import os
import pickle
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_PARTITIONS = 64
_IDS_IN_MEMORY = 100_000


class _Use(NamedTuple):
    """Use of an id: its number in order, the id, its row, the file's value."""

    number: int
    row_id: str
    where: str
    value: object


class RowIds:
    """Ids with the places of their rows, most of them in files.

    Args:
      folder: a folder for the files.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._number = 0
        self._uses: list[list[_Use]] = [[] for _ in range(_PARTITIONS)]

    def add(self, row_id: str, where: str, value: object) -> None:
        """Adds an id.

        Args:
          row_id: the id.
          where: file and line of its row.
          value: the id as it is in the file.
        """
        use = _Use(self._number, row_id, where, value)
        partition = zlib.crc32(row_id.encode("utf-8")) % _PARTITIONS
        self._uses[partition].append(use)
        self._number += 1
        if self._number % _IDS_IN_MEMORY == 0:
            self._write()

    def check(self) -> None:
        """Checks that rows at different places have different ids.

        Raises:
          ValueError: if they have not; it names the first row that repeats one.
        """
        repeated = [
            (use, first)
            for partition in range(_PARTITIONS)
            for use, first in self._repeated(partition)
        ]
        if repeated:
            use, first = min(repeated, key=lambda pair: pair[0].number)
            raise ValueError(
                f"{use.where}: id {use.value!r} repeats {first}: ids must "
                "differ over all files of a task; without `id` in `columns`, "
                "ids are made of line numbers"
            )

    def _repeated(self, partition) -> Iterator[tuple[_Use, str]]:
        """Yields the first repeated use of a partition, and the first place."""
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
