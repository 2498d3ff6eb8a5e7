import os
import pickle

import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import row_files
from mtl_tf.data import records


def _rows(number):
    return [records.Row(f"r{n}", "", "x" * n, "no") for n in range(number)]


def _write(folder, number):
    rows = row_files.RowFiles(str(folder))
    for row in _rows(number):
        rows.append(row)
    return rows


def test_shards_have_the_rows_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 3)
    rows = _write(tmp_path / "rows", 11)
    assert len(rows) == 11
    shards = rows.shards()
    assert [len(read()) for read in shards] == [3, 3, 3, 2]
    assert [row for read in shards for row in read()] == _rows(11)
    assert list(rows) == list(rows) == _rows(11)
    # They are sent to other processes.
    assert pickle.loads(pickle.dumps(shards[1]))() == _rows(11)[3:6]


def test_long_texts_make_small_files(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_CHARACTERS_PER_BLOCK", 10)
    shards = _write(tmp_path / "rows", 12).shards()
    # 0 + 1 + 2 + 3 + 4, 5 + 6, 7 + 8, 9 + 10, 11
    assert [len(read()) for read in shards] == [5, 2, 2, 2, 1]


def test_no_rows_have_no_files(tmp_path):
    rows = row_files.RowFiles(str(tmp_path / "rows"))
    assert rows.shards() == []
    assert os.listdir(tmp_path) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
