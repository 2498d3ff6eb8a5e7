import numpy as np
import pytest

from data_prep.pipeline import partitions


@pytest.mark.parametrize(
    ("num_rows", "least", "expected"),
    [
        (0, 1, 1),
        (249_999, 1, 1),
        (10_000_000, 1, 41),
        (10_000_000, 64, 64),
        (100_000_000, 64, 401),
    ],
)
def test_the_number_of_partitions_grows_with_the_rows(
    num_rows, least, expected
):
    assert partitions.count(num_rows, least) == expected


@pytest.mark.parametrize("number", [1, 3, 40])
def test_split_has_the_rows_of_each_partition_in_order(number):
    indices = np.random.default_rng(0).integers(number, size=50)
    actual = [
        (index, rows.tolist())
        for index, rows in partitions.split(indices.astype(np.uint64))
    ]
    assert actual == [
        (index, np.flatnonzero(indices == index).tolist())
        for index in np.unique(indices)
    ]


def test_split_of_no_rows_is_empty():
    assert list(partitions.split(np.zeros(0, np.uint64))) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
