import logging
import types

import numpy as np
import pytest

from mtl_tf.data import dev_subset
from mtl_tf.data import tasks as tasks_lib

TASKS = tuple(tasks_lib.Task(name, ("no", "yes")) for name in "abc")


class Split:
    """A split of rows of equal length."""

    def __init__(self, task_id, rows, length):
        self.task_id = task_id
        self.lengths = np.full(rows, length)
        self.rows = np.arange(rows)

    def __len__(self):
        return len(self.rows)

    def take(self, rows):
        return types.SimpleNamespace(rows=self.rows[rows])


def choose(sizes, main_task, tokens_per_epoch, seed=0):
    dev = [Split(task_id, *size) for task_id, size in enumerate(sizes)]
    chosen = dev_subset.choose(dev, TASKS, main_task, tokens_per_epoch, seed)
    return [split.rows for split in chosen]


def counts(*arguments):
    return [len(rows) for rows in choose(*arguments)]


def test_dev_is_scored_in_full_if_it_is_small_compared_with_an_epoch():
    # 6,000 tokens of dev, a fifth of 30,000.
    sizes = [(300, 10), (200, 10), (100, 10)]
    for main_task in ("", "b"):
        assert counts(sizes, main_task, 30_000) == [300, 200, 100]


def test_without_a_main_task_all_tasks_have_the_same_share():
    # 120,000 tokens of dev where 30,000 may be read.
    sizes = [(4_000, 10), (2_000, 20), (1_600, 25)]
    assert counts(sizes, "", 150_000) == [1_000, 500, 400]


def test_the_main_task_takes_precedence():
    # 10,000 tokens of the main task fit into three quarters of 20,000; the
    # others have 10,000 for their 40,000.
    sizes = [(2_000, 10), (1_000, 10), (2_000, 10)]
    assert counts(sizes, "b", 100_000) == [500, 1_000, 500]


def test_a_large_main_task_leaves_a_quarter_to_the_others():
    # 15,000 of 20,000 tokens for the main task, 5,000 for the others' 10,000.
    sizes = [(600, 10), (100_000, 10), (400, 10)]
    assert counts(sizes, "b", 100_000) == [300, 1_500, 200]


def test_a_minimum_of_rows_is_scored():
    sizes = [(5_000, 100), (256, 100), (3, 100)]
    assert counts(sizes, "", 1) == [256, 256, 3]
    # Fewer rows of tasks that early stopping does not follow.
    assert counts(sizes, "b", 1) == [128, 256, 3]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_sample_depends_on_the_seed_alone(seed):
    sizes = [(5_000, 10), (5_000, 10), (5_000, 10)]
    once, again = (choose(sizes, "", 50_000, seed) for _ in range(2))
    for rows, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(rows, same)
        # Each row once, in order, from all of the split.
        assert (np.diff(rows) > 0).all()
        assert rows[-1] > 4_000
    assert not np.array_equal(once[0], once[1])
    other = choose(sizes, "", 50_000, seed + 1)
    assert not np.array_equal(once[0], other[0])


def test_the_size_of_a_sample_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="absl"):
        choose([(1_000, 10), (1, 1), (1, 1)], "", 25_000)
    assert "a: 500 of 1000 dev rows are scored" in caplog.text
    assert "b:" not in caplog.text
