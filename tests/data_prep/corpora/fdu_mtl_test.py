import os

import pytest

from data_prep.corpora import fdu_mtl
from data_prep.pipeline import prepare
from mtl_tf.data import records

# Ten train rows (the last three of them dev), three test rows, two unlabeled.
_TRAIN = [
    b"1\tgood \xc3\xa9 film",
    b"0\tbad \xe9 film",  # cp1252
    b"0\t",
    b"1\tone line\xc2\x85 with nel",
    b"0\tshared with dev",
    b"1\tshared with test",
    b"0\ttab\tin text",
    b"0\tshared with dev",
    b"1\tsecond dev text",
    b"0\tthird dev text",
]
_TEST = [b"1\tshared with test", b"0\tnew text", b"0\tnew text"]
_UNLABEL = [b"Never SEEN. ", b"2\xbd stars"]


def _write(folder, task="books", train=_TRAIN, test=_TEST, unlabel=_UNLABEL):
    files = {"train": train, "test": test, "unlabel": unlabel}
    for kind, lines in files.items():
        (folder / f"{task}.task.{kind}").write_bytes(
            b"".join(line + b"\n" for line in lines)
        )


@pytest.fixture(autouse=True)
def _small_table(monkeypatch):
    monkeypatch.setattr(fdu_mtl, "TABLE_1", {"books": (7, 2)})
    monkeypatch.setattr(fdu_mtl, "DEV_ROWS", 3)
    monkeypatch.setattr(fdu_mtl, "TEST_ROWS", 3)


def _read(folder, **arguments):
    (task,) = fdu_mtl.make_source(str(folder), **arguments).read()
    return task


def test_rows_of_the_files(tmp_path):
    _write(tmp_path)
    task = _read(tmp_path)
    assert task.task.name == "books"
    assert task.task.labels == ("negative", "positive")
    assert not task.task.pair
    train = task.splits["train"]
    assert train[:4] == [
        records.Row("books-train-1", "", "good é film", "positive"),
        records.Row("books-train-2", "", "bad é film", "negative"),
        records.Row("books-train-3", "", "", "negative"),
        records.Row("books-train-4", "", "one line\x85 with nel", "positive"),
    ]
    assert train[6].seq2 == "tab\tin text"
    assert [row.id for row in task.splits["dev"]] == [
        "books-dev-8",
        "books-dev-9",
        "books-dev-10",
    ]
    assert task.splits["unlabeled"] == [
        records.Row("books-unlabeled-1", "", "Never SEEN."),
        records.Row("books-unlabeled-2", "", "2½ stars"),
    ]
    assert task.raw == {
        "rows": {"train": 10, "test": 3, "unlabel": 2},
        "cp1252_lines": {"train": 1, "test": 0, "unlabel": 1},
        "empty_texts": {"train": 1, "test": 0, "unlabel": 0},
        "table_1": {"train": 7, "dev": 3, "test": 3, "unlabeled": 2},
    }


def test_duplicates_are_removed_or_marked(tmp_path):
    (tmp_path / "raw").mkdir()
    _write(tmp_path / "raw")
    corpus = prepare.prepare(
        fdu_mtl.make_source(str(tmp_path / "raw")), str(tmp_path / "out")
    )
    task = corpus.declaration["tasks"]["books"]
    assert task["splits"] == {
        "train": 6,
        "dev": 3,
        "test": 3,
        "unlabeled": 2,
    }
    assert task["skipped"] == {"text is in dev": 1}
    assert task["duplicates"] == {"test": 1}


def test_random_dev_keeps_repeated_texts_together(tmp_path):
    _write(tmp_path)
    seen = set()
    for seed in range(8):
        splits = _read(tmp_path, dev_split="random", seed=seed).splits
        assert len(splits["dev"]) == 3
        train = {row.seq2 for row in splits["train"]}
        dev = {row.seq2 for row in splits["dev"]}
        assert not train & dev
        seen.add(frozenset(dev))
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("kind", "lines", "message"),
    [
        (
            "train",
            _TRAIN[:9],
            r"train: expected 10 lines \(train and dev\) .* 9",
        ),
        ("test", [*_TEST, b"0\tx"], r"test: expected 3 lines as .* got 4"),
        ("unlabel", _UNLABEL[:1], r"unlabel: expected 2 lines as .* got 1"),
        ("test", [b"1\ta", b"2\tb", b"0\tc"], r"test:2: expected 0 or 1"),
        ("test", [b"1\ta", b"0\tb", b"0 c"], r"test:3: expected 0 or 1, a tab"),
    ],
)
def test_other_copies_are_an_error(tmp_path, kind, lines, message):
    _write(tmp_path, **{kind: lines})
    with pytest.raises(ValueError, match=r"books\.task\." + message):
        _read(tmp_path)


def test_a_missing_file_is_an_error(tmp_path):
    _write(tmp_path)
    os.remove(tmp_path / "books.task.test")
    with pytest.raises(ValueError, match=r"no file .*books\.task\.test"):
        fdu_mtl.make_source(str(tmp_path)).checksums()


def test_an_unknown_dev_split_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="one of last, random"):
        fdu_mtl.make_source(str(tmp_path), dev_split="first")


def test_the_seed_only_matters_for_a_random_dev(tmp_path):
    last = fdu_mtl.make_source(str(tmp_path), "last", seed=4)
    drawn = fdu_mtl.make_source(str(tmp_path), "random", seed=4)
    assert last.settings == {"dev_split": "last"}
    assert drawn.settings == {"dev_split": "random", "seed": 4}


def test_the_published_files(tmp_path, monkeypatch):
    raw_dir = os.environ.get("MTL_TF_FDU_MTL_DIR")
    if not raw_dir:
        pytest.skip("MTL_TF_FDU_MTL_DIR names no folder of the FDU-MTL files")
    monkeypatch.undo()
    corpus = prepare.prepare(
        fdu_mtl.make_source(raw_dir), str(tmp_path / "out")
    )
    assert len(corpus.tasks) == 16
    declared = corpus.declaration["tasks"]
    # Table 1 of the paper: 16 x 400 test rows; counted by hand in the files:
    # 539 of them have a text of their task's train file.
    assert sum(x["splits"]["test"] for x in declared.values()) == 6400
    assert sum(x["duplicates"]["test"] for x in declared.values()) == 539
    assert sum(x["raw"]["rows"]["train"] for x in declared.values()) == 25380
    assert sum(x["splits"]["unlabeled"] for x in declared.values()) == 30475
    assert declared["magazines"]["duplicates"] == {"test": 169}
    assert declared["MR"]["raw"]["cp1252_lines"] == {
        "train": 31,
        "test": 6,
        "unlabel": 32,
    }
    assert declared["sports_outdoors"]["raw"]["empty_texts"]["train"] == 1
    for name in declared:
        texts = {
            split: set(
                records.read_columns(
                    str(tmp_path / "out"), name, split, ["seq2"]
                )["seq2"].tolist()
            )
            for split in ("train", "dev")
        }
        assert not texts["train"] & texts["dev"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
