"""Batches of a prepared corpus.

A batch is a dict of arrays. Its first axis counts single-task batches, so that
one step can train several tasks:

    token_ids  int32 [task_batches, batch, seq_len]
    lengths    int32 [task_batches, batch]: tokens of each text, at least 1
    task_ids   int32 [task_batches]: the task of each single-task batch
    labels     int32 [task_batches, batch]: label indices within the task

A conditional encoder reads seq1 and seq2 separately. `token_ids` and `lengths`
are then those of seq2, and the batch also holds

    seq1          int32 [task_batches, batch, seq1_len]: token ids
    seq1_lengths  int32 [task_batches, batch], at least 1

With a label transfer network that reads diversity features, the batch holds

    diversity  float32 [task_batches, batch, 5]

With unlabeled text, training batches hold `unlabeled`, a dict with the same
keys except `labels`, whose task batches are those of the unlabeled splits. With
teachers, it also holds

    pseudo_labels  float32 [task_batches, batch, most labels of a task]
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.metrics import classification

Batch = dict[str, np.ndarray]

# Most tokens, padding included, of an evaluation batch, unless a single text
# has more: bounds its memory. seq1 and seq2 that are read separately are also
# padded separately: their batch may have up to twice as many tokens.
EVALUATION_TOKENS = 32_768
# Texts of a single-task batch in evaluation.
EVALUATION_BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Split:
    """The rows of one split of a task, ready for batching.

    Attributes:
      task_id: index of the task.
      ids: row ids, bytes [rows].
      groups: bytes [rows]; rows of one topic, document or body have the same
        group. Empty for rows without one.
      labels: label indices, int32 [rows]; -1 in the unlabeled split.
      duplicate: bool [rows], whether the task's train split has the same text.
      diversity: `diversity_features` of the rows, float32 [rows, 5]. None
        unless a label transfer network reads them.
      lengths: number of tokens that the encoder reads, seq1 included,
        int32 [rows].
      token_ids: the token ids of all rows of the corpus' split.
      rows: the rows' indices in `token_ids`, int64 [rows].
      max_tokens: number of tokens that each sequence is truncated to.
      reads_seq1: bool [rows], whether seq1 is read too.
      seq1_lengths: number of tokens of seq1, int32 [rows], if seq1 and seq2
        are read separately; a missing seq1 is the single token of an empty
        text. None if seq1 is prepended to seq2, with a separator in between.
      pseudo_labels: probabilities of the task's labels by its teachers,
        float32 [rows, most labels of a task], 0 beyond the task's own. None
        without teachers.
    """

    task_id: int
    ids: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    duplicate: np.ndarray
    diversity: np.ndarray | None
    lengths: np.ndarray
    token_ids: records.TokenIds
    rows: np.ndarray
    max_tokens: int
    reads_seq1: np.ndarray
    seq1_lengths: np.ndarray | None = None
    pseudo_labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: np.ndarray) -> "Split":
        """Returns the split of the rows at `indices`, int64 [any]."""
        by_row = (
            *("ids", "groups", "labels", "duplicate", "diversity"),
            *("lengths", "rows", "reads_seq1", "seq1_lengths"),
            "pseudo_labels",
        )
        columns = {name: getattr(self, name) for name in by_row}
        return dataclasses.replace(
            self,
            **{k: x[indices] for k, x in columns.items() if x is not None},
        )

    @property
    def signature(self) -> dict[str, tf.TensorSpec]:
        """The `tf.TensorSpec`s of a batch of these rows, without labels."""
        signature = {
            "token_ids": tf.TensorSpec([None, None, None], tf.int32),
            "lengths": tf.TensorSpec([None, None], tf.int32),
            "task_ids": tf.TensorSpec([None], tf.int32),
        }
        if self.seq1_lengths is not None:
            signature["seq1"] = signature["token_ids"]
            signature["seq1_lengths"] = signature["lengths"]
        if self.diversity is not None:
            signature["diversity"] = tf.TensorSpec(
                [None, None, self.diversity.shape[1]], tf.float32
            )
        if self.pseudo_labels is not None:
            signature["pseudo_labels"] = tf.TensorSpec(
                [None, None, self.pseudo_labels.shape[1]], tf.float32
            )
        return signature

    @functools.cached_property
    def truncated(self) -> np.ndarray:
        """Number of tokens of each row beyond `max_tokens`, int64 [rows]."""
        excess = np.maximum(
            np.diff(self.token_ids.offsets) - self.max_tokens, 0
        )
        seq1, seq2 = excess.reshape(-1, 2)[self.rows].T
        return seq1 * self.reads_seq1 + seq2

    @functools.cached_property
    def unknown(self) -> np.ndarray:
        """Number of out-of-vocabulary tokens of each row, int64 [rows]."""
        ids, offsets = self.token_ids.ids, self.token_ids.offsets
        before = np.zeros(len(ids) + 1, np.int64)
        np.cumsum(ids == vocabulary_lib.UNKNOWN, out=before[1:])
        starts = offsets[:-1]
        ends = np.minimum(offsets[1:], starts + self.max_tokens)
        counts = (before[ends] - before[starts]).reshape(-1, 2)[self.rows]
        return counts[:, 0] * self.reads_seq1 + counts[:, 1]

    def pad(self, indices: np.ndarray, seq_len: int) -> np.ndarray:
        """Returns padded token ids, int32 [num_rows, seq_len].

        They are those of seq2, or of seq1, a separator and seq2.

        Args:
          indices: rows of this split, int64 [num_rows].
          seq_len: at least the length of the longest of the rows.
        """
        padded = _padding(len(indices), seq_len)
        for line, index in zip(padded, indices, strict=True):
            start = 0
            if self.reads_seq1[index] and self.seq1_lengths is None:
                seq1 = self._truncated_seq1(index)
                line[: len(seq1)] = seq1
                line[len(seq1)] = vocabulary_lib.SEPARATOR
                start = len(seq1) + 1
            seq2 = self.token_ids.seq2(self.rows[index])[: self.max_tokens]
            line[start : start + len(seq2)] = seq2
        return padded

    def pad_seq1(self, indices: np.ndarray, seq_len: int) -> np.ndarray:
        """Returns padded token ids of seq1, int32 [num_rows, seq_len].

        Args:
          indices: rows of this split, int64 [num_rows].
          seq_len: at least the length of the longest seq1 of the rows.
        """
        padded = _padding(len(indices), seq_len)
        for line, index in zip(padded, indices, strict=True):
            seq1 = self._truncated_seq1(index)
            line[: len(seq1)] = seq1
        return padded

    def _truncated_seq1(self, index):
        return self.token_ids.seq1(self.rows[index])[: self.max_tokens]


def _padding(num_rows, seq_len):
    return np.full((num_rows, seq_len), vocabulary_lib.PADDING, np.int32)


def read_split(
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
    task_id: int,
    split: str,
    config: config_lib.Config,
) -> Split:
    """Reads a split of `tasks[task_id]`.

    Args:
      corpus: the prepared corpus.
      tasks: tasks of the corpus.
      task_id: index of the task in `tasks`.
      split: name of the split.
      config: the sequences to read, their length, the number of examples.

    Returns:
      The rows of the split; of `train`, at most `config.max_train_examples`.

    Raises:
      ValueError: if records are missing, their number differs from that of the
        token ids, the task lacks one of their labels, or the task's metric
        needs a group that a row of dev or test does not have.
    """
    task = tasks[task_id]
    where = f"{corpus.data_dir}: {task.name}, {split}"
    columns = records.read_columns(
        corpus.data_dir,
        task.name,
        split,
        ("id", "group", "label", "duplicate", "diversity"),
    )
    token_ids = records.TokenIds.read(corpus.data_dir, task.name, split)
    _check_columns(where, task, split, columns, len(token_ids))
    rows = np.arange(len(token_ids))
    if split == "train":
        rows = _sample(rows, config, task.name)
    seq1_lengths, seq2_lengths, reads_seq1 = _sequence_lengths(
        token_ids, rows, config
    )
    num_separators = 0 if config.encodes_pairs else 1
    lengths = seq2_lengths + reads_seq1 * (seq1_lengths + num_separators)
    return Split(
        task_id=task_id,
        ids=columns["id"][rows],
        groups=columns["group"][rows],
        labels=_label_indices(task, split, columns["label"])[rows],
        duplicate=columns["duplicate"][rows].astype(bool),
        diversity=columns["diversity"][rows]
        if config.reads_diversity
        else None,
        lengths=lengths.astype(np.int32),
        token_ids=token_ids,
        rows=rows,
        max_tokens=config.max_tokens,
        reads_seq1=reads_seq1,
        seq1_lengths=seq1_lengths.astype(np.int32)
        if config.encodes_pairs
        else None,
    )


def _sample(rows, config, name):
    """Returns a sample of rows, in order, which contains smaller samples."""
    random = np.random.default_rng((config.seed, 0))
    size = config.max_train_examples_of(name)
    return np.sort(random.permutation(rows)[:size])


def _check_columns(where, task, split, columns, num_rows):
    """Checks the number of records and, if scored, their groups."""
    if len(columns["id"]) != num_rows:
        raise ValueError(
            f"{where}: expected as many records as rows of token ids, got "
            f"{len(columns['id'])} and {num_rows}: prepare the corpus again"
        )
    if split in ("dev", "test"):
        try:
            classification.check_topics(
                task.metric, columns["group"], columns["id"]
            )
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


def _label_indices(task, split, names):
    """Returns label indices, int32 [rows]; -1 in the unlabeled split."""
    if split == "unlabeled":
        return np.full(len(names), -1, np.int32)
    unique, inverse = np.unique(names, return_inverse=True)
    indices = [task.label_index(name.decode("utf-8")) for name in unique]
    return np.array(indices, np.int32)[inverse]


def _sequence_lengths(token_ids, rows, config):
    """Returns the lengths of seq1 and seq2, and whether seq1 is read."""
    lengths = np.minimum(np.diff(token_ids.offsets), config.max_tokens)
    seq1_lengths, seq2_lengths = lengths.reshape(-1, 2)[rows].T
    reads_seq1 = np.full(len(rows), config.encodes_pairs)
    if not config.encodes_pairs and config.sequences == "both":
        # A missing seq1 is stored as the single token of an empty text.
        first = token_ids.ids[token_ids.offsets[:-1:2][rows]]
        reads_seq1 = (seq1_lengths > 1) | (first != vocabulary_lib.EMPTY)
    return seq1_lengths, seq2_lengths, reads_seq1


def class_weights(split: Split, num_classes: int, kind: str) -> np.ndarray:
    """Computes the weight of the examples of each label.

    Args:
      split: the training split.
      num_classes: number of labels of the task.
      kind: `none` (all weights are 1) or `balanced`: rows / (labels with rows
        * rows of the label), so that the mean weight of the examples is 1.
        A label without rows has weight 1.

    Returns:
      float32 [num_classes].
    """
    weights = np.ones(num_classes, np.float32)
    if kind == "balanced":
        counts = np.bincount(split.labels, minlength=num_classes)
        has_rows = counts > 0
        weights[has_rows] = len(split) / (has_rows.sum() * counts[has_rows])
    return weights


def evaluation_batches(split: Split) -> Iterator[tuple[np.ndarray, Batch]]:
    """Yields batches that hold each row once, sorted by length.

    A batch consists of several full task batches, which are computed in
    parallel on the CPU's cores, or of one that may be smaller.

    Yields:
      The rows' indices in the split, int64 [task_batches * batch], and the
      batch.
    """
    order = np.argsort(split.lengths, kind="stable")
    start = 0
    while start < len(order):
        # Lengths rise: the last row of a batch is its longest.
        sizes = np.arange(1, len(order) - start + 1)
        num_tokens = sizes * split.lengths[order[start:]]
        fitting = int(
            np.searchsorted(num_tokens, EVALUATION_TOKENS, side="right")
        )
        fitting = max(1, fitting)
        num_task_batches = max(1, fitting // EVALUATION_BATCH_SIZE)
        size = min(fitting, num_task_batches * EVALUATION_BATCH_SIZE)
        rows = order[start : start + size]
        task_batches = rows.reshape(num_task_batches, -1)
        yield rows, make_batch([(split, x) for x in task_batches])
        start += len(rows)


def make_batch(selection: list[tuple[Split, np.ndarray]]) -> Batch:
    """Makes a batch of a single-task batch for each (split, rows).

    Texts are padded to the longest of them. Labels are left out.

    Args:
      selection: splits with the indices of their rows, int64 [batch] each.
    """
    first, _ = selection[0]
    lengths = np.stack([split.lengths[rows] for split, rows in selection])
    batch = {"task_ids": np.array([x.task_id for x, _ in selection], np.int32)}
    if first.seq1_lengths is not None:
        seq1_lengths = _stack(
            (split.seq1_lengths, rows) for split, rows in selection
        )
        seq_len = seq1_lengths.max()
        batch["seq1"] = np.stack(
            [split.pad_seq1(rows, seq_len) for split, rows in selection]
        )
        batch["seq1_lengths"] = seq1_lengths
        lengths -= seq1_lengths
    seq_len = lengths.max()
    batch["token_ids"] = np.stack(
        [split.pad(rows, seq_len) for split, rows in selection]
    )
    batch["lengths"] = lengths
    if first.diversity is not None:
        batch["diversity"] = _stack(
            (split.diversity, rows) for split, rows in selection
        )
    if first.pseudo_labels is not None:
        batch["pseudo_labels"] = _stack(
            (split.pseudo_labels, rows) for split, rows in selection
        )
    return batch


def _stack(
    selection: Iterable[tuple[np.ndarray | None, np.ndarray]],
) -> np.ndarray:
    """Returns the stacked rows of a column that all splits have or lack."""
    return np.stack([x[rows] for x, rows in selection if x is not None])
