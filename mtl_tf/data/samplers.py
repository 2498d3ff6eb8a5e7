"""Which tasks a step holds, and which rows: pure functions of (seed, step).

Nothing here has a state, so that a run that goes on after an interruption
draws what it would have drawn.
"""

import dataclasses
import functools

import numpy as np

# Batches of a task that are made at once from rows of mixed lengths: the rows
# are sorted, so that each batch holds texts of like length.
WINDOW = 32


@dataclasses.dataclass(frozen=True)
class TaskSampler:
    """Draws the tasks of a step.

    Attributes:
      probabilities: share of each task, [tasks].
      groups: groups of a step: as many as tasks in a joint step, or 1.
      seed: seed.
    """

    probabilities: tuple[float, ...]
    groups: int
    seed: int

    @classmethod
    def create(
        cls, rows: list[int], exponent: float, joint: bool, seed: int
    ) -> "TaskSampler":
        """A sampler in proportion to rows ** exponent.

        Args:
          rows: training rows of each task.
          exponent: 0 is every task equally often, 1 in proportion.
          joint: whether a step has a group for each task, or one group.
          seed: seed.
        """
        weights = np.asarray(rows, np.float64) ** exponent
        weights /= weights.sum()
        return cls(tuple(weights.tolist()), len(rows) if joint else 1, seed)

    def tasks(self, step: int) -> np.ndarray:
        """int64 [groups]: the task of each group of this step.

        One round is as many groups as there are tasks: a joint step is a round,
        and so are as many alternating steps as there are tasks. A round draws
        by systematic sampling (one random offset, then even spacing): a task
        of probability p gets floor or ceil of p * tasks groups, and with equal
        probabilities each task exactly one.
        """
        tasks = len(self.probabilities)
        first = step * self.groups
        round_, place = divmod(first, tasks)
        random = np.random.default_rng((self.seed, 1, round_))
        # Not quite from 0 to 1: a point on an edge that rounding has moved
        # would give one of several equal tasks two groups.
        offset = random.uniform(1e-9, 1 - 1e-9)
        points = (offset + np.arange(tasks)) / tasks
        edges = np.cumsum(self.probabilities)
        edges[-1] = 1.0
        drawn = random.permutation(np.searchsorted(edges, points, side="right"))
        return drawn[place : place + self.groups]


class RowSampler:
    """Draws the rows of a task's n-th batch.

    A task's rows come as an endless stream of passes, each in an order of its
    own. `WINDOW` batches are cut from the stream at once and sorted by length
    (pass by pass, in a small task), so that a batch holds texts of like length.
    The window's batches are taken in an order that is the same for all tasks,
    so that the groups of a joint step are of like length as well: all tasks
    show their short texts together.

    Args:
      lengths: tokens of each row, int [rows].
      batch_size: rows of a batch.
      task: number of the task, which keys its permutations.
      seed: seed.
    """

    def __init__(
        self, lengths: np.ndarray, batch_size: int, task: int, seed: int
    ):
        self._lengths = lengths
        self._batch_size = batch_size
        self._task = task
        self._seed = seed
        # Batches are asked for in order: the last window is worth keeping.
        self._window = functools.lru_cache(maxsize=1)(self._make_window)

    def rows(self, batch: int) -> np.ndarray:
        """int64 [batch_size]: the rows of this batch, counted from 0."""
        window, place = divmod(batch, WINDOW)
        return self._window(window)[place]

    def _make_window(self, window):
        """int64 [WINDOW, batch_size]: the rows of the window's batches."""
        size = WINDOW * self._batch_size
        # A small task goes through several passes in a window. What is sorted
        # together is no more than a pass: copies of a row have the same length,
        # and would fill a batch.
        batches_in_pass = max(1, len(self._lengths) // self._batch_size)
        together = min(WINDOW, 1 << (batches_in_pass.bit_length() - 1))
        stream = self._stream(window * size, size)
        parts = stream.reshape(-1, together * self._batch_size)
        order = np.argsort(self._lengths[parts], axis=1, kind="stable")
        parts = np.take_along_axis(parts, order, axis=1)
        # Short batches of all parts first, as they are in a task of one part.
        batches = parts.reshape(-1, together, self._batch_size).swapaxes(0, 1)
        batches = batches.reshape(WINDOW, self._batch_size)
        random = np.random.default_rng((self._seed, 2, window))
        return batches[random.permutation(WINDOW)]

    def _stream(self, first, count):
        """Rows `first` to `first + count` of the endless stream of passes."""
        rows = len(self._lengths)
        passes = range(first // rows, -(-(first + count) // rows))
        stream = np.concatenate([self._pass(number) for number in passes])
        begin = first - passes[0] * rows
        return stream[begin : begin + count]

    def _pass(self, number):
        key = (self._seed, 3, self._task, number)
        return np.random.default_rng(key).permutation(len(self._lengths))
