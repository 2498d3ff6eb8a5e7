"""Intermediate values of the local runner, in files.

A value is written once, by one process, and read by others.
"""

import os
import pickle
import shutil
from collections.abc import Iterator
from typing import Any


class Spill:
    """Values in a folder, by kind and key.

    Args:
      folder: the folder, created if it is missing.
    """

    def __init__(self, folder: str):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def write(self, kind: str, key: tuple[int, ...], value: object) -> None:
        """Writes a value."""
        path = self._path(kind, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)

    def read(self, kind: str, key: tuple[int, ...]) -> Any:
        """Reads a value."""
        with open(self._path(kind, key), "rb") as file:
            return pickle.load(file)

    def write_part(
        self,
        kind: str,
        group: tuple[int, ...],
        key: tuple[int, ...],
        value: object,
    ) -> None:
        """Writes a value of a group, as for Beam's GroupByKey."""
        self.write(os.path.join(kind, _name(group)), key, value)

    def groups(self, kind: str) -> list[tuple[int, ...]]:
        """Returns the groups of a kind, in order."""
        return sorted(map(_key, self._names(kind)))

    def read_parts(self, kind: str, group: tuple[int, ...]) -> Iterator[Any]:
        """Yields the values of a group, in the order of their keys."""
        kind = os.path.join(kind, _name(group))
        for key in sorted(map(_key, self._names(kind))):
            yield self.read(kind, key)

    def remove(self, *kinds: str) -> None:
        """Removes all values of kinds, which are no longer needed."""
        for kind in kinds:
            shutil.rmtree(os.path.join(self.folder, kind), ignore_errors=True)

    def remove_group(self, kind: str, group: tuple[int, ...]) -> None:
        """Removes all values of a group."""
        self.remove(os.path.join(kind, _name(group)))

    def _names(self, kind):
        try:
            return os.listdir(os.path.join(self.folder, kind))
        except FileNotFoundError:
            return []

    def _path(self, kind, key):
        return os.path.join(self.folder, kind, _name(key))


def _name(key) -> str:
    return "-".join(map(str, key))


def _key(name) -> tuple[int, ...]:
    return tuple(map(int, name.split("-")))
