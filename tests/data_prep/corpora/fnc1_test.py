import csv

import pytest

from data_prep.corpora import fnc1
from mtl_tf.data import records

_BODIES = [["Body ID", "articleBody"]]
_STANCES = [["Headline", "Body ID", "Stance"]]
_LABELS = ("disagree", "discuss", "agree", "unrelated")
# Forty bodies with one row of each label; headlines have many bodies. Bodies 38
# and 39 are the same text.
_TRAIN_BODIES = [
    *_BODIES,
    *([str(n), f'Body {min(n, 38)}\n\nmore, of "it"'] for n in range(40)),
]
_TRAIN = [
    *_STANCES,
    *(
        [f"headline {n % 3}", str(n), label]
        for n in range(40)
        for label in _LABELS
    ),
]
_TEST_BODIES = [*_BODIES, ["0", "Test &amp;\nbody"]]
_TEST = [
    *_STANCES,
    [" on&nbsp;two\nlines ", "0", "agree"],
    ["next", "0", "unrelated"],
]


def _write(folder, **tables):
    files = {
        "train_stances": _TRAIN,
        "train_bodies": _TRAIN_BODIES,
        "competition_test_stances": _TEST,
        "competition_test_bodies": _TEST_BODIES,
        **tables,
    }
    for name, rows in files.items():
        with open(
            folder / f"{name}.csv", "w", encoding="utf-8", newline=""
        ) as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _read(folder, seed=0):
    (corpus,) = fnc1.CORPORA
    return corpus.read(corpus.find(str(folder)), seed, False)


def test_rows_of_the_files(tmp_path):
    _write(tmp_path)
    task_rows = _read(tmp_path)
    assert task_rows.task.labels == _LABELS
    assert task_rows.task.metric == "accuracy"
    assert task_rows.task.pair
    assert task_rows.splits["test"] == [
        records.Row(
            "fnc1-test-2", "on\xa0two\nlines", "Test &\nbody", "agree", "test-0"
        ),
        # The previous row has lines 2 and 3.
        records.Row(
            "fnc1-test-4", "next", "Test &\nbody", "unrelated", "test-0"
        ),
    ]
    assert task_rows.raw["rows"]["train_stances.csv"] == dict.fromkeys(
        _LABELS, 40
    )
    assert task_rows.raw["published"] == {
        "train_stances.csv": 49972,
        "competition_test_stances.csv": 25413,
    }


def test_dev_is_split_by_body(tmp_path):
    _write(tmp_path)
    seen = set()
    for seed in range(6):
        splits = _read(tmp_path, seed).splits
        assert len(splits["train"]) == 128
        assert len(splits["dev"]) == 32
        assert {row.label for row in splits["dev"]} == set(_LABELS)
        train = {row.seq2 for row in splits["train"]}
        dev = {row.seq2 for row in splits["dev"]}
        assert not train & dev
        groups = {row.group for rows in splits.values() for row in rows}
        # Bodies 38 and 39 are one; another body is that of test.
        assert len(groups) == 40
        seen.add(frozenset(dev))
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"train_stances": [*_TRAIN, ["x", "99", "agree"]]},
            r"train_stances\.csv:162: expected the id of a body of .*bodies",
        ),
        (
            {"train_stances": [*_TRAIN, ["x", "9", "maybe"]]},
            r"train_stances\.csv:162: .*'9' and 'maybe'",
        ),
        (
            {"competition_test_bodies": [*_TEST_BODIES, ["0", "x"]]},
            r"test_bodies\.csv:4: expected one body 0, got two",
        ),
        (
            {"train_stances": [["Headline", "Stance"], ["x", "agree"]]},
            r"train_stances\.csv:1: expected one column 'Body ID'",
        ),
    ],
)
def test_malformed_files_are_an_error(tmp_path, tables, message):
    _write(tmp_path, **tables)
    with pytest.raises(ValueError, match=message):
        _read(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
