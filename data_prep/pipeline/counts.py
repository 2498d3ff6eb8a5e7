"""Counts of words and rows: the global combines of the pipeline.

All of them are sums of integers, and do not depend on the order of the blocks.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import tally as tally_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib


class BlockSize(NamedTuple):
    """Size of a block without its removed rows.

    Attributes:
      rows: number of rows.
      tokens: number of tokens of both sequences.
    """

    rows: int
    tokens: int


@dataclasses.dataclass
class CorpusCounts:
    """Counts of any blocks of a corpus.

    Attributes:
      vocabulary: number of occurrences of tokens in train and unlabeled texts.
      terms: number of occurrences of words in seq2 of train, by task.
      sizes: size of each block.
      tally: rows, labels, marks and texts without blanks.
    """

    vocabulary: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    terms: dict[int, collections.Counter[str]] = dataclasses.field(
        default_factory=dict
    )
    sizes: dict[blocks.BlockKey, BlockSize] = dataclasses.field(
        default_factory=dict
    )
    tally: tally_lib.Tally = dataclasses.field(default_factory=tally_lib.Tally)

    def merge(self, other: "CorpusCounts") -> "CorpusCounts":
        """Adds the counts of other blocks to these, and returns these."""
        # Counter.update adds.
        self.vocabulary.update(other.vocabulary)
        for task, terms in other.terms.items():
            self.terms.setdefault(task, collections.Counter()).update(terms)
        self.sizes.update(other.sizes)
        self.tally.merge(other.tally)
        return self

    def make_vocabulary(self, min_count: int) -> vocabulary_lib.Vocabulary:
        """Makes the vocabulary of the words that occur `min_count` times."""
        return vocabulary_lib.vocabulary_from_counts(
            list(self.vocabulary), list(self.vocabulary.values()), min_count
        )

    def terms_by_task(
        self, infos: Sequence[blocks.TaskInfo]
    ) -> dict[str, dict[str, int]]:
        """Returns the counts of each task by term, the most frequent first."""
        return {
            info.task.name: dict(
                sorted(
                    self.terms.get(task, {}).items(),
                    key=lambda item: (-item[1], item[0]),
                )
            )
            for task, info in enumerate(infos)
        }


def seq2_words(
    encoded: tokens_lib.EncodedTexts,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the concatenated ids of seq2 of all rows, and their lengths."""
    lengths = np.diff(encoded.offsets)
    is_seq2 = np.arange(len(lengths)) % 2 == 1
    ids = encoded.ids[np.repeat(is_seq2, lengths)]
    lengths = lengths[is_seq2]
    # A text without words has the single id EMPTY.
    lengths[ids[np.cumsum(lengths) - lengths] == tokens_lib.EMPTY] = 0
    return ids[ids != tokens_lib.EMPTY], lengths


def count(
    block: blocks.TokenBlock,
    marks: np.ndarray,
    infos: Sequence[blocks.TaskInfo],
) -> CorpusCounts:
    """Counts the words and rows of a block.

    Args:
      block: the block.
      marks: its marks, uint8 [rows].
      infos: the tasks.
    """
    task, info = block.key.task, infos[block.key.task]
    split = info.splits[block.key.split]
    is_kept = marks & blocks.REMOVED == 0
    encoded = block.encoded.select(is_kept)
    rows = np.flatnonzero(is_kept)
    counts = CorpusCounts()
    counts.sizes[block.key] = BlockSize(len(rows), len(encoded.ids))
    if split in ("train", "unlabeled"):
        counts.vocabulary.update(_by_token(encoded.ids, block.tokens))
    if split == "train":
        words, _ = seq2_words(encoded)
        counts.terms[task] = collections.Counter(_by_token(words, block.tokens))
    tally = counts.tally
    tally.add((task, "rows", split), examples(block, rows), len(rows))
    unspaced = rows[block.is_unspaced[rows]]
    tally.add(
        (task, "unspaced", split), examples(block, unspaced), len(unspaced)
    )
    if split in tasks_lib.LABELED_SPLITS:
        for label in np.unique(block.labels[rows]).tolist():
            of_label = rows[block.labels[rows] == label]
            key = (task, "label", split, label)
            tally.add(key, examples(block, of_label), len(of_label))
    for name, bit in (
        ("removed", blocks.REMOVED),
        ("duplicate", blocks.DUPLICATE),
    ):
        number = int(np.count_nonzero(marks & bit))
        tally.add((task, name, split), [], number)
    return counts


def examples(
    block: blocks.TokenBlock, rows: np.ndarray
) -> list[tally_lib.Example]:
    """Returns the first rows of indices in a block as examples."""
    return [
        tally_lib.Example((*block.key[1:], row), (block.row_ids[row],))
        for row in rows[: tally_lib.EXAMPLES].tolist()
    ]


def _by_token(ids, tokens) -> Mapping[str, int]:
    """Returns the number of occurrences of each token."""
    counts = np.bincount(ids, minlength=len(tokens))
    return {tokens[x]: int(counts[x]) for x in np.flatnonzero(counts)}


def merge(parts: Iterable[CorpusCounts]) -> CorpusCounts:
    """Merges the counts of blocks."""
    merged = CorpusCounts()
    for part in parts:
        merged.merge(part)
    return merged
