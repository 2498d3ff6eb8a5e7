"""Tallies: numbers of rows, and the first rows, of what checks look for.

Tallies of parts of a corpus are merged in any order, with the same result.
"""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from data_prep.pipeline import blocks
from mtl_tf.data import tasks as tasks_lib

EXAMPLES = 2
SCORED_SPLITS = ("dev", "test")


class Example(NamedTuple):
    """Ids of one or two rows, and the position of the first in its task."""

    position: tuple[int, ...]
    ids: tuple[str, ...]


class Tally:
    """Number and first examples of each kind of rows, by key.

    A key of rows of a task starts with its index and a name.
    """

    def __init__(self):
        self.counts: collections.Counter[tuple] = collections.Counter()
        self.first: dict[tuple, list[Example]] = {}

    def add(
        self, key: tuple, examples: Sequence[Example], count: int | None = None
    ) -> None:
        """Adds rows.

        Args:
          key: what they have in common.
          examples: at least the first of them, in any order.
          count: their number; by default that of the examples.
        """
        number = len(examples) if count is None else count
        if number:
            self.counts[key] += number
        if examples:
            known = self.first.get(key, [])
            self.first[key] = sorted([*known, *examples])[:EXAMPLES]

    def merge(self, other: "Tally") -> "Tally":
        """Adds another tally to this one, and returns this one."""
        self.counts.update(other.counts)
        for key, examples in other.first.items():
            self.add(key, examples, 0)
        return self

    def by_task(self) -> "dict[int, Tally]":
        """Returns the tally of each task that has rows, by its index."""
        tallies: collections.defaultdict[int, Tally]
        tallies = collections.defaultdict(Tally)
        for key, number in self.counts.items():
            tallies[key[0]].counts[key] = number
        for key, examples in self.first.items():
            tallies[key[0]].first[key] = examples
        return dict(tallies)


@dataclasses.dataclass(frozen=True)
class TaskTally:
    """The tally of one task.

    Attributes:
      task: the task.
      index: its index.
      splits: names of its splits, in the order of the reader.
      tally: its tally, or that of all tasks.
    """

    task: tasks_lib.Task
    index: int
    splits: tuple[str, ...]
    tally: Tally

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.name

    def count(self, *key) -> int:
        """Returns the number of rows of a key."""
        return self.tally.counts[self.index, *key]

    def values(self, *key) -> list[int]:
        """Returns the last values of the keys that start with `key`, sorted."""
        start = (self.index, *key)
        return sorted(x[-1] for x in self.tally.counts if x[:-1] == start)

    def first(self, *key) -> list[Example]:
        """Returns the first rows of a key."""
        return self.tally.first.get((self.index, *key), [])

    def ids(self, *keys: tuple) -> tuple[str, ...]:
        """Returns the ids of the first rows of several keys, key by key."""
        ids = [x for key in keys for row in self.first(*key) for x in row.ids]
        return tuple(ids[:EXAMPLES])

    def rows(self, split: str) -> int:
        """Returns the number of rows of a split."""
        return self.count("rows", split)

    def label_counts(self, split: str) -> list[int]:
        """Returns the number of rows of each label in a split."""
        labels = range(len(self.task.labels))
        return [self.count("label", split, label) for label in labels]

    def ids_of_labels(
        self, split: str, labels: Iterable[int]
    ) -> tuple[str, ...]:
        """Returns the ids of the first rows with any of several labels."""
        rows = [row for x in labels for row in self.first("label", split, x)]
        return tuple(row.ids[0] for row in sorted(rows)[:EXAMPLES])


def by_task(infos: Sequence[blocks.TaskInfo], total: Tally) -> list[TaskTally]:
    """Returns the tally of each task.

    Args:
      infos: the tasks.
      total: the tally of all of them.
    """
    # Once, since a check would otherwise look for the keys of each task in
    # those of all tasks.
    tallies = total.by_task()
    return [
        TaskTally(info.task, index, info.splits, tallies.get(index, Tally()))
        for index, info in enumerate(infos)
    ]
