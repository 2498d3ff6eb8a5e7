"""Training batches from a tf.data service.

This process draws the rows of each step, as without the service. The service's
workers look up and pad their texts: they get the texts as a part of a
`tf.data.Dataset`, since a Python function cannot run there. Each worker makes
other steps; they arrive with their index, and are put in order here.
"""

import contextlib
import functools
import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.data import input_pipeline
from mtl_tf.data import training_batches
from mtl_tf.data import vocabulary as vocabulary_lib

# Steps of the first dataset, which is sent to the service with all texts. The
# service keeps each: later ones have twice as many steps, up to a limit.
_CHUNK = 1024
_MAX_CHUNK = 1 << 15
# The rows of the steps of a dataset.
_MAX_ROW_BYTES = 1 << 26
# Batches that are fetched before they are needed.
_QUEUED = 8
# Batches that wait for an earlier one. A worker that ends loses those that it
# has not sent yet.
_MAX_WAITING = 64
# A worker reads its dataset first.
_TIMEOUT_SECONDS = 120
# A graph of TensorFlow has at most 2 GiB.
_MAX_BYTES = 3 << 29
_LENGTHS_OF = {"token_ids": "lengths", "seq1": "seq1_lengths"}


def make_batches(
    train: Sequence[input_pipeline.Split],
    unlabeled: Sequence[input_pipeline.Split],
    config: config_lib.Config,
    worker: int = 0,
    num_workers: int = 1,
) -> training_batches.TrainingBatches:
    """Makes the training batches of a run, from the service if it has one.

    Args:
      train: as in `TrainingBatches`.
      unlabeled: as in `TrainingBatches`.
      config: as in `TrainingBatches`; the address of the service.
      worker: as in `TrainingBatches`.
      num_workers: as in `TrainingBatches`.

    Raises:
      ValueError: as in `TrainingBatches`.
    """
    kind = training_batches.TrainingBatches
    if config.data_service:
        kind = ServiceBatches
    return kind(train, unlabeled, config, worker, num_workers)


class ServiceBatches(training_batches.TrainingBatches):
    """Training batches that the workers of a tf.data service make.

    The arguments are those of `TrainingBatches`.
    """

    def __init__(self, train, unlabeled, config, worker=0, num_workers=1):
        super().__init__(train, unlabeled, config, worker, num_workers)
        self._config = config

    def generate(
        self, first_step: int
    ) -> Iterator[training_batches.TrainingBatch]:
        """Yields the batches of `first_step` and all later steps, endlessly.

        Raises:
          ValueError: if the service cannot be reached, fails, or sends nothing
            for two minutes; or if the texts are too large.
        """
        # Early: texts may take a while to read.
        distribution.check_service(self._config)
        texts = _Texts(self._train, labeled=True)
        unlabeled = None
        if self._unlabeled:
            unlabeled = _Texts(self._unlabeled, labeled=False)
        selections = self.select(first_step)
        size = _CHUNK
        while True:
            chunk = list(itertools.islice(selections, size))
            size = _next_size(chunk)
            distribution.check_service(self._config)
            # It is registered with the dispatcher where it is made.
            make = functools.partial(self._dataset, chunk, texts, unlabeled)
            with contextlib.closing(self._fetch(make)) as pairs:
                yield from _in_order(chunk, pairs)

    def _dataset(self, chunk, texts, unlabeled):
        """Makes the dataset of the batches of some steps, with their index."""
        # On the CPU of the worker, whatever the devices of this process are.
        with tf.device("/cpu:0"):
            make_batch = texts.function(
                [selection.train for selection in chunk],
                np.stack([selection.task_ids for selection in chunk]),
            )
            make_unlabeled = None
            if unlabeled:
                make_unlabeled = unlabeled.function(
                    [selection.unlabeled for selection in chunk],
                    np.stack([x.unlabeled_task_ids for x in chunk]),
                )

        def make(index):
            batch = make_batch(index)
            if make_unlabeled:
                batch["unlabeled"] = make_unlabeled(index)
            return index, batch

        return (
            tf.data.Dataset.range(len(chunk))
            .map(make)
            .apply(
                tf.data.experimental.service.distribute(
                    # Each step is made by one worker.
                    tf.data.experimental.service.ShardingPolicy.DYNAMIC,
                    f"grpc://{self._config.data_service}",
                    compression=None,
                )
            )
        )

    def _fetch(self, make):
        """Yields the elements of a dataset, which a thread makes and fetches.

        The main thread can be interrupted then: it waits in Python.

        Args:
          make: a function that makes the dataset.
        """
        elements: queue.Queue = queue.Queue(_QUEUED)
        stopped = threading.Event()

        def fetch():
            try:
                for element in make().as_numpy_iterator():
                    if not _put(elements, element, stopped):
                        return
                _put(elements, None, stopped)
            # The main thread raises it.
            except Exception as error:
                _put(elements, error, stopped)

        threading.Thread(target=fetch, daemon=True).start()
        try:
            while True:
                element = self._wait_for(elements)
                if element is None:
                    return
                yield element
        finally:
            stopped.set()

    def _wait_for(self, elements):
        """Returns the next element; None at the end. Raises one that failed."""
        reason, element = f"it has sent nothing for {_TIMEOUT_SECONDS} s", None
        with contextlib.suppress(queue.Empty):
            element = elements.get(timeout=_TIMEOUT_SECONDS)
            if not isinstance(element, Exception):
                return element
            if not isinstance(element, tf.errors.OpError):
                raise element
            lines = [type(element).__name__, *str(element).splitlines()]
            reason = ": ".join(lines[:2])
        address = self._config.data_service
        raise ValueError(
            f"data_service={address}: {reason}: start its workers, python -m "
            f"mtl_tf.data.service_process --dispatcher={address}, or continue "
            "the run without data_service"
        ) from element


def _next_size(chunk):
    """Returns the number of steps of the dataset after that of some steps."""
    rows = sum(
        part.nbytes for _, part in (*chunk[0].train, *chunk[0].unlabeled)
    )
    most = min(_MAX_CHUNK, _MAX_ROW_BYTES // rows)
    return max(len(chunk), min(2 * len(chunk), most))


def _put(elements, element, stopped):
    """Appends an element to a queue; returns False if nobody reads it."""
    while not stopped.is_set():
        with contextlib.suppress(queue.Full):
            elements.put(element, timeout=1)
            return True
    return False


def _in_order(
    chunk: Sequence[training_batches.Selection],
    pairs: Iterator[tuple[int, training_batches.TrainingBatch]],
) -> Iterator[training_batches.TrainingBatch]:
    """Yields the batches of some steps in order.

    Batches that a worker has lost at its end are made here.

    Args:
      chunk: what the steps train on.
      pairs: the index of a step and its batch, in any order.
    """
    waiting: dict[int, training_batches.TrainingBatch] = {}
    for index, selection in enumerate(chunk):
        while index not in waiting and len(waiting) < _MAX_WAITING:
            pair = next(pairs, None)
            if pair is None:
                break
            # A late one was made here.
            if pair[0] >= index:
                waiting[int(pair[0])] = pair[1]
        is_lost = index not in waiting
        yield selection.make_batch() if is_lost else waiting.pop(index)


class _Texts:
    """The texts of splits, to look them up in a graph of TensorFlow.

    Args:
      splits: splits of all tasks, or those that have unlabeled texts.
      labeled: whether they have labels.

    Raises:
      ValueError: if they are too large for a graph.
    """

    def __init__(
        self, splits: Sequence[input_pipeline.Split], *, labeled: bool
    ):
        first = splits[0]
        starts = np.cumsum([0, *(len(split) for split in splits)])
        # The index of the first text of each task.
        self._starts = {
            split.task_id: start
            for split, start in zip(splits, starts[:-1], strict=True)
        }
        # Arrays by name, one row a text.
        names = ["labels"] if labeled else []
        for name in ("seq1_lengths", "diversity", "pseudo_labels"):
            names += [name] if getattr(first, name) is not None else []
        columns = {
            name: [getattr(split, name) for split in splits] for name in names
        }
        columns["lengths"] = [
            split.lengths
            if split.seq1_lengths is None
            else split.lengths - split.seq1_lengths
            for split in splits
        ]
        self._columns = {k: np.concatenate(x) for k, x in columns.items()}
        # Token ids of all texts, one after another.
        self._sequences = {
            "token_ids": _concatenate(
                splits, input_pipeline.Split.pad, self._columns["lengths"]
            )
        }
        if first.seq1_lengths is not None:
            self._sequences["seq1"] = _concatenate(
                splits,
                input_pipeline.Split.pad_seq1,
                self._columns["seq1_lengths"],
            )
        arrays = [*self._columns.values(), *self._sequences.values()]
        size = sum(array.nbytes for array in arrays)
        if size > _MAX_BYTES:
            raise ValueError(
                f"data_service gets all training texts, of {size >> 20} MiB, "
                f"at most {_MAX_BYTES >> 20}: set max_tokens or "
                "max_train_examples, or train without data_service"
            )

    def function(
        self,
        selections: Sequence[list[tuple[input_pipeline.Split, np.ndarray]]],
        task_ids: np.ndarray,
    ) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
        """Makes the function from the index of a step to its batch.

        Args:
          selections: splits and rows of the task batches of each step.
          task_ids: int32 [steps, task_batches of all workers].
        """
        rows = tf.constant(
            [
                [
                    self._starts[split.task_id] + rows
                    for split, rows in selection
                ]
                for selection in selections
            ]
        )
        task_ids = tf.constant(task_ids)
        columns = {k: tf.constant(x) for k, x in self._columns.items()}
        ragged = {
            name: tf.RaggedTensor.from_row_lengths(
                tf.constant(tokens),
                columns[_LENGTHS_OF[name]],
                validate=False,
            )
            for name, tokens in self._sequences.items()
        }

        def make_batch(index):
            of_step = rows[index]
            batch = {k: tf.gather(x, of_step) for k, x in columns.items()}
            batch["task_ids"] = task_ids[index]
            shape = tf.concat([tf.shape(of_step), [-1]], axis=0)
            for name, texts in ragged.items():
                padded = tf.gather(texts, tf.reshape(of_step, [-1])).to_tensor(
                    vocabulary_lib.PADDING
                )
                batch[name] = tf.reshape(padded, shape)
            return batch

        return make_batch


def _concatenate(splits, pad, lengths):
    """Concatenates the token ids of all texts, without padding.

    Args:
      splits: the splits.
      pad: a method of theirs, (rows, length) -> token ids [rows, length].
      lengths: the lengths of all texts.
    """
    length = iter(lengths)
    return np.concatenate(
        [
            pad(split, np.array([row]), next(length))[0]
            for split in splits
            for row in range(len(split))
        ]
    )
