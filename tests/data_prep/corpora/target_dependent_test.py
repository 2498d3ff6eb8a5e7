import pytest

from data_prep.corpora import target_dependent
from mtl_tf.data import records

_TRAIN = [
    ("i agree about $T$ and $T$ .", "jimmy carter", "-1"),
    ("$T$ , i love it", "britney spears", "1"),
]
# Twenty texts, five of which are repeated.
_MORE = [(f"$T$ text {n % 20}", "x", "0") for n in range(25)]


def _write(folder, train=(*_TRAIN, *_MORE), test=_TRAIN[:1], end="\n"):
    for name, examples in (("train", train), ("test", test)):
        lines = [line for example in examples for line in example]
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"{name}.raw").write_text(text.removesuffix("\n") + end)


def _read(folder, seed=0):
    (corpus,) = target_dependent.CORPORA
    return corpus.read(corpus.find(str(folder)), seed, False)


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_rows_of_the_files(tmp_path, end):
    _write(tmp_path, end=end)
    task_rows = _read(tmp_path)
    assert task_rows.task.labels == ("negative", "neutral", "positive")
    assert task_rows.task.metric == "macro_f1"
    assert task_rows.task.pair
    assert task_rows.splits["test"] == [
        records.Row(
            "target-test-1",
            "jimmy carter",
            "i agree about jimmy carter and jimmy carter .",
            "negative",
            "test-1",
        )
    ]
    rows = {row.seq2: row for row in task_rows.splits["train"]}
    rows |= {row.seq2: row for row in task_rows.splits["dev"]}
    second = rows["britney spears , i love it"]
    assert second.id.endswith("-4")
    assert second.label == "positive"
    assert task_rows.raw["rows"]["train.raw"] == {
        "negative": 1,
        "neutral": 25,
        "positive": 1,
    }


def test_dev_is_split_by_text(tmp_path):
    _write(tmp_path)
    for seed in range(4):
        splits = _read(tmp_path, seed).splits
        train = {row.seq2 for row in splits["train"]}
        dev = {row.seq2 for row in splits["dev"]}
        assert not train & dev
        assert len(splits["train"]) + len(splits["dev"]) == 27
        assert 1 <= len(splits["dev"]) <= 4
        for rows in splits.values():
            groups = {row.seq2: row.group for row in rows}
            assert all(row.group == groups[row.seq2] for row in rows)
            assert len(set(groups.values())) == len(groups)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([*_TRAIN, ("no place", "x", "0")], r"train\.raw:7: .* with \$T\$"),
        ([*_TRAIN, ("a $T$", "x")], r"train\.raw:7: expected a text with"),
        ([("a $T$", "x", "2")], r"train\.raw:1: .* one of -1, 0, 1"),
        ([("a $T$", " ", "1")], r"train\.raw:1: expected a target"),
    ],
)
def test_malformed_examples_are_an_error(tmp_path, examples, message):
    _write(tmp_path, train=examples)
    with pytest.raises(ValueError, match=message):
        _read(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
