"""Rows of a split in files, written by a reader that streams."""

import functools
import os
import pickle
from collections.abc import Iterator

from data_prep.pipeline import blocks
from mtl_tf.data import records


class RowFiles:
    """Rows that are appended one by one, and written block by block.

    Args:
      folder: a folder for the files, created if it is missing.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._rows: list[records.Row] = []
        self._characters = 0
        self._num_files = 0
        self._num_rows = 0

    def __len__(self) -> int:
        return self._num_rows

    def append(self, row: records.Row) -> None:
        """Adds a row."""
        self._rows.append(row)
        self._num_rows += 1
        self._characters += len(row.seq1) + len(row.seq2)
        if blocks.is_full(len(self._rows), self._characters):
            self._write()

    def shards(self) -> list[blocks.Shard]:
        """Returns the rows as shards, a file each, after all are added."""
        if self._rows:
            self._write()
        return [
            functools.partial(_read, self._path(index))
            for index in range(self._num_files)
        ]

    def __iter__(self) -> Iterator[records.Row]:
        for read in self.shards():
            yield from read()

    def _write(self):
        os.makedirs(self._folder, exist_ok=True)
        with open(self._path(self._num_files), "wb") as file:
            pickle.dump(self._rows, file, pickle.HIGHEST_PROTOCOL)
        self._rows, self._characters = [], 0
        self._num_files += 1

    def _path(self, index):
        return os.path.join(self._folder, f"{index}.rows")


def _read(path) -> list[records.Row]:
    with open(path, "rb") as file:
        return pickle.load(file)
