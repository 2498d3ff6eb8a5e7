"""The batches of training: which tasks and rows each step trains on.

`input_pipeline` describes the contents of a batch.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import samplers

# Like an evaluation batch, with `labels`, and the batch `unlabeled`, if used.
TrainingBatch = dict[str, np.ndarray | input_pipeline.Batch]


class Selection(NamedTuple):
    """The texts of a step.

    Attributes:
      task_ids: int32 [task_batches], the tasks of all workers.
      train: training splits, each with the rows of a task batch of this worker,
        int64 [batch].
      unlabeled_task_ids: as `task_ids`.
      unlabeled: as `train`, of the unlabeled splits.
    """

    task_ids: np.ndarray
    train: list[tuple[input_pipeline.Split, np.ndarray]]
    unlabeled_task_ids: np.ndarray
    unlabeled: list[tuple[input_pipeline.Split, np.ndarray]]

    def make_batch(self) -> TrainingBatch:
        """Makes the batch of these texts."""
        batch: TrainingBatch = {
            **input_pipeline.make_batch(self.train),
            "task_ids": self.task_ids,
            "labels": np.stack(
                [split.labels[rows] for split, rows in self.train]
            ),
        }
        if self.unlabeled:
            batch["unlabeled"] = {
                **input_pipeline.make_batch(self.unlabeled),
                "task_ids": self.unlabeled_task_ids,
            }
        return batch


class TrainingBatches:
    """The endless stream of training batches, readable from any step.

    Args:
      train: the training split of each task, by task index.
      unlabeled: the unlabeled splits of the tasks that have one; empty if
        unlabeled text is not read.
      config: batch size, sampling, seed.
      worker: index of the worker that reads the batches.
      num_workers: number of workers; each gets an equal part of the task
        batches of a step, of labeled and of unlabeled texts.

    Raises:
      ValueError: if a split has no rows, or a step is to have more task batches
        than there are tasks.
    """

    def __init__(
        self,
        train: Sequence[input_pipeline.Split],
        unlabeled: Sequence[input_pipeline.Split],
        config: config_lib.Config,
        worker: int = 0,
        num_workers: int = 1,
    ):
        for split in (*train, *unlabeled):
            if not len(split):
                raise ValueError(
                    f"task {split.task_id} has no rows to train on"
                )
        self._train = train
        self._unlabeled = unlabeled
        self._batch_size = config.batch_size
        self._worker = worker
        self._num_workers = num_workers
        self._task_sampler = samplers.TaskSampler.create(
            [len(split) for split in train],
            config.sampling_exponent,
            _num_task_batches(config, len(train)),
            config.seed,
        )
        self._row_samplers = [
            samplers.RowSampler(
                split.lengths, config.batch_size, split.task_id, config.seed
            )
            for split in train
        ]
        # Keys beyond the tasks' ids: a stream other than the labeled rows'.
        self._unlabeled_samplers = [
            samplers.RowSampler(
                split.lengths,
                config.batch_size,
                split.task_id + len(train),
                config.seed,
            )
            for split in unlabeled
        ]
        self._num_unlabeled = min(
            len(unlabeled), config.task_batches or len(unlabeled)
        )
        self.steps_per_epoch = config.steps_per_epoch or self._epoch_length(
            config
        )

    def _epoch_length(self, config):
        """Returns the number of steps of an epoch."""
        rows = [len(split) for split in self._train]
        num_task_batches = self._task_sampler.num_task_batches
        if config.epoch_length == "all":
            return math.ceil(sum(rows) / (num_task_batches * config.batch_size))
        # A round has one batch of each task.
        rounds = math.ceil(min(rows) / config.batch_size)
        return math.ceil(rounds * len(rows) / num_task_batches)

    @property
    def num_task_batches(self) -> dict[str, int]:
        """The number of task batches of a step, of labeled and other texts."""
        return {
            "labeled": self._task_sampler.num_task_batches,
            "unlabeled": self._num_unlabeled,
        }

    @property
    def tokens_per_epoch(self) -> float:
        """The expected number of tokens of an epoch."""
        mean_lengths = [split.lengths.mean() for split in self._train]
        num_texts = (
            self._task_sampler.num_task_batches
            * self._batch_size
            * self.steps_per_epoch
        )
        return float(
            num_texts * np.dot(self._task_sampler.probabilities, mean_lengths)
        )

    @property
    def signature(self) -> dict:
        """The `tf.TensorSpec`s of a batch."""
        inputs = self._train[0].signature
        batch = {**inputs, "labels": tf.TensorSpec([None, None], tf.int32)}
        if self._unlabeled:
            batch["unlabeled"] = self._unlabeled[0].signature
        return batch

    def generate(self, first_step: int) -> Iterator[TrainingBatch]:
        """Yields the batches of `first_step` and all later steps, endlessly.

        A batch has the texts of this worker, and the task ids of all workers.

        Batches are made in the calling thread: this is faster than to fetch
        them from a `tf.data.Dataset` that prepares them in another one.
        """
        for selection in self.select(first_step):
            yield selection.make_batch()

    def select(self, first_step: int) -> Iterator[Selection]:
        """Yields the texts of `first_step` and all later steps, endlessly."""
        # The number of batches that each task has contributed so far.
        num_drawn = np.zeros(len(self._train), np.int64)
        for step in range(first_step):
            np.add.at(num_drawn, self._task_sampler.tasks(step), 1)
        for step in itertools.count(first_step):
            task_ids = self._task_sampler.tasks(step)
            mine = self._part(range(len(task_ids)))
            train = []
            for index, task_id in enumerate(task_ids):
                if index in mine:
                    rows = self._row_samplers[task_id].rows(num_drawn[task_id])
                    train.append((self._train[task_id], rows))
                num_drawn[task_id] += 1
            unlabeled_ids, unlabeled = self._select_unlabeled(step)
            yield Selection(
                task_ids.astype(np.int32), train, unlabeled_ids, unlabeled
            )

    def _select_unlabeled(self, step):
        """Selects the unlabeled texts of a step: the tasks take turns.

        Returns:
          The task ids of all workers, and the splits and rows of this one.
        """
        first = step * self._num_unlabeled
        turns = [
            divmod(turn, len(self._unlabeled))
            for turn in range(first, first + self._num_unlabeled)
        ]
        task_ids = [self._unlabeled[task].task_id for _, task in turns]
        selected = [
            (self._unlabeled[task], self._unlabeled_samplers[task].rows(index))
            for index, task in self._part(turns)
        ]
        return np.array(task_ids, np.int32), selected

    def _part(self, task_batches):
        """Returns the part of this worker of a sequence of task batches."""
        size = len(task_batches) // self._num_workers
        return task_batches[self._worker * size : (self._worker + 1) * size]


def _num_task_batches(config, num_tasks):
    """Returns the number of labeled task batches of a step."""
    if config.update == "alternating":
        return 1
    if config.task_batches > num_tasks:
        raise ValueError(
            f"task_batches={config.task_batches}: there are {num_tasks} tasks; "
            "choose at most as many, or 0 for all"
        )
    return config.task_batches or num_tasks
