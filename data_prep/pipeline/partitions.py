"""Partitions of rows by a hash: all rows of a key are in one of them.

A partition is small enough for memory, however many rows there are.
"""

from collections.abc import Iterator

import numpy as np

# On average.
ROWS_PER_PARTITION = 250_000
# Rows that are written to partitions together. A file for each block and
# partition would be 16 times as many files.
ROWS_AT_ONCE = 1 << 17


def count(num_rows: int, least: int = 1) -> int:
    """Returns the number of partitions of so many rows.

    Args:
      num_rows: number of rows.
      least: the least number of partitions.
    """
    return max(least, 1 + num_rows // ROWS_PER_PARTITION)


def split(indices: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each partition that has rows, and the rows, in order.

    Args:
      indices: index of the partition of each row.
    """
    if not len(indices):
        return
    # A mask for each partition would compare all rows with all partitions.
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for rows in np.split(order, starts):
        yield int(indices[rows[0]]), rows
