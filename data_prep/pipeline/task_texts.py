"""Rows with numbers for their texts, so that texts can be compared fast."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from data_prep.pipeline import source
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import tasks

EXAMPLES = 2
SCORED_SPLITS = ("dev", "test")
_DIGEST_BYTES = 16


@dataclasses.dataclass(frozen=True)
class TaskTexts:
    """A task's rows with numbers for their texts and labels.

    Attributes:
      task: the rows.
      pairs: int64 [rows] by split: rows of all tasks have the same number if
        they have the same tokens in seq1 and in seq2.
      seq2: the same for seq2 alone, within the task; empty for single texts.
      labels: int64 [rows] by labeled split: indices of labels.
    """

    task: source.TaskRows
    pairs: dict[str, np.ndarray]
    seq2: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task.task.name

    def ids(self, split: str, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the ids of the first rows of a mask, as examples."""
        first = np.flatnonzero(rows)[:EXAMPLES]
        return tuple(self.task.splits[split][row].id for row in first)


class _Numbers:
    """Gives each key that it meets the next number.

    A hash of 16 bytes takes the place of a key: keys are as long as texts.
    """

    def __init__(self):
        self._numbers = {}

    def __call__(self, keys: Iterable[bytes]) -> np.ndarray:
        return np.array(
            [
                self._numbers.setdefault(
                    hashlib.blake2b(key, digest_size=_DIGEST_BYTES).digest(),
                    len(self._numbers),
                )
                for key in keys
            ],
            np.int64,
        )


def number_texts(
    parts: Sequence[
        tuple[source.TaskRows, Mapping[str, tokens_lib.EncodedTexts]]
    ],
) -> list[TaskTexts]:
    """Returns numbers for the texts of each task.

    Args:
      parts: rows of each task, and their tokens by split.
    """
    numbers = _Numbers()
    found = []
    for task, encoded in parts:
        in_task = _Numbers()
        places = {label: i for i, label in enumerate(task.task.labels)}
        found.append(
            TaskTexts(
                task,
                {split: numbers(x.row_keys()) for split, x in encoded.items()},
                {
                    split: in_task(x.seq2_keys())
                    for split, x in encoded.items()
                    if task.task.pair
                },
                {
                    split: np.array(
                        [places[row.label] for row in task.splits[split]]
                    )
                    for split in tasks.LABELED_SPLITS
                },
            )
        )
    return found


def first(examples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Returns the first of some examples, as many as a finding has."""
    return tuple(x for part in examples for x in part)[:EXAMPLES]
