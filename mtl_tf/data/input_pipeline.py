"""From a prepared corpus to grouped batches.

A batch is a dict of tensors:

    tokens   int32 [task_batches, batch, seq_len]
    lengths  int32 [task_batches, batch], at least 1
    task     int32 [task_batches]: number of the task that the group's texts
    are of
    labels   int32 [task_batches, batch]

where the encoder reads both sequences apart, `tokens` and `lengths` are those
of seq2, and beside them stand

    seq1          int32 [task_batches, batch, time of seq1]
    seq1_lengths  int32 [task_batches, batch], at least 1

where a label transfer network reads them,

    diversity     float32 [task_batches, batch, 5]: the diversity features

and, where unlabeled text is read, `unlabeled`: a dict of the same without
labels for other groups.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import samplers
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.metrics import classification

Batch = dict[str, np.ndarray]

# Tokens, padding included, of an evaluation batch, unless one text alone has
# more: bounds its memory. Sequences that are read apart are padded each by
# itself: their batch may have up to twice as many.
EVALUATION_TOKENS = 32_768
# Texts of a group.
EVALUATION_GROUP = 32


@dataclasses.dataclass(frozen=True)
class Split:
    """The rows of one split of a task, ready to be put into batches.

    Attributes:
      task: number of the task.
      ids: bytes objects [rows].
      groups: bytes objects [rows]: the key that rows of one topic, document or
        body share; empty where there is none.
      labels: int32 [rows]; -1 in the unlabeled split.
      duplicate: bool [rows]: the text also stands in the task's train file.
      diversity: float32 [rows, 5]: the features of `diversity_features`; None
        where no label transfer network reads them.
      lengths: int32 [rows]: tokens that an encoder reads, of both sequences.
      tokens: the rows' token ids.
      rows: int64 [rows]: their places in `tokens`.
      max_tokens: tokens of each sequence that are read.
      reads_seq1: bool [rows]: whether seq1 is read too.
      seq1_lengths: int32 [rows]: tokens of seq1 where both sequences are read
        apart, an absent one being the one token of an empty text. None where
        seq1, if there is one, stands before seq2, with a separator between.
    """

    task: int
    ids: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    duplicate: np.ndarray
    diversity: np.ndarray | None
    lengths: np.ndarray
    tokens: records.TokenIds
    rows: np.ndarray
    max_tokens: int
    reads_seq1: np.ndarray
    seq1_lengths: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: np.ndarray) -> "Split":
        """Some of the rows, by their places in this split."""
        by_row = ("ids", "groups", "labels", "duplicate", "diversity")
        by_row += ("lengths", "rows", "reads_seq1", "seq1_lengths")
        columns = {name: getattr(self, name) for name in by_row}
        return dataclasses.replace(
            self,
            **{k: x[rows] for k, x in columns.items() if x is not None},
        )

    @property
    def signature(self) -> dict[str, tf.TensorSpec]:
        """Of a batch of its rows, without the labels."""
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
        return signature

    @functools.cached_property
    def cut(self) -> np.ndarray:
        """int64 [rows]: tokens beyond `max_tokens` of the sequences read."""
        over = np.maximum(np.diff(self.tokens.offsets) - self.max_tokens, 0)
        seq1, seq2 = over.reshape(-1, 2)[self.rows].T
        return seq1 * self.reads_seq1 + seq2

    @functools.cached_property
    def unknown(self) -> np.ndarray:
        """int64 [rows]: tokens read that are no words of the vocabulary."""
        before = np.zeros(len(self.tokens.ids) + 1, np.int64)
        np.cumsum(self.tokens.ids == vocabulary_lib.UNKNOWN, out=before[1:])
        begins, ends = self.tokens.offsets[:-1], self.tokens.offsets[1:]
        ends = np.minimum(ends, begins + self.max_tokens)
        counts = (before[ends] - before[begins]).reshape(-1, 2)[self.rows]
        return counts[:, 0] * self.reads_seq1 + counts[:, 1]

    def pad(self, rows: np.ndarray, time: int) -> np.ndarray:
        """int32 [rows, seq_len]: token ids, filled up with padding.

        Args:
          rows: int64 [rows], places in this split.
          time: tokens of a line, at least as many as any of the rows has.
        """
        tokens = np.full((len(rows), time), vocabulary_lib.PADDING, np.int32)
        for line, row in zip(tokens, rows, strict=True):
            seq2 = self.tokens.seq2(self.rows[row])[: self.max_tokens]
            end = 0
            if self.reads_seq1[row] and self.seq1_lengths is None:
                seq1 = self.tokens.seq1(self.rows[row])[: self.max_tokens]
                line[: len(seq1)] = seq1
                line[len(seq1)] = vocabulary_lib.SEPARATOR
                end = len(seq1) + 1
            line[end : end + len(seq2)] = seq2
        return tokens

    def pad_seq1(self, rows: np.ndarray, time: int) -> np.ndarray:
        """The same for seq1 by itself, where both are read apart."""
        tokens = np.full((len(rows), time), vocabulary_lib.PADDING, np.int32)
        for line, row in zip(tokens, rows, strict=True):
            seq1 = self.tokens.seq1(self.rows[row])[: self.max_tokens]
            line[: len(seq1)] = seq1
        return tokens


def read_split(
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
    number: int,
    split: str,
    config: config_lib.Config,
) -> Split:
    """Reads a split of `tasks[number]`.

    Raises:
      ValueError: if the records are missing, are not as many as the token ids,
        or hold a label that the task does not have, or a row of dev or test
        has no group where the task's metric needs one.
    """
    task = tasks[number]
    columns = records.read_columns(
        corpus.data_dir,
        task.name,
        split,
        ("id", "group", "label", "duplicate", "diversity"),
    )
    tokens = records.TokenIds.read(corpus.data_dir, task.name, split)
    if len(columns["id"]) != len(tokens):
        raise ValueError(
            f"{corpus.data_dir}: {task.name}, {split}: "
            f"{len(columns['id'])} records, token ids of {len(tokens)} rows: "
            "prepare the corpus again"
        )
    if split in ("dev", "test"):
        try:
            classification.check_topics(
                task.metric, columns["group"], columns["id"]
            )
        except ValueError as error:
            raise ValueError(
                f"{corpus.data_dir}: {task.name}, {split}: {error}"
            ) from None
    labels = np.full(len(tokens), -1, np.int32)
    if split != "unlabeled":
        names, inverse = np.unique(columns["label"], return_inverse=True)
        indices = [task.label_index(name.decode("utf-8")) for name in names]
        labels = np.array(indices, np.int32)[inverse]
    rows = np.arange(len(tokens))
    if config.max_examples and len(rows) > config.max_examples:
        random = np.random.default_rng((config.seed, 0))
        rows = np.sort(random.permutation(len(rows))[: config.max_examples])
    lengths = np.minimum(np.diff(tokens.offsets), config.max_tokens)
    seq1, seq2 = lengths.reshape(-1, 2)[rows].T
    reads_seq1 = np.zeros(len(rows), bool)
    if config.sequences_apart:
        reads_seq1[:] = True
    elif config.sequences == "both":
        # An absent seq1 is stored as the one token of an empty text.
        first = tokens.ids[tokens.offsets[:-1:2][rows]]
        reads_seq1 = (seq1 > 1) | (first != vocabulary_lib.EMPTY)
    separators = 0 if config.sequences_apart else 1
    total = seq2 + reads_seq1 * (seq1 + separators)
    return Split(
        number,
        columns["id"][rows],
        columns["group"][rows],
        labels[rows],
        columns["duplicate"][rows].astype(bool),
        columns["diversity"][rows] if config.reads_diversity else None,
        total.astype(np.int32),
        tokens,
        rows,
        config.max_tokens,
        reads_seq1,
        seq1.astype(np.int32) if config.sequences_apart else None,
    )


def class_weights(split: Split, labels: int, kind: str) -> np.ndarray:
    """float32 [labels]: weight of the examples of each label.

    `balanced` is rows / (labels * rows of the label), so that the mean weight
    of the split's examples is 1; a label without examples weighs 1, and every
    label does where `kind` is `none`.
    """
    weights = np.ones(labels, np.float32)
    if kind == "balanced":
        counts = np.bincount(split.labels, minlength=labels)
        there = counts > 0
        weights[there] = len(split) / (there.sum() * counts[there])
    return weights


class TrainingBatches:
    """The batches of training, from any step on.

    Args:
      train: the training split of each task, by task number.
      unlabeled: the unlabeled splits of those tasks that have one; empty
        where unlabeled text is not read.
      config: batch size, sampling, seed.

    Raises:
      ValueError: if a training split has no rows.
    """

    def __init__(
        self,
        train: Sequence[Split],
        unlabeled: Sequence[Split],
        config: config_lib.Config,
    ):
        for split in (*train, *unlabeled):
            if not len(split):
                raise ValueError(f"task {split.task} has no rows to train on")
        self._train = train
        self._unlabeled = unlabeled
        self._batch_size = config.batch_size
        self._sampler = samplers.TaskSampler.create(
            [len(split) for split in train],
            config.sampling_exponent,
            config.update == "joint",
            config.seed,
        )
        self._samplers = [
            samplers.RowSampler(
                s.lengths, config.batch_size, s.task, config.seed
            )
            for s in train
        ]
        self._unlabeled_samplers = [
            # Another stream than that of the task's labeled rows.
            samplers.RowSampler(
                s.lengths,
                config.batch_size,
                s.task + len(train),
                config.seed,
            )
            for s in unlabeled
        ]
        self.steps_per_epoch = config.steps_per_epoch or self._epoch_length(
            config
        )

    def _epoch_length(self, config):
        """Steps of an epoch."""
        rows = [len(split) for split in self._train]
        groups = self._sampler.groups
        if config.epoch_length == "all":
            return math.ceil(sum(rows) / (groups * config.batch_size))
        # In as many groups as tasks, each of them has a batch.
        rounds = math.ceil(min(rows) / config.batch_size)
        return rounds * len(rows) // groups

    @property
    def tokens_per_epoch(self) -> float:
        """Tokens of an epoch, on average."""
        of_task = [split.lengths.mean() for split in self._train]
        texts = self._sampler.groups * self._batch_size * self.steps_per_epoch
        return float(texts * np.dot(self._sampler.probabilities, of_task))

    @property
    def signature(self) -> dict:
        """`tf.TensorSpec`s of a batch."""
        group = self._train[0].signature
        batch = {**group, "labels": tf.TensorSpec([None, None], tf.int32)}
        if self._unlabeled:
            batch["unlabeled"] = group
        return batch

    def generate(self, first_step: int) -> Iterator[Batch]:
        """Endless batches, beginning with that of `first_step`.

        They are made where they are asked for: that takes less time than to
        hand over what a `tf.data.Dataset` has ready.
        """
        # How many batches each task gave before: its place in its stream.
        drawn = np.zeros(len(self._train), np.int64)
        for step in range(first_step):
            np.add.at(drawn, self._sampler.tasks(step), 1)
        step = first_step
        while True:
            chosen = []
            for task in self._sampler.tasks(step):
                rows = self._samplers[task].rows(drawn[task])
                chosen.append((self._train[task], rows))
                drawn[task] += 1
            batch = _group(chosen)
            batch["labels"] = np.stack([s.labels[rows] for s, rows in chosen])
            if self._unlabeled:
                batch["unlabeled"] = _group(
                    [
                        (split, sampler.rows(step))
                        for split, sampler in zip(
                            self._unlabeled,
                            self._unlabeled_samplers,
                            strict=True,
                        )
                    ]
                )
            yield batch
            step += 1


def evaluation_batches(split: Split) -> Iterator[tuple[np.ndarray, Batch]]:
    """Batches of texts of like length, over all rows once.

    A batch has several full groups, since groups run beside each other on the
    cores, or one that need not be full.

    Yields:
      The rows' places in the split, int64 [task_batches * batch], and the
      batch.
    """
    order = np.argsort(split.lengths, kind="stable")
    begin = 0
    while begin < len(order):
        # Lengths rise: the last row of the batch is its longest.
        sizes = np.arange(1, len(order) - begin + 1)
        tokens = sizes * split.lengths[order[begin:]]
        fits = max(1, np.searchsorted(tokens, EVALUATION_TOKENS, side="right"))
        groups = max(1, fits // EVALUATION_GROUP)
        rows = order[begin : begin + min(fits, groups * EVALUATION_GROUP)]
        yield (
            rows,
            _group([(split, group) for group in rows.reshape(groups, -1)]),
        )
        begin += len(rows)


def _group(chosen: list[tuple[Split, np.ndarray]]) -> Batch:
    """Groups of (split, rows), padded to the longest text of them all."""
    lengths = np.stack([split.lengths[rows] for split, rows in chosen])
    batch = {
        "task_ids": np.array([split.task for split, _ in chosen], np.int32)
    }
    if chosen[0][0].seq1_lengths is not None:
        seq1 = np.stack([split.seq1_lengths[rows] for split, rows in chosen])
        time = seq1.max()
        batch["seq1"] = np.stack([s.pad_seq1(rows, time) for s, rows in chosen])
        batch["seq1_lengths"] = seq1
        lengths -= seq1
    time = lengths.max()
    batch["token_ids"] = np.stack([s.pad(rows, time) for s, rows in chosen])
    batch["lengths"] = lengths
    if chosen[0][0].diversity is not None:
        batch["diversity"] = np.stack([s.diversity[rows] for s, rows in chosen])
    return batch
