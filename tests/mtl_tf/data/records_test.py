import os

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.data import records

_ROWS = [
    records.Row("t-1", "", "naïve \x85 text", "good"),
    records.Row("t-2", "a topic", "", "bad", "topic", True),
    records.Row("t-3", "", "third\ttext\n", "good", "g"),
]
_DIVERSITY = np.array(
    [[0.1, 0, -1, 1e-30, 3e9], [1, 2, 3, 4, 5], [-1, -2, -3, -4, -5]],
    np.float32,
)


def test_rows_round_trip(tmp_path):
    paths = records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    assert paths == [os.path.join("records", "t-dev-00000-of-00001.tfrecord")]
    assert list(records.read_rows(str(tmp_path), "t", "dev")) == _ROWS


def test_shard_may_be_empty(tmp_path):
    records.write_rows(str(tmp_path), "t", "dev", [], _DIVERSITY[:0])
    assert list(records.read_rows(str(tmp_path), "t", "dev")) == []


def test_rows_in_shards_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROWS_PER_SHARD", 2)
    paths = records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    assert [os.path.basename(path) for path in paths] == [
        "t-dev-00000-of-00002.tfrecord",
        "t-dev-00001-of-00002.tfrecord",
    ]
    assert list(records.read_rows(str(tmp_path), "t", "dev")) == _ROWS


def test_columns_round_trip(tmp_path):
    records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    columns = records.read_columns(
        str(tmp_path), "t", "dev", ["label", "duplicate", "diversity"]
    )
    assert columns["label"].tolist() == [b"good", b"bad", b"good"]
    assert columns["duplicate"].tolist() == [0, 1, 0]
    assert columns["diversity"].dtype == np.float32
    np.testing.assert_array_equal(columns["diversity"], _DIVERSITY)


def test_equal_rows_give_equal_bytes(tmp_path):
    (path,) = records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    names = sorted(records._FEATURES)
    for record in tf.data.TFRecordDataset(str(tmp_path / path)):
        # The length of a feature, that of its name, and the name.
        positions = [
            record.numpy().index(b"\n%c%s" % (len(name), name.encode()))
            for name in names
        ]
        assert positions == sorted(positions)


def test_diversity_in_shards_keeps_its_order(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROWS_PER_SHARD", 2)
    records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    columns = records.read_columns(str(tmp_path), "t", "dev", ["diversity"])
    np.testing.assert_array_equal(columns["diversity"], _DIVERSITY)


def test_another_number_of_features_than_rows_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY[:2])


def test_records_of_an_earlier_version_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "_to_example", lambda *_: tf.train.Example())
    records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    with pytest.raises(ValueError, match="earlier version: prepare the corpus"):
        records.read_columns(str(tmp_path), "t", "dev", ["diversity"])


def test_tasks_whose_names_share_a_prefix_are_separate(tmp_path):
    records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    records.write_rows(str(tmp_path), "t-dev", "dev", _ROWS[:1], _DIVERSITY[:1])
    assert len(list(records.read_rows(str(tmp_path), "t", "dev"))) == 3
    assert len(list(records.read_rows(str(tmp_path), "t-dev", "dev"))) == 1


@pytest.mark.parametrize("other", ["t-dev-2020", "t-dev-00000-of-00001"])
def test_tasks_whose_names_look_like_shards_are_separate(tmp_path, other):
    records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    records.write_rows(str(tmp_path), other, "dev", _ROWS[:1], _DIVERSITY[:1])
    assert list(records.read_rows(str(tmp_path), "t", "dev")) == _ROWS
    assert list(records.read_rows(str(tmp_path), other, "dev")) == _ROWS[:1]


def test_missing_records_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="no records of task t, split test"):
        list(records.read_rows(str(tmp_path), "t", "test"))


def test_a_missing_shard_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROWS_PER_SHARD", 1)
    paths = records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    os.remove(tmp_path / paths[1])
    with pytest.raises(ValueError, match="expected 3 shards, got 2"):
        list(records.read_rows(str(tmp_path), "t", "dev"))


def test_token_ids_round_trip(tmp_path):
    # Two rows: seq1 [3], seq2 [5, 6]; seq1 [7, 8], seq2 [9].
    ids = records.TokenIds(
        np.array([3, 5, 6, 7, 8, 9]), np.array([0, 1, 3, 5, 6])
    )
    paths = ids.write(str(tmp_path), "t", "dev")
    assert [os.path.basename(path) for path in paths] == [
        "t-dev.ids.npy",
        "t-dev.offsets.npy",
    ]
    read = records.TokenIds.read(str(tmp_path), "t", "dev")
    assert len(read) == 2
    assert read.ids.dtype == np.int32
    assert read.seq1(0).tolist() == [3]
    assert read.seq2(0).tolist() == [5, 6]
    assert read.seq1(1).tolist() == [7, 8]
    assert read.seq2(1).tolist() == [9]


def test_missing_token_ids_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="prepare the corpus again"):
        records.TokenIds.read(str(tmp_path), "t", "dev")


@pytest.mark.parametrize("bytes_left", [0, 60, -4])
@pytest.mark.parametrize("file", [0, 1])
def test_truncated_token_ids_are_an_error(tmp_path, file, bytes_left):
    ids = records.TokenIds(np.array([3, 5]), np.array([0, 1, 2]))
    path = tmp_path / ids.write(str(tmp_path), "t", "dev")[file]
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(ValueError, match=r"t-dev\..* is damaged .* again"):
        records.TokenIds.read(str(tmp_path), "t", "dev")


@pytest.mark.parametrize("position", [2, 20])
def test_a_shard_with_a_changed_byte_is_an_error(tmp_path, position):
    (path,) = records.write_rows(str(tmp_path), "t", "dev", _ROWS, _DIVERSITY)
    data = bytearray((tmp_path / path).read_bytes())
    data[position] ^= 1
    (tmp_path / path).write_bytes(data)
    with pytest.raises(ValueError, match=r"t-dev-.* is damaged, or was"):
        list(records.read_rows(str(tmp_path), "t", "dev"))


def test_inconsistent_token_ids_are_an_error(tmp_path):
    ids = records.TokenIds(np.array([3, 5]), np.array([0, 1, 2]))
    paths = ids.write(str(tmp_path), "t", "dev")
    np.save(tmp_path / paths[1], np.array([0, 1, 3]))
    with pytest.raises(ValueError, match=r"expected 3 ids, .* got 2"):
        records.TokenIds.read(str(tmp_path), "t", "dev")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_parts_of_token_ids_may_be_written_in_any_order(tmp_path, order):
    lengths = np.array([1, 3, 2, 1, 4, 1, 1, 2])
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    whole = records.TokenIds(np.arange(offsets[-1], dtype=np.int32), offsets)
    whole.write(str(tmp_path / "whole"), "t", "dev")
    # Rows 0, 1 and 2, and 3.
    bounds = [0, 1, 3, 4]
    for part in order:
        start, end = 2 * bounds[part], 2 * bounds[part + 1]
        of_part = offsets[start : end + 1]
        paths = records.TokenIds(
            whole.ids[of_part[0] : of_part[-1]], of_part - of_part[0]
        ).write_part(
            str(tmp_path / "parts"),
            "t",
            "dev",
            records.Place(bounds[part], int(of_part[0]), 4, len(whole.ids)),
        )
    for path in paths:
        assert (tmp_path / "parts" / path).read_bytes() == (
            tmp_path / "whole" / path
        ).read_bytes()
    actual = records.TokenIds.read(str(tmp_path / "parts"), "t", "dev")
    assert actual.seq2(1).tolist() == [6]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
