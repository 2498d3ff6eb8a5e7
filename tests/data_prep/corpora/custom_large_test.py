"""Task files of large tables, whose rows are kept in files."""

import collections

import pytest

from data_prep.corpora import custom
from data_prep.pipeline import blocks
from data_prep.pipeline import hashed_splits
from data_prep.pipeline import prepare
from data_prep.pipeline import row_ids
from data_prep.pipeline import splits
from mtl_tf.data import records


def _write(tmp_path, number, columns=""):
    """Writes a table of which each text occurs twice, in another group."""
    lines = [
        f"text {n % (number // 2)}\t{'no' if n % 3 else 'yes'}\tg{n // 4}\ti{n}"
        for n in range(number)
    ]
    (tmp_path / "a.tsv").write_text(
        "text\tlabel\tgroup\tid\n" + "\n".join(lines)
    )
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[tasks.t]\nlabels = ["no", "yes"]\nfile = "a.tsv"\n'
        f"split = {{dev = 0.1, test = 0.2}}\n{columns}"
    )
    return str(path)


def _read(path, seed=0):
    (rows,) = custom.make_source(path, seed).read()
    return rows.splits


def test_rows_of_many_files_are_divided_as_those_of_one(tmp_path, monkeypatch):
    path = _write(tmp_path, 200)
    expected = _read(path)
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 7)
    assert _read(path) == expected
    assert sum(map(len, expected.values())) == 200


def test_above_a_number_of_rows_texts_are_drawn_by_hash(tmp_path, monkeypatch):
    path = _write(tmp_path, 400)
    monkeypatch.setattr(splits, "MAX_STRATIFIED_ROWS", 400)
    exact = _read(path)
    monkeypatch.setattr(splits, "MAX_STRATIFIED_ROWS", 399)
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 50)
    hashed = _read(path)
    assert list(hashed) == list(exact) == ["train", "dev", "test"]
    assert {x: len(rows) for x, rows in exact.items()} == {
        "train": 280,
        "dev": 40,
        "test": 80,
    }
    assert hashed != exact
    # The rows are the same, each in the order of the file.
    for of_split in hashed.values():
        lines = [int(row.id.removeprefix("t-file-")) for row in of_split]
        assert lines == sorted(lines)
    assert sorted(x.id for y in hashed.values() for x in y) == sorted(
        x.id for y in exact.values() for x in y
    )
    # An independent assignment of each text.
    assigned = hashed_splits.assign(
        lambda: [(f"\ntext {n}", "") for n in range(200)],
        200,
        {"train": 0.7, "dev": 0.1, "test": 0.2},
        0,
        str(tmp_path / "keys"),
    )
    by_text = dict(
        zip((f"text {n}" for n in range(200)), assigned, strict=True)
    )
    for split, rows in hashed.items():
        assert {by_text[row.seq2] for row in rows} == {split}
    assert _read(path, seed=1) != hashed


def test_groups_of_many_rows_stay_in_one_split(tmp_path, monkeypatch):
    path = _write(tmp_path, 400, 'columns = {group = "group"}\n')
    monkeypatch.setattr(splits, "MAX_STRATIFIED_ROWS", 100)
    found = _read(path)
    splits_of = collections.defaultdict(set)
    for split, rows in found.items():
        for row in rows:
            splits_of[row.group].add(split)
            splits_of[row.seq2].add(split)
    assert len(splits_of) == 300
    assert all(len(x) == 1 for x in splits_of.values())


def test_a_split_that_stays_empty_is_an_error(tmp_path, monkeypatch):
    path = _write(tmp_path, 10)
    monkeypatch.setattr(splits, "MAX_STRATIFIED_ROWS", 5)
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "the same\tno\n" * 10)
    with pytest.raises(
        ValueError, match=r"task t: split \w+ .* of 10 rows stays empty"
    ):
        _read(path)


def test_ids_of_many_rows_are_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(row_ids, "_IDS_IN_MEMORY", 10)
    path = _write(tmp_path, 100, 'columns = {id = "id"}\n')
    assert sum(map(len, _read(path).values())) == 100
    table = (tmp_path / "a.tsv").read_text()
    (tmp_path / "a.tsv").write_text(table.replace("\ti98\n", "\ti5\n"))
    with pytest.raises(
        ValueError, match=r"a\.tsv:100: id 'i5' repeats .*a\.tsv:7: ids must"
    ):
        _read(path)


def test_a_large_table_can_be_prepared(tmp_path, monkeypatch):
    path = _write(tmp_path, 300)
    monkeypatch.setattr(splits, "MAX_STRATIFIED_ROWS", 100)
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 40)
    corpus = prepare.prepare(custom.make_source(path), str(tmp_path / "out"))
    declared = corpus.declaration["tasks"]["t"]
    assert sum(declared["splits"].values()) == 300
    assert declared["duplicates"] == {"test": 0}
    assert declared["raw"] == {
        "rows": {"file": 300},
        "empty_texts": {"file": 0},
    }
    rows = [x.seq2 for x in records.read_rows(corpus.data_dir, "t", "dev")]
    assert rows == [x.seq2 for x in _read(path)["dev"]]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
