"""Rows of many blocks, written to partitions together."""

from data_prep.pipeline import duplicates
from data_prep.pipeline import partitions
from data_prep.pipeline import spill as spill_lib


class PartitionWriter:
    """Writer of tables of rows to partitions.

    It keeps at most about `partitions.ROWS_AT_ONCE` rows in memory.

    Args:
      spill: the files.
      kind: kind of the values.
      num_partitions: number of partitions.
    """

    def __init__(self, spill: spill_lib.Spill, kind: str, num_partitions: int):
        self._spill = spill
        self._kind = kind
        self._num_partitions = num_partitions
        self._tables: list[duplicates.RowTable] = []
        self._num_rows = 0

    def add(self, table: duplicates.RowTable) -> None:
        """Adds the rows of a block."""
        self._tables.append(table)
        self._num_rows += len(table)
        if self._num_rows >= partitions.ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Writes all rows that were added."""
        tables, num_rows = self._tables, self._num_rows
        self._tables, self._num_rows = [], 0
        if num_rows:
            table = duplicates.RowTable.concatenate(tables)
            tables.clear()
            # No other call has this row.
            key = tuple(table.positions[0].tolist())
            for partition, part in table.partition(self._num_partitions):
                self._spill.write_part(self._kind, (partition,), key, part)
