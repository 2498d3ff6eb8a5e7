"""Files of token ids and records, written block by block.

The sizes of all blocks give each block its place in the files.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import counts as counts_lib
from data_prep.pipeline import tally as tally_lib
from mtl_tf.data import records
from mtl_tf.data import vocabulary as vocabulary_lib


class ShardKey(NamedTuple):
    """A shard of records: indices of task and split, and its own."""

    task: int
    split: int
    shard: int


def places(
    sizes: Mapping[blocks.BlockKey, counts_lib.BlockSize],
) -> dict[blocks.BlockKey, records.Place]:
    """Returns the place of each block that has rows.

    Args:
      sizes: the sizes of all blocks of the corpus.
    """
    by_split: dict[tuple[int, int], list[blocks.BlockKey]] = {}
    for key in sorted(sizes):
        if sizes[key].rows:
            by_split.setdefault(key[:2], []).append(key)
    result = {}
    for keys in by_split.values():
        num_rows = sum(sizes[key].rows for key in keys)
        num_tokens = sum(sizes[key].tokens for key in keys)
        row = token = 0
        for key in keys:
            result[key] = records.Place(row, token, num_rows, num_tokens)
            row += sizes[key].rows
            token += sizes[key].tokens
    return result


def token_ids(
    block: blocks.TokenBlock, marks: np.ndarray, word_ids: Mapping[str, int]
) -> records.TokenIds:
    """Returns the token ids of the rows of a block that are not removed.

    Args:
      block: the block.
      marks: its marks, uint8 [rows].
      word_ids: ids of the words of the vocabulary.
    """
    unknown = itertools.repeat(vocabulary_lib.UNKNOWN)
    ids = np.fromiter(map(word_ids.get, block.tokens, unknown), np.int32)
    encoded = block.encoded.select(marks & blocks.REMOVED == 0)
    return encoded.with_final_ids(ids)


def tally_unknown(
    block: blocks.TokenBlock,
    marks: np.ndarray,
    token_ids: records.TokenIds,
    infos: Sequence[blocks.TaskInfo],
) -> tally_lib.Tally:
    """Counts the unknown words of a block of dev or test.

    Args:
      block: the block.
      marks: its marks, uint8 [rows].
      token_ids: its token ids.
      infos: the tasks.
    """
    tally = tally_lib.Tally()
    task, split = block.key.task, infos[block.key.task].splits[block.key.split]
    if split not in tally_lib.SCORED_SPLITS or not len(token_ids):
        return tally
    is_unknown = token_ids.ids == vocabulary_lib.UNKNOWN
    words = np.count_nonzero(token_ids.ids != vocabulary_lib.EMPTY)
    tally.add((task, "words", split), [], int(words))
    number = int(np.count_nonzero(is_unknown))
    tally.add((task, "unknown_words", split), [], number)
    by_row = np.add.reduceat(
        is_unknown.astype(np.int64), token_ids.offsets[:-1:2]
    )
    rows = np.flatnonzero(marks & blocks.REMOVED == 0)
    for number in np.unique(by_row).tolist():
        of_number = rows[by_row == number]
        key = (task, "rows_by_unknown_words", split, number)
        tally.add(key, counts_lib.examples(block, of_number), len(of_number))
    return tally


def serialize(
    block: blocks.RowBlock,
    marks: np.ndarray,
    diversity: np.ndarray,
    first_row: int,
) -> dict[ShardKey, list[bytes]]:
    """Returns the records of a block by shard, in order.

    Args:
      block: the rows.
      marks: their marks, uint8 [rows].
      diversity: features of the rows that are not removed, float32 [any, 5].
      first_row: index of the first of these rows in the split.
    """
    parts: dict[ShardKey, list[bytes]] = {}
    task, split = block.key[:2]
    rows = zip(block.rows(marks), diversity, strict=True)
    for index, (row, features) in enumerate(rows, start=first_row):
        key = ShardKey(task, split, index // records.ROWS_PER_SHARD)
        parts.setdefault(key, []).append(records.serialize(row, features))
    return parts


def write_shard(
    data_dir: str,
    key: ShardKey,
    parts: Iterable[Sequence[bytes]],
    num_rows: int,
    infos: Sequence[blocks.TaskInfo],
) -> str:
    """Writes a shard of records; returns its path relative to `data_dir`.

    Args:
      data_dir: directory of the corpus.
      key: the shard.
      parts: its records, in the order of the blocks.
      num_rows: number of rows of the split.
      infos: the tasks.
    """
    info = infos[key.task]
    name, split = info.task.name, info.splits[key.split]
    path = records.shard_paths(name, split, num_rows)[key.shard]
    records.write_shard(data_dir, path, (x for part in parts for x in part))
    return path
