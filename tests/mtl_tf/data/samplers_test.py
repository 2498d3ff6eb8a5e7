import collections
import math

import numpy as np
import pytest

from mtl_tf.data import samplers


def tasks(sampler, steps):
    """Draws the tasks of the first steps, [steps, num_task_batches]."""
    return np.array([sampler.tasks(step) for step in range(steps)])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("num_task_batches", [1, 2, 3])
def test_tasks_are_a_pure_function_of_seed_and_step(exponent, num_task_batches):
    rows = [50, 300, 20]

    def make(seed):
        return samplers.TaskSampler.create(
            rows, exponent, num_task_batches, seed
        )

    in_order = tasks(make(0), 30)
    sampler = make(0)
    for step in reversed(range(30)):
        np.testing.assert_array_equal(sampler.tasks(step), in_order[step])
    assert (tasks(make(1), 30) != in_order).any()


@pytest.mark.parametrize("num_tasks", [1, 3, 7, 16])
def test_a_uniform_joint_step_holds_each_task_once(num_tasks):
    sampler = samplers.TaskSampler.create([5] * num_tasks, 0.0, num_tasks, 0)
    drawn = tasks(sampler, 500)
    expected = np.broadcast_to(np.arange(num_tasks), drawn.shape)
    np.testing.assert_array_equal(np.sort(drawn), expected)
    # Not always in the same order.
    assert num_tasks == 1 or len({tuple(step) for step in drawn}) > 1


@pytest.mark.parametrize("num_tasks", [1, 3, 7, 16])
@pytest.mark.parametrize("num_task_batches", [1, 2, 5])
def test_smaller_steps_draw_each_task_once_a_round(num_tasks, num_task_batches):
    sampler = samplers.TaskSampler.create(
        [5] * num_tasks, 0.0, num_task_batches, seed=0
    )
    # Steps may have parts of two rounds.
    drawn = tasks(sampler, 20 * num_tasks).reshape(-1, num_tasks)
    assert len(drawn) == 20 * num_task_batches
    expected = np.broadcast_to(np.arange(num_tasks), drawn.shape)
    np.testing.assert_array_equal(np.sort(drawn), expected)


@pytest.mark.parametrize(
    ("exponent", "probabilities"),
    [
        # 100, 400, 2500; their roots 10, 20, 50 of 80.
        (1.0, [1 / 30, 4 / 30, 25 / 30]),
        (0.5, [1 / 8, 2 / 8, 5 / 8]),
        (0.0, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_tasks_are_drawn_with_their_probabilities(exponent, probabilities):
    sampler = samplers.TaskSampler.create([100, 400, 2500], exponent, 3, 0)
    np.testing.assert_allclose(sampler.probabilities, probabilities)
    steps = 2000
    drawn = tasks(sampler, steps)
    for task, p in enumerate(probabilities):
        in_steps = (drawn == task).sum(axis=1)
        # Of the three batches of a step, floor or ceil of 3 p.
        exact = round(3 * p, 9)
        assert in_steps.min() >= math.floor(exact)
        assert in_steps.max() <= math.ceil(exact)
        # Which of the two is random: its standard deviation is at most 1/2 a
        # step.
        assert abs(in_steps.mean() - 3 * p) < 4 * 0.5 / steps**0.5


LENGTHS = np.random.default_rng(0).integers(1, 200, size=300)


def batches(count, lengths=LENGTHS, batch_size=4, key=0, seed=0):
    sampler = samplers.RowSampler(lengths, batch_size, key, seed)
    return np.array([sampler.rows(index) for index in range(count)])


def test_every_pass_holds_every_row_once():
    # 32 batches of 4 rows a window, 300 rows: 75 windows are 32 passes.
    drawn = batches(75 * samplers.WINDOW).reshape(75, -1)
    counts = np.zeros(len(LENGTHS), int)
    for windows, window in enumerate(drawn, start=1):
        np.add.at(counts, window, 1)
        # After each window, a row has been drawn once in each complete pass,
        # and at most once in the incomplete one.
        passes = windows * 128 // 300
        assert counts.min() >= passes
        assert counts.max() <= -(-windows * 128 // 300)
    assert (counts == 32).all()


@pytest.mark.parametrize("rows", [1, 3, 5])
def test_fewer_rows_than_a_batch_are_drawn_equally_often(rows):
    drawn = batches(samplers.WINDOW, np.arange(1, rows + 1))
    counts = collections.Counter(drawn.flatten().tolist())
    assert set(counts) == set(range(rows))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_texts_of_a_batch_have_similar_lengths():
    lengths = LENGTHS[batches(samplers.WINDOW)]
    spread = lengths.max(axis=1) - lengths.min(axis=1)
    # 128 rows sorted by length, between 1 and 199: the spreads of the 32
    # batches do not overlap, and so add up to 198 at most.
    assert spread.sum() <= 198
    # The order of the batches is shuffled.
    assert (np.diff(lengths.mean(axis=1)) < 0).any()


@pytest.mark.parametrize("rows", [8, 21, 64, 200])
def test_batches_of_a_small_task_do_not_repeat_rows(rows):
    # A bucket is at most one pass long, and so overlaps two passes at most: a
    # row is in a batch twice at most.
    lengths = np.arange(rows) + 1
    sampler = samplers.RowSampler(lengths, 8, key=0, seed=0)
    distinct = []
    for index in range(3 * samplers.WINDOW):
        _, copies = np.unique(sampler.rows(index), return_counts=True)
        assert copies.max() <= 2
        distinct.append(len(copies))
    assert np.mean(distinct) > 6.5


def test_batches_of_different_tasks_have_similar_lengths():
    first = LENGTHS[batches(96, key=0)].mean(axis=1)
    second = LENGTHS[batches(96, key=1)].mean(axis=1)
    assert np.corrcoef(first, second)[0, 1] > 0.95


def test_rows_depend_on_the_key_the_seed_and_the_pass():
    # As many rows of equal length as a window has: a window is a pass.
    lengths = np.ones(4 * samplers.WINDOW, int)

    def together(**settings):
        """Returns the sets of rows of the batches of two passes."""
        drawn = batches(2 * samplers.WINDOW, lengths, **settings)
        return [
            {frozenset(batch) for batch in pass_.tolist()}
            for pass_ in np.split(drawn, 2)
        ]

    first, second = together()
    assert first != second
    assert first != together(key=1)[0]
    assert first != together(seed=1)[0]


def test_rows_do_not_depend_on_the_order_of_calls():
    drawn = batches(3 * samplers.WINDOW)
    for first in (1, samplers.WINDOW - 1, samplers.WINDOW, 70, 95):
        resumed = samplers.RowSampler(LENGTHS, 4, 0, 0)
        np.testing.assert_array_equal(resumed.rows(first), drawn[first])
    backwards = samplers.RowSampler(LENGTHS, 4, 0, 0)
    for index in reversed(range(len(drawn))):
        np.testing.assert_array_equal(backwards.rows(index), drawn[index])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
