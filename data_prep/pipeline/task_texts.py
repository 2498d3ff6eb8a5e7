"""Rows with integer ids for their texts, for fast comparisons of texts."""

import dataclasses
import hashlib
import itertools
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
    """A task's rows with integer ids for their texts and labels.

    Attributes:
      task: the rows.
      text_ids: int64 [rows] by split. Rows have equal ids, also over tasks, if
        they have the same tokens in seq1 and in seq2.
      seq2_ids: int64 [rows] by split. Rows of the task have equal ids if they
        have the same tokens in seq2; empty for single texts.
      labels: label indices, int64 [rows], by labeled split.
    """

    task: source.TaskRows
    text_ids: dict[str, np.ndarray]
    seq2_ids: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.task.name

    def ids(self, split: str, rows: np.ndarray) -> tuple[str, ...]:
        """Returns the ids of the first rows of a mask, bool [rows]."""
        first = np.flatnonzero(rows)[:EXAMPLES]
        return tuple(self.task.splits[split][row].id for row in first)


class _IdAssigner:
    """A function that assigns consecutive ids to keys.

    Keys are as long as texts: their hashes of 16 bytes are kept instead.
    """

    def __init__(self):
        self._ids = {}

    def __call__(self, keys: Iterable[bytes]) -> np.ndarray:
        return np.array(
            [
                self._ids.setdefault(
                    hashlib.blake2b(key, digest_size=_DIGEST_BYTES).digest(),
                    len(self._ids),
                )
                for key in keys
            ],
            np.int64,
        )


def identify_texts(
    encoded_tasks: Sequence[
        tuple[source.TaskRows, Mapping[str, tokens_lib.EncodedTexts]]
    ],
) -> list[TaskTexts]:
    """Assigns ids to the texts of all tasks.

    Args:
      encoded_tasks: the rows of each task, and their encoded texts by split.
    """
    assign_text_ids = _IdAssigner()
    texts = []
    for task, encoded in encoded_tasks:
        assign_seq2_ids = _IdAssigner()
        label_indices = {x: index for index, x in enumerate(task.task.labels)}
        texts.append(
            TaskTexts(
                task=task,
                text_ids={
                    split: assign_text_ids(x.row_keys())
                    for split, x in encoded.items()
                },
                seq2_ids={
                    split: assign_seq2_ids(x.seq2_keys())
                    for split, x in encoded.items()
                    if task.task.pair
                },
                labels={
                    split: np.array(
                        [label_indices[row.label] for row in task.splits[split]]
                    )
                    for split in tasks.LABELED_SPLITS
                },
            )
        )
    return texts


def first(examples: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Returns the first examples, as many as a finding has."""
    return tuple(itertools.chain.from_iterable(examples))[:EXAMPLES]
