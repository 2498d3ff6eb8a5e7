import math

import numpy as np
import pytest

from mtl_tf.studies import search_space


def draws(space, count=4000):
    generator = np.random.default_rng(0)
    return np.array([space.draw(generator) for _ in range(count)])


def test_linear_range_is_uniform():
    numbers = draws(search_space.Range(2.0, 6.0))
    assert 2 <= numbers.min() < 2.1
    assert 5.9 < numbers.max() <= 6
    # The standard error of the mean is 4 / sqrt(12 * 4000) = 0.018.
    assert numbers.mean() == pytest.approx(4, abs=0.08)


def test_logarithms_of_a_log_range_are_uniform():
    numbers = draws(search_space.Range(1e-4, 1e-2, log=True))
    assert numbers.min() >= 1e-4
    assert numbers.max() <= 1e-2
    # Half of the numbers are below the geometric mean of the ends.
    assert np.mean(numbers < 1e-3) == pytest.approx(0.5, abs=0.04)
    assert np.mean(numbers < 10**-3.5) == pytest.approx(0.25, abs=0.04)


def test_integers_of_a_range_are_equally_frequent():
    numbers = draws(search_space.Range(3, 6, is_integer=True))
    values, counts = np.unique(numbers, return_counts=True)
    assert values.tolist() == [3, 4, 5, 6]
    np.testing.assert_allclose(counts / 4000, 0.25, atol=0.04)


def test_integers_of_a_log_range():
    space = search_space.Range(1, 100, log=True, is_integer=True)
    numbers = draws(space)
    assert all(
        isinstance(space.draw(np.random.default_rng(1)), int) for _ in "a"
    )
    assert set(numbers) <= set(range(1, 101))
    # Each integer covers the numbers that round to it: 1 those up to 1.5.
    share = math.log(1.5 / 0.5) / math.log(100.5 / 0.5)
    assert np.mean(numbers == 1) == pytest.approx(share, abs=0.04)


def test_steps():
    space = search_space.Range(0.1, 0.52, step=0.1)
    assert [space.at(index) for index in range(space.num_steps + 1)] == [
        *(0.1, 0.2, 0.3, 0.4, 0.5)
    ]
    values, counts = np.unique(draws(space), return_counts=True)
    assert values.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    np.testing.assert_allclose(counts / 4000, 0.2, atol=0.04)
    integers = search_space.Range(16, 64, step=16, is_integer=True)
    assert set(draws(integers)) == {16, 32, 48, 64}


def test_numbers_have_four_digits_and_stay_in_the_range():
    space = search_space.Range(0.00123456, 0.00123457)
    assert set(draws(space, 50)) <= {0.00123456, 0.00123457}
    space = search_space.Range(1e-4, 1.0, log=True)
    assert all(float(f"{x:.4g}") == x for x in draws(space, 50))


@pytest.mark.parametrize(
    ("min_epochs", "factor", "epochs", "rungs"),
    [
        (1, 3, 20, [1, 3, 9, 20]),
        (1, 3, 9, [1, 3, 9]),
        (2, 2, 8, [2, 4, 8]),
        (5, 4, 6, [5, 6]),
    ],
)
def test_rungs(min_epochs, factor, epochs, rungs):
    halving = search_space.SuccessiveHalving(min_epochs, factor)
    assert halving.rungs(epochs) == rungs


def test_survivors():
    halving = search_space.SuccessiveHalving(1, 3)
    assert [halving.num_survivors(n) for n in (27, 10, 5, 2)] == [9, 3, 1, 1]
