"""The record schema: TFRecord shards of `tf.train.Example`, and token ids.

`data_prep` writes these files and the input pipeline reads them. For each task
and split that has rows, the directory of a corpus holds

    records/TASK-SPLIT-00000-of-00002.tfrecord   one Example per row:
        id         unique in the corpus, such as `books-test-17`
        seq1       the optional first text of a pair (topic, premise, headline,
                   the opening of the document), or empty
        seq2       the text that is classified
        label      name of the label, empty in the unlabeled split
        group      key that rows of one topic, document or body share, or empty
        duplicate  1 if train or dev of the task has the same text: the
                   de-duplicated test scores leave such rows out
        diversity  float32 [5]: the features of `diversity_features`, z-scored
    token_ids/TASK-SPLIT.ids.npy        int32, token ids of all rows
    token_ids/TASK-SPLIT.offsets.npy    int64 [2 * rows + 1]: seq1 of row r is
        ids[offsets[2r]:offsets[2r + 1]], its seq2 is
        ids[offsets[2r + 1]:offsets[2r + 2]]

Both have the rows in the same order. An empty sequence is a single token id,
that of the empty text.
"""

import dataclasses
import glob
import io
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import diversity_features

RECORDS_DIR = "records"
TOKEN_IDS_DIR = "token_ids"
ROWS_PER_SHARD = 10_000
# The index of a shard in patterns of file names.
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
    """One row of a task: the fields of its record, as above."""

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
      rows: the rows of the split.
      diversity: diversity features of the rows, float32 [rows, 5].

    Returns:
      The paths of the shards, relative to `data_dir`.
    """
    paths = []
    for shard, path in enumerate(shard_paths(task, split, len(rows))):
        part = slice(shard * ROWS_PER_SHARD, (shard + 1) * ROWS_PER_SHARD)
        pairs = zip(rows[part], diversity[part], strict=True)
        write_shard(data_dir, path, itertools.starmap(serialize, pairs))
        paths.append(path)
    return paths


def shard_paths(task: str, split: str, num_rows: int) -> list[str]:
    """Returns the paths of the shards of a split, relative to `data_dir`."""
    num_shards = max(1, -(-num_rows // ROWS_PER_SHARD))
    return [
        os.path.join(
            RECORDS_DIR,
            f"{task}-{split}-{shard:05d}-of-{num_shards:05d}.tfrecord",
        )
        for shard in range(num_shards)
    ]


def write_shard(data_dir: str, path: str, records: Iterable[bytes]) -> None:
    """Writes a shard.

    Args:
      data_dir: directory of the corpus.
      path: one of `shard_paths`.
      records: its rows, from `serialize`.
    """
    os.makedirs(os.path.join(data_dir, RECORDS_DIR), exist_ok=True)
    with tf.io.TFRecordWriter(os.path.join(data_dir, path)) as writer:
        for record in records:
            writer.write(record)


def serialize(row: Row, diversity: np.ndarray) -> bytes:
    """Serializes a row as an Example.

    Args:
      row: the row.
      diversity: its diversity features, float32 [5].
    """
    # Otherwise the order of the features is that of a hash table, which differs
    # between processes.
    return _to_example(row, diversity).SerializeToString(deterministic=True)


def read_rows(data_dir: str, task: str, split: str) -> Iterator[Row]:
    """Reads the rows of a split, in order.

    Args:
      data_dir: directory of the corpus.
      task: name of the task.
      split: name of the split.

    Raises:
      ValueError: if there are no records, or shards are missing or damaged.
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
    """Reads columns of a split.

    Args:
      data_dir: directory of the corpus.
      task: name of the task.
      split: name of the split.
      names: names of the columns, which are fields of the records.

    Returns:
      Arrays by name: bytes [rows], but int64 [rows] for `duplicate` and
      float32 [rows, 5] for `diversity`.

    Raises:
      ValueError: if there are no records, or shards are missing or damaged.
    """
    features = {name: _FEATURES[name] for name in names}
    columns: dict[str, list[np.ndarray]] = {name: [] for name in features}
    for batch in _batches(data_dir, task, split, features):
        for name, tensor in batch.items():
            columns[name].append(tensor.numpy())
    return {
        name: np.concatenate(arrays) if arrays else np.array([])
        for name, arrays in columns.items()
    }


def is_record_file(path: str) -> bool:
    """Returns whether a path has the name of a file that this module writes.

    Args:
      path: a path relative to the directory of the corpus.
    """
    return bool(_RECORD_FILE.fullmatch(path.replace(os.sep, "/")))


def _batches(data_dir, task, split, features) -> Iterator[dict]:
    pattern = os.path.join(data_dir, RECORDS_DIR, f"{task}-{split}-*.tfrecord")
    # `news-train-*` would also match the records of a task `news-train-2020`.
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
            f"{pattern}: expected {expected} shards, got {len(paths)}: prepare "
            "the corpus again"
        )
    try:
        for path in paths:
            # Outside `_read_shard`: tracing a function for each set of
            # features would take longer than parsing.
            yield tf.io.parse_example(_read_shard(path), features)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError):
        raise ValueError(
            f"a file of {pattern} is damaged, or was written by an earlier "
            "version: prepare the corpus again"
        ) from None


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _read_shard(path):
    """Reads the serialized examples of a shard, string [rows].

    A dataset traces functions when it is made, and a corpus of a thousand tasks
    has thousands of shards: this one is made once.
    """
    return (
        tf.data.TFRecordDataset(path)
        .batch(ROWS_PER_SHARD)
        .reduce(
            tf.constant([], tf.string),
            lambda rows, batch: tf.concat([rows, batch], axis=0),
        )
    )


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
class Place:
    """Place of consecutive rows in the files of their split.

    Attributes:
      first_row: number of rows of the split before them.
      first_token: number of token ids before them.
      num_rows: number of rows of the split.
      num_tokens: number of token ids of the split.
    """

    first_row: int
    first_token: int
    num_rows: int
    num_tokens: int


@dataclasses.dataclass(frozen=True)
class TokenIds:
    """The token ids of a split, memory-mapped.

    Attributes:
      ids: token ids of all rows, int32 [num_tokens].
      offsets: start of each sequence in `ids`, int64 [2 * rows + 1]; see the
        module's docstring.
    """

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def read(cls, data_dir: str, task: str, split: str) -> "TokenIds":
        """Maps the files of a split into memory.

        Raises:
          ValueError: if they are missing, damaged, or inconsistent.
        """
        ids_path, offsets_path = _token_id_paths(data_dir, task, split)
        try:
            # Slicing a memmap takes nine times as long as slicing an array.
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
                f"{ids_path}: expected {offsets[-1]} ids, as in "
                f"{offsets_path}, got {len(ids)}: prepare the corpus again"
            )
        return cls(ids, offsets)

    def write(self, data_dir: str, task: str, split: str) -> list[str]:
        """Writes both files; returns their paths relative to `data_dir`."""
        paths = _token_id_paths(data_dir, task, split)
        os.makedirs(os.path.dirname(paths[0]), exist_ok=True)
        np.save(paths[0], self.ids.astype(np.int32))
        np.save(paths[1], self.offsets.astype(np.int64))
        return [os.path.relpath(path, data_dir) for path in paths]

    def write_part(
        self, data_dir: str, task: str, split: str, place: Place
    ) -> list[str]:
        """Writes these rows into the files of a split that has more of them.

        Parts may be written in any order, and by several processes. Arguments
        and result are otherwise those of `write`.
        """
        paths = _token_id_paths(data_dir, task, split)
        os.makedirs(os.path.dirname(paths[0]), exist_ok=True)
        ids = self.ids.astype(np.int32)
        offsets = self.offsets.astype(np.int64) + place.first_token
        # The first offset is the last one of the rows before.
        skipped = 1 if place.first_row else 0
        first = 2 * place.first_row + skipped
        _write_part(paths[0], ids, place.first_token, place.num_tokens)
        _write_part(paths[1], offsets[skipped:], first, 2 * place.num_rows + 1)
        return [os.path.relpath(path, data_dir) for path in paths]

    def __len__(self) -> int:
        return (len(self.offsets) - 1) // 2

    def seq1(self, row: int) -> np.ndarray:
        """Returns the token ids of seq1 of a row, int32 [seq1_len]."""
        return self.ids[self.offsets[2 * row] : self.offsets[2 * row + 1]]

    def seq2(self, row: int) -> np.ndarray:
        """Returns the token ids of seq2 of a row, int32 [seq_len]."""
        return self.ids[self.offsets[2 * row + 1] : self.offsets[2 * row + 2]]


def _write_part(path, values, start, total) -> None:
    """Writes values into an .npy file of an array, at their position."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {
            "descr": np.lib.format.dtype_to_descr(values.dtype),
            "fortran_order": False,
            "shape": (total,),
        },
    )
    # Mode w would truncate what other processes have written.
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    with open(file, "wb") as stream:
        if start == 0:
            stream.write(header.getvalue())
        else:
            stream.seek(len(header.getvalue()) + start * values.itemsize)
        stream.write(values.tobytes())


def _token_id_paths(data_dir: str, task: str, split: str) -> tuple[str, str]:
    stem = os.path.join(data_dir, TOKEN_IDS_DIR, f"{task}-{split}")
    return f"{stem}.ids.npy", f"{stem}.offsets.npy"
