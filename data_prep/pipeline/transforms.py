"""Transforms of the pipeline, for every runner.

A runner (`local_runner`, `beam_runner`) reads the shards of all tasks and
applies, with the names of Apache Beam,

    read_blocks, Tokenizer       to each shard: blocks of tokens
    duplicates.text_table        group by key: partitions of equal texts
    duplicates.compare_texts     to each partition: marks by block, findings
    duplicates.compare_ids, compare_seq2    likewise
    counts.count                 to each block; combine
    Tables.of                    of the combined counts: vocabulary and terms
    Tables.measure               to each block: diversity features
    diversity_features.summarize    in the order of the blocks
    Tables.write                 to each block: token ids; records by shard
    outputs.write_shard          group by key: shards of records

Results do not depend on how shards, blocks and partitions are distributed.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import checks
from data_prep.pipeline import counts as counts_lib
from data_prep.pipeline import diversity_features
from data_prep.pipeline import outputs
from data_prep.pipeline import source
from data_prep.pipeline import tally as tally_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import records
from mtl_tf.data import vocabulary as vocabulary_lib

Infos = Sequence[blocks.TaskInfo]
# Blocks are tokenized together up to these sizes, with several threads.
_ROWS_AT_ONCE = 1 << 15
_CHARACTERS_AT_ONCE = 1 << 25


@dataclasses.dataclass(frozen=True)
class ShardOfSplit:
    """A shard, with the indices of its task and split, and its own."""

    task: int
    split: int
    index: int
    read: blocks.Shard


def shards_of(tasks_shards: Sequence[blocks.TaskShards]) -> list[ShardOfSplit]:
    """Returns the shards of all tasks, in order."""
    return [
        ShardOfSplit(task, split, index, read)
        for task, of_task in enumerate(tasks_shards)
        for split, reads in enumerate(of_task.splits.values())
        for index, read in enumerate(reads)
    ]


def read_blocks(shard: ShardOfSplit, infos: Infos) -> Iterator[blocks.RowBlock]:
    """Reads the blocks of a shard, and checks its rows.

    Args:
      shard: the shard.
      infos: the tasks.

    Raises:
      ValueError: if a row does not match the declaration of its task.
    """
    info = infos[shard.task]
    split = info.splits[shard.split]

    def checked():
        for row in shard.read():
            source.check_row(info.task, split, row)
            yield row

    return blocks.cut(shard.task, shard.split, shard.index, checked())


class BlockTokenizer:
    """A tokenizer of blocks.

    Args:
      infos: the tasks.
      threads: number of threads; see `tokens.Tokenizer`.
    """

    def __init__(self, infos: Infos, threads: int | None = None):
        self._infos = infos
        self._tokenizer = tokens_lib.Tokenizer(threads)
        # One thread gains nothing by more.
        self._rows_at_once = 1 if threads == 1 else _ROWS_AT_ONCE

    def __call__(
        self, row_blocks: Iterable[blocks.RowBlock]
    ) -> Iterator[tuple[blocks.RowBlock, blocks.TokenBlock]]:
        """Tokenizes blocks, several at once."""
        bundle: list[blocks.RowBlock] = []
        rows, size = 0, 0
        texts: set[str] = set()
        for block in row_blocks:
            bundle.append(block)
            rows += len(block)
            # Texts that pairs share are tokenized once.
            new = set(block.texts) - texts
            texts |= new
            size += sum(map(len, new))
            if rows >= self._rows_at_once or size >= _CHARACTERS_AT_ONCE:
                yield from self._tokenize(bundle)
                bundle, rows, texts, size = [], 0, set(), 0
        yield from self._tokenize(bundle)

    def _tokenize(self, bundle):
        self._tokenizer.forget()
        encoded = self._tokenizer.encode(block.texts for block in bundle)
        for block, of_block in zip(bundle, encoded, strict=True):
            yield block, self._to_tokens(block, of_block)

    def _to_tokens(self, block, encoded) -> blocks.TokenBlock:
        """Makes a block whose token ids are its own."""
        task = self._infos[block.key.task].task
        index = {label: i for i, label in enumerate(task.labels)}
        known = self._tokenizer.tokens
        is_used = np.zeros(len(known), bool)
        is_used[encoded.ids] = is_used[tokens_lib.EMPTY] = True
        used = np.flatnonzero(is_used)
        new_ids = (np.cumsum(is_used) - 1).astype(np.int32)
        return blocks.TokenBlock(
            block.key,
            [known[x] for x in used.tolist()],
            encoded.renumber(new_ids),
            block.ids,
            np.array([index.get(x, -1) for x in block.labels], np.int32),
            np.array([bool(x) for x in block.groups]),
            np.array([checks.is_unspaced(x) for x in block.seq2]),
        )


def combine_marks(
    block: blocks.TokenBlock,
    parts: Iterable[tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """Returns the marks of all rows of a block, uint8 [rows].

    Args:
      block: the block.
      parts: indices of rows and their marks, from each partition.
    """
    marks = np.zeros(len(block), np.uint8)
    for rows, of_rows in parts:
        marks[rows] = of_rows
    return marks


@dataclasses.dataclass(frozen=True)
class Tables:
    """Tables of the whole corpus, which each block needs to be written.

    Attributes:
      infos: the tasks.
      vocabulary: the vocabulary of all tasks.
      terms: term distribution of each task.
      places: place of each block in the files.
    """

    infos: Infos
    vocabulary: vocabulary_lib.Vocabulary
    terms: Sequence[diversity_features.Terms]
    places: Mapping[blocks.BlockKey, records.Place]

    @classmethod
    def of(
        cls, counts: counts_lib.CorpusCounts, infos: Infos, min_count: int
    ) -> "Tables":
        """Makes the tables from the counts of all blocks.

        Args:
          counts: the counts.
          infos: the tasks.
          min_count: minimum frequency of the words of the vocabulary.

        Raises:
          ValueError: if a task has no training rows left.
        """
        for task, info in enumerate(infos):
            if not counts.tally.counts[task, "rows", "train"]:
                raise ValueError(
                    f"task {info.task.name}: all training texts are also in dev"
                )
        return cls(
            infos,
            counts.make_vocabulary(min_count),
            [
                diversity_features.Terms.of(counts.terms.get(task, {}))
                for task in range(len(infos))
            ],
            outputs.places(counts.sizes),
        )

    @functools.cached_property
    def word_ids(self) -> dict[str, int]:
        """The ids of the words of the vocabulary."""
        return {word: x for x, word in enumerate(self.vocabulary.tokens)}

    def measure(
        self, block: blocks.TokenBlock, marks: np.ndarray
    ) -> np.ndarray:
        """Computes the features of a block's rows, float64 [rows, 5].

        Args:
          block: the block.
          marks: its marks, uint8 [rows]; removed rows have no features.
        """
        if block.key not in self.places:
            return np.zeros([0, 5])
        return diversity_features.measure(
            block.encoded.select(marks & blocks.REMOVED == 0),
            block.tokens,
            self.terms[block.key.task],
        )

    def write_token_ids(
        self, block: blocks.TokenBlock, marks: np.ndarray, data_dir: str
    ) -> tally_lib.Tally:
        """Writes the token ids of a block; returns its unknown words.

        Args:
          block: the block.
          marks: its marks, uint8 [rows].
          data_dir: directory of the corpus.
        """
        if block.key not in self.places:
            return tally_lib.Tally()
        place, info = self.places[block.key], self.infos[block.key.task]
        token_ids = outputs.token_ids(block, marks, self.word_ids)
        token_ids.write_part(
            data_dir, info.task.name, info.splits[block.key.split], place
        )
        return outputs.tally_unknown(block, marks, token_ids, self.infos)

    def serialize(
        self, block: blocks.RowBlock, marks: np.ndarray, diversity: np.ndarray
    ) -> dict[outputs.ShardKey, list[bytes]]:
        """Returns the records of a block by shard.

        Args:
          block: the rows.
          marks: their marks, uint8 [rows].
          diversity: features of the rows that are not removed.
        """
        if block.key not in self.places:
            return {}
        first = self.places[block.key].first_row
        return outputs.serialize(block, marks, diversity, first)

    @functools.cached_property
    def num_rows(self) -> dict[tuple[int, int], int]:
        """The number of rows by indices of task and split."""
        return {key[:2]: place.num_rows for key, place in self.places.items()}


@dataclasses.dataclass(frozen=True)
class Summary:
    """Result of a runner, for `corpus.json` and the files of all tasks.

    Attributes:
      counts: counts of the corpus; its tally also has what was compared.
      vocabulary: the vocabulary.
      statistics: mean and deviation of the diversity features.
    """

    counts: counts_lib.CorpusCounts
    vocabulary: vocabulary_lib.Vocabulary
    statistics: diversity_features.Statistics
