import numpy as np
import pytest

from data_prep.pipeline import duplicates
from data_prep.pipeline import partition_writer
from data_prep.pipeline import partitions
from data_prep.pipeline import spill as spill_lib


def _table(block, num_rows):
    """Makes a table of distinct keys."""
    positions = np.zeros((num_rows, 5), np.int64)
    positions[:, 3] = block
    positions[:, 4] = np.arange(num_rows)
    return duplicates.RowTable(
        np.random.default_rng(block).integers(
            1 << 62, size=(num_rows, 2), dtype=np.uint64
        ),
        positions,
        np.zeros(num_rows, np.int32),
        np.zeros(num_rows, bool),
        np.array([f"{block}-{row}" for row in range(num_rows)], object),
    )


@pytest.mark.parametrize(
    ("rows_at_once", "files_per_partition"), [(1, 60), (100, 6), (10_000, 1)]
)
def test_rows_of_several_blocks_are_in_one_file(
    tmp_path, monkeypatch, rows_at_once, files_per_partition
):
    monkeypatch.setattr(partitions, "ROWS_AT_ONCE", rows_at_once)
    spill = spill_lib.Spill(str(tmp_path / "spill"))
    writer = partition_writer.PartitionWriter(spill, "ids", 3)
    tables = [_table(block, 10) for block in range(60)]
    for table in tables:
        writer.add(table)
    writer.flush()
    parts = [
        list(spill.read_parts("ids", group)) for group in spill.groups("ids")
    ]
    assert len(parts) == 3
    assert all(len(x) <= files_per_partition for x in parts)
    actual = duplicates.RowTable.join(x for of_one in parts for x in of_one)
    expected = duplicates.RowTable.join(tables)
    np.testing.assert_array_equal(actual.keys, expected.keys)
    assert actual.row_ids.tolist() == expected.row_ids.tolist()


def test_nothing_is_written_without_rows(tmp_path):
    spill = spill_lib.Spill(str(tmp_path / "spill"))
    writer = partition_writer.PartitionWriter(spill, "ids", 3)
    writer.flush()
    writer.add(_table(0, 0))
    writer.flush()
    assert spill.groups("ids") == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
