"""The record schema: TFRecord shards of `tf.train.Example`, and token ids.

`data_prep` writes what this module describes, and the input pipeline reads
it. A corpus directory holds, for every task and split that has rows,

    records/TASK-SPLIT-00000-of-00002.tfrecord   one Example a row:
        id         unique in the corpus, such as `books-test-17`
        seq1       the text that seq2 is read against (topic, premise,
                   headline, the document's opening), empty where there is none
        seq2       the text itself
        label      the label's name, empty in the unlabeled split
        group      key that rows of one topic, document or body share
        duplicate  1 where the row's text also stands in its own task's train
                   file: the de-duplicated test scores leave such rows out
        diversity  float32 [5]: the features of `diversity_features`, z-scored
    token_ids/TASK-SPLIT.ids.npy        int32, all rows' ids end to end
    token_ids/TASK-SPLIT.offsets.npy    int64 [2 * rows + 1]: seq1 of row r is
        ids[offsets[2r]:offsets[2r + 1]], its seq2
        ids[offsets[2r + 1]:offsets[2r + 2]]

Rows stand in the same order in both. An empty sequence has one id, that of the
empty text.
"""

import dataclasses
import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import diversity_features

RECORDS_DIR = "records"
TOKEN_IDS_DIR = "token_ids"
ROWS_PER_SHARD = 10_000
# The number of a shard, as a pattern of file names.
_DIGITS = "[0-9]" * 5
_RECORD_FILE = re.compile(
    rf"{RECORDS_DIR}/[\w-]+-[a-z]+-{_DIGITS}-of-{_DIGITS}\.tfrecord"
    rf"|{TOKEN_IDS_DIR}/[\w-]+-[a-z]+\.(?:ids|offsets)\.npy"
)

_FEATURES = {
    "id": tf.io.FixedLenFeature([], tf.string),
    "seq1": tf.io.FixedLenFeature([], tf.string),
    "seq2": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.string),
    "group": tf.io.FixedLenFeature([], tf.string),
    "duplicate": tf.io.FixedLenFeature([], tf.int64),
    "diversity": tf.io.FixedLenFeature(
        [len(diversity_features.FEATURES)], tf.float32
    ),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a task as it was found: fields of its record, as above."""

    id: str
    seq1: str
    seq2: str
    label: str = ""
    group: str = ""
    duplicate: bool = False


def write_rows(
    data_dir: str,
    task: str,
    split: str,
    rows: Sequence[Row],
    diversity: np.ndarray,
) -> list[str]:
    """Writes the shards of a split.

    Args:
      data_dir: directory of the corpus.
      task: name of the task.
      split: name of the split.
      rows: its rows.
      diversity: float32 [rows, 5]: their diversity features.

    Returns:
      Paths below `data_dir`.
    """
    os.makedirs(os.path.join(data_dir, RECORDS_DIR), exist_ok=True)
    shards = max(1, -(-len(rows) // ROWS_PER_SHARD))
    paths = []
    for shard in range(shards):
        path = os.path.join(
            RECORDS_DIR, f"{task}-{split}-{shard:05d}-of-{shards:05d}.tfrecord"
        )
        with tf.io.TFRecordWriter(os.path.join(data_dir, path)) as writer:
            part = slice(shard * ROWS_PER_SHARD, (shard + 1) * ROWS_PER_SHARD)
            for row, features in zip(rows[part], diversity[part], strict=True):
                example = _to_example(row, features)
                # Else the order of the features is that of a hash table, which
                # each process has another one of.
                writer.write(example.SerializeToString(deterministic=True))
        paths.append(path)
    return paths


def read_rows(data_dir: str, task: str, split: str) -> Iterator[Row]:
    """The rows of a split, in order.

    Raises:
      ValueError: if there are no records of it, shards are missing, or one
        is damaged.
    """
    fields = {x.name: _FEATURES[x.name] for x in dataclasses.fields(Row)}
    for batch in _batches(data_dir, task, split, fields):
        columns = {name: tensor.numpy() for name, tensor in batch.items()}
        for index in range(len(columns["id"])):
            yield Row(
                duplicate=bool(columns["duplicate"][index]),
                **{
                    name: columns[name][index].decode("utf-8")
                    for name in fields
                    if name != "duplicate"
                },
            )


def read_columns(
    data_dir: str, task: str, split: str, names: Iterable[str]
) -> dict[str, np.ndarray]:
    """Some columns of a split as arrays [rows], without reading its texts.

    Args:
      data_dir: directory of the corpus.
      task: name of the task.
      split: name of the split.
      names: names of fields of the records.

    Returns:
      By name: object arrays of bytes, int64 for `duplicate`, float32 [rows, 5]
      for `diversity`.

    Raises:
      ValueError: if there are no records of it, shards are missing, or one
        is damaged.
    """
    features = {name: _FEATURES[name] for name in names}
    parts = {name: [] for name in features}
    for batch in _batches(data_dir, task, split, features):
        for name, tensor in batch.items():
            parts[name].append(tensor.numpy())
    return {
        name: np.concatenate(part) if part else np.array([])
        for name, part in parts.items()
    }


def is_record_file(path: str) -> bool:
    """Returns whether a path below a corpus is named like what is written here.

    Args:
      path: a path relative to the directory of the corpus.
    """
    return bool(_RECORD_FILE.fullmatch(path.replace(os.sep, "/")))


def _batches(data_dir, task, split, features) -> Iterator[dict]:
    pattern = os.path.join(data_dir, RECORDS_DIR, f"{task}-{split}-*.tfrecord")
    # Digits alone: `news-train-*` also matches the records of a task
    # `news-train-2020`.
    paths = sorted(
        glob.glob(
            os.path.join(
                glob.escape(os.path.join(data_dir, RECORDS_DIR)),
                f"{task}-{split}-{_DIGITS}-of-{_DIGITS}.tfrecord",
            )
        )
    )
    if not paths:
        raise ValueError(
            f"no records of task {task}, split {split}: {pattern}: prepare the "
            "corpus again"
        )
    expected = int(paths[0].rsplit("-", 1)[1].split(".")[0])
    if len(paths) != expected:
        raise ValueError(
            f"{pattern}: {expected} shards were written, {len(paths)} are "
            "there: prepare the corpus again"
        )
    try:
        # To trace a function for each split would take longer than to read it.
        for batch in tf.data.TFRecordDataset(paths).batch(1024):
            yield tf.io.parse_example(batch, features)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError):
        raise ValueError(
            f"a file of {pattern} is damaged, or of an earlier version: "
            "prepare the corpus again"
        ) from None


def _to_example(row: Row, diversity: np.ndarray) -> tf.train.Example:
    def text(value):
        return tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[value.encode("utf-8")])
        )

    return tf.train.Example(
        features=tf.train.Features(
            feature={
                "id": text(row.id),
                "seq1": text(row.seq1),
                "seq2": text(row.seq2),
                "label": text(row.label),
                "group": text(row.group),
                "duplicate": tf.train.Feature(
                    int64_list=tf.train.Int64List(value=[int(row.duplicate)])
                ),
                "diversity": tf.train.Feature(
                    float_list=tf.train.FloatList(value=diversity)
                ),
            }
        )
    )


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """Token ids of a split's rows, mapped from disk.

    Attributes:
      ids: int32 [tokens].
      offsets: int64 [2 * rows + 1].
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def read(cls, data_dir: str, task: str, split: str) -> "TokenIds":
        """Maps the files of a split.

        Raises:
          ValueError: if they are missing, damaged, or do not fit each other.
        """
        ids_path, offsets_path = _token_id_paths(data_dir, task, split)
        try:
            # To slice a memmap takes nine times as long as to slice an array.
            ids = np.asarray(np.load(ids_path, mmap_mode="r"))
            offsets = np.load(offsets_path)
        except FileNotFoundError as error:
            raise ValueError(
                f"{error.filename} is missing: prepare the corpus again"
            ) from None
        except (ValueError, EOFError) as error:
            raise ValueError(
                f"{ids_path} or {offsets_path} is damaged ({error}): prepare "
                "the corpus again"
            ) from None
        if len(ids) != offsets[-1]:
            raise ValueError(
                f"{ids_path} holds {len(ids)} ids, {offsets_path} says "
                f"{offsets[-1]}: prepare the corpus again"
            )
        return cls(ids, offsets)

    def write(self, data_dir: str, task: str, split: str) -> list[str]:
        """Writes both files; returns their paths below `data_dir`."""
        paths = _token_id_paths(data_dir, task, split)
        os.makedirs(os.path.dirname(paths[0]), exist_ok=True)
        np.save(paths[0], self.ids.astype(np.int32))
        np.save(paths[1], self.offsets.astype(np.int64))
        return [os.path.relpath(path, data_dir) for path in paths]

    def __len__(self) -> int:
        return (len(self.offsets) - 1) // 2

    def seq1(self, row: int) -> np.ndarray:
        """int32 [tokens of seq1 of this row]."""
        return self.ids[self.offsets[2 * row] : self.offsets[2 * row + 1]]

    def seq2(self, row: int) -> np.ndarray:
        """int32 [tokens of seq2 of this row]."""
        return self.ids[self.offsets[2 * row + 1] : self.offsets[2 * row + 2]]


def _token_id_paths(data_dir: str, task: str, split: str) -> tuple[str, str]:
    stem = os.path.join(data_dir, TOKEN_IDS_DIR, f"{task}-{split}")
    return f"{stem}.ids.npy", f"{stem}.offsets.npy"
