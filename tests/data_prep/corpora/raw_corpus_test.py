import logging

import pytest

from data_prep.corpora import raw_corpus
from mtl_tf.data import records

_CORPUS = raw_corpus.RawCorpus(
    "c",
    ({"train": "new.txt", "test": "test.txt"}, {"train": "old.txt"}),
    "the shop",
    "CC0",
    read=None,
    dev_files={"devtest": "devtest.txt"},
)


def _touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("x")


@pytest.mark.parametrize("below", [False, True])
def test_find_returns_paths_by_role(tmp_path, below):
    folder = tmp_path / "some folder" if below else tmp_path
    _touch(folder, "new.txt", "test.txt")
    assert _CORPUS.find(str(tmp_path)) == {
        "train": str(folder / "new.txt"),
        "test": str(folder / "test.txt"),
    }


def test_find_uses_the_first_complete_release(tmp_path):
    _touch(tmp_path / "a", "old.txt", "new.txt")
    assert _CORPUS.find(str(tmp_path)) == {
        "train": str(tmp_path / "a" / "old.txt")
    }
    _touch(tmp_path / "b", "new.txt", "test.txt")
    files = _CORPUS.find(str(tmp_path))
    assert files["train"] == str(tmp_path / "b" / "new.txt")


def test_files_of_a_release_must_be_in_one_directory(tmp_path):
    _touch(tmp_path / "a", "new.txt")
    _touch(tmp_path / "b", "test.txt")
    with pytest.raises(
        raw_corpus.MissingFilesError,
        match=r"corpus c: .*a lacks test\.txt\. Available from: the shop",
    ):
        _CORPUS.find(str(tmp_path))


def test_missing_files_are_an_error(tmp_path):
    with pytest.raises(
        raw_corpus.MissingFilesError,
        match=r"corpus c: expected new\.txt, test\.txt, or old\.txt in .*: the "
        "shop",
    ):
        _CORPUS.find(str(tmp_path))


def test_two_copies_are_an_error(tmp_path):
    _touch(tmp_path / "a", "old.txt")
    _touch(tmp_path / "b", "old.txt")
    with pytest.raises(ValueError, match=r"old\.txt are in .*a and in .*b:"):
        _CORPUS.find(str(tmp_path))


def test_files_for_dev_in_train(tmp_path):
    _touch(tmp_path, "new.txt", "test.txt")
    with pytest.raises(
        raw_corpus.MissingFilesError, match=r"lacks devtest\.txt"
    ):
        _CORPUS.find(str(tmp_path), dev_in_train=True)
    _touch(tmp_path, "devtest.txt")
    assert "devtest" not in _CORPUS.find(str(tmp_path))
    files = _CORPUS.find(str(tmp_path), dev_in_train=True)
    assert files["devtest"] == str(tmp_path / "devtest.txt")


def test_a_missing_directory_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"there is no directory .*nowhere"):
        _CORPUS.find(str(tmp_path / "nowhere"))


def test_count_rows_warns_about_deviations(caplog):
    files = {"train": "x/a.txt", "dev": "x/b.txt", "test": "x/c.txt"}
    labels = {"train": ["no", "yes", "no"], "dev": ["no"], "test": ["yes"]}
    with caplog.at_level(logging.WARNING, logger="absl"):
        raw = raw_corpus.count_rows("c", files, labels, {"train": 3, "dev": 2})
    assert raw == {
        "rows": {
            "a.txt": {"no": 2, "yes": 1},
            "b.txt": {"no": 1},
            "c.txt": {"yes": 1},
        },
        "published": {"a.txt": 3, "b.txt": 2},
        "deviations": {"b.txt": {"rows": 1, "published": 2}},
    }
    (record,) = caplog.records
    assert "corpus c: x/b.txt has 1 rows, but 2 are published" in (
        record.getMessage()
    )


def test_split_dev_keeps_groups_together():
    # 40 groups of two rows; only the first `-train-` of an id is the split.
    rows = [
        records.Row(f"t-train-a-train-{n}", "", "text", "ab"[n // 2 % 2])
        for n in range(80)
    ]
    keys = [[n // 2] for n in range(80)]
    splits = raw_corpus.split_dev(rows, keys, 0.1, seed=0)
    assert set(splits) == {"train", "dev"}
    assert len(splits["train"]) == 72
    assert len(splits["dev"]) == 8
    assert sorted(row.label for row in splits["dev"]) == ["a"] * 4 + ["b"] * 4
    positions = {
        split: {int(row.id.removeprefix(f"t-{split}-a-train-")) for row in x}
        for split, x in splits.items()
    }
    assert positions["train"] | positions["dev"] == set(range(80))
    assert not {n // 2 for n in positions["train"]} & {
        n // 2 for n in positions["dev"]
    }
    assert raw_corpus.split_dev(rows, keys, 0.1, seed=0) == splits
    assert raw_corpus.split_dev(rows, keys, 0.1, seed=1) != splits


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
