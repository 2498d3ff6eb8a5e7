"""Sampling of the tasks and rows of a training step.

All draws are pure functions of (seed, step): there is no state to save, and a
resumed run draws what an uninterrupted run would have drawn.
"""

import dataclasses
import functools

import numpy as np

# Batches of a shuffle window, whose rows are bucketed by length.
WINDOW = 32

# Streams of random numbers from one seed, as the second element of a key.
TASK_STREAM, WINDOW_STREAM, ROW_STREAM, DEV_STREAM = 1, 2, 3, 4


@dataclasses.dataclass(frozen=True)
class TaskSampler:
    """A sampler of the tasks of each step.

    Attributes:
      probabilities: the probability of each task, [num_tasks].
      num_task_batches: number of single-task batches of a step.
      seed: the seed.
    """

    probabilities: tuple[float, ...]
    num_task_batches: int
    seed: int

    @classmethod
    def create(
        cls, rows: list[int], exponent: float, num_task_batches: int, seed: int
    ) -> "TaskSampler":
        """Makes a sampler with probabilities proportional to rows ** exponent.

        Args:
          rows: number of training rows of each task.
          exponent: 0 samples all tasks equally often, 1 in proportion to rows.
          num_task_batches: number of single-task batches of a step.
          seed: the seed.
        """
        weights = np.asarray(rows, np.float64) ** exponent
        weights /= weights.sum()
        return cls(tuple(weights.tolist()), num_task_batches, seed)

    def tasks(self, step: int) -> np.ndarray:
        """Draws the task of each batch of a step, int64 [num_task_batches].

        The steps cut their batches from a stream of rounds, each of which has
        as many batches as there are tasks.
        """
        num_tasks = len(self.probabilities)
        first, start = divmod(step * self.num_task_batches, num_tasks)
        end = start + self.num_task_batches
        rounds = range(first, first - (-end // num_tasks))
        stream = np.concatenate([self._round(index) for index in rounds])
        return stream[start:end]

    def _round(self, index):
        """Draws the tasks of a round, [num_tasks].

        They are drawn by systematic sampling (one random offset, then even
        spacing): a task of probability p gets floor(p * num_tasks) or
        ceil(p * num_tasks) batches, and with equal probabilities each task gets
        exactly one.
        """
        num_tasks = len(self.probabilities)
        random = np.random.default_rng((self.seed, TASK_STREAM, index))
        # The margins absorb rounding errors of the edges: without them, one of
        # several equally likely tasks could get two batches.
        offset = random.uniform(1e-9, 1 - 1e-9)
        points = (offset + np.arange(num_tasks)) / num_tasks
        edges = np.cumsum(self.probabilities)
        edges[-1] = 1.0
        return random.permutation(np.searchsorted(edges, points, side="right"))


class RowSampler:
    """A sampler of the rows of a task: bucketing within a shuffle window.

    The rows of a task form an endless stream of shuffled passes. `WINDOW`
    batches are cut from the stream at a time, and their rows are sorted by
    length, so that the texts of a batch have similar lengths and need little
    padding. Then the order of the batches is shuffled. For example, six rows in
    a window of three batches of two:

        rows, shuffled        4  0  5  2  1  3
        their lengths         9  3  4 10  3  5
        sorted by length      0  1 | 5  3 | 4  2      lengths 3 3 | 4 5 | 9 10
        batches, shuffled     5  3 | 4  2 | 0  1

    A task with fewer rows than a window repeats rows within it. Rows are
    therefore sorted in buckets no longer than a pass, which hold a row at most
    twice; otherwise copies of one row would fill a batch. (A task with fewer
    rows than a batch has buckets of one batch.)
    The order of the batches is the same for all tasks, so that the batches of a
    joint step have similar lengths, too.

    Args:
      lengths: tokens of each row, int [rows].
      batch_size: rows of a batch.
      key: int that distinguishes the permutations of the task from others'.
      seed: the seed.
    """

    def __init__(
        self, lengths: np.ndarray, batch_size: int, key: int, seed: int
    ):
        self._lengths = lengths
        self._batch_size = batch_size
        self._key = key
        self._seed = seed
        # Batches are read in order: only the last window is worth keeping.
        self._window = functools.lru_cache(maxsize=1)(self._make_window)

    def rows(self, index: int) -> np.ndarray:
        """Draws the rows of a batch, int64 [batch_size].

        Args:
          index: index of the batch in the task's stream.
        """
        window, index_in_window = divmod(index, WINDOW)
        return self._window(window)[index_in_window]

    def _make_window(self, window):
        """Draws the rows of all batches of a window, [WINDOW, batch_size]."""
        size = WINDOW * self._batch_size
        # Rows are sorted in buckets of at most one pass.
        batches_in_pass = max(1, len(self._lengths) // self._batch_size)
        batches_in_bucket = min(WINDOW, 1 << (batches_in_pass.bit_length() - 1))
        stream = self._stream(window * size, size)
        buckets = stream.reshape(-1, batches_in_bucket * self._batch_size)
        order = np.argsort(self._lengths[buckets], axis=1, kind="stable")
        buckets = np.take_along_axis(buckets, order, axis=1)
        # The short batches of all buckets first, as with a single bucket.
        batches = buckets.reshape(-1, batches_in_bucket, self._batch_size)
        batches = batches.swapaxes(0, 1).reshape(WINDOW, self._batch_size)
        random = np.random.default_rng((self._seed, WINDOW_STREAM, window))
        return batches[random.permutation(WINDOW)]

    def _stream(self, start, count):
        """Draws rows `start` to `start + count` of the stream of passes."""
        rows = len(self._lengths)
        passes = range(start // rows, -(-(start + count) // rows))
        stream = np.concatenate([self._shuffled_rows(x) for x in passes])
        start -= passes[0] * rows
        return stream[start : start + count]

    def _shuffled_rows(self, pass_index):
        key = (self._seed, ROW_STREAM, self._key, pass_index)
        return np.random.default_rng(key).permutation(len(self._lengths))
