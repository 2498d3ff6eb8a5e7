import numpy as np
import pytest

from data_prep.pipeline import checks
from data_prep.pipeline import findings
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks
from tests.helpers import encoded_rows


def _number(labels, **splits):
    part = encoded_rows.make(encoded_rows.Encoder(), "t", labels, **splits)
    (x,) = encoded_rows.number(part)
    return x


def _rows(*labels):
    return [f"{label}: text {n}" for n, label in enumerate(labels)]


def test_labels_that_splits_lack():
    x = _number(
        "a b c d,e f",
        train=_rows("a", "a", "b", "c"),
        dev=_rows("a", "d,e", "c"),
        test=_rows("a", "c", "d,e", "f", "d,e"),
    )
    not_in_train, not_scored = checks.check_labels(x)
    assert not_in_train.kind == "labels_not_in_train"
    assert not_in_train.count == 2
    assert not_in_train.message == (
        "2 of 5 labels without a training row, never learned: "
        '"d,e" (dev 1, test 2), f (dev 0, test 1)'
    )
    assert not_in_train.examples == ("t-dev-1", "t-test-2")
    assert not_scored.kind == "labels_not_scored"
    assert not_scored.count == 1
    assert not_scored.message == (
        "1 of 5 labels of train without a row in dev or test, whose scores do "
        "not cover them: b (not in dev and test)"
    )
    assert not_scored.examples == ("t-train-2",)


def test_labels_that_only_dev_or_only_test_lacks():
    x = _number(
        "a b c d e f",
        train=_rows(*"abcdef"),
        dev=_rows("a", "b"),
        test=_rows(*"acdef"),
    )
    (found,) = checks.check_labels(x)
    assert found.count == 5
    assert found.message.endswith(
        "do not cover them: b (not in test), c (not in dev), d (not in dev) "
        "and 2 more"
    )


def test_labels_that_all_splits_have():
    every = _rows("a", "b", "a")
    x = _number("a b", train=every, dev=every[:2], test=every[:2])
    assert checks.check_labels(x) == []
    assert checks.check_train(x) == []


@pytest.mark.parametrize(
    ("labels", "kinds", "message"),
    [
        ("b", ["few_train_rows"], "train has 1 row for 3 labels"),
        ("ab", ["few_train_rows"], "train has 2 rows for 3 labels"),
        (
            "bbb",
            ["one_label_in_train"],
            "all 3 training rows have the label b: no other can be learned",
        ),
        (
            "aa",
            ["few_train_rows", "one_label_in_train"],
            "train has 2 rows for 3 labels",
        ),
        ("aba", [], None),
    ],
)
def test_training_rows(labels, kinds, message):
    x = _number("a b c", train=_rows(*labels), dev=_rows("a"), test=_rows("a"))
    found = checks.check_train(x)
    assert [x.kind for x in found] == kinds
    assert [x.count for x in found] == [len(labels)] * len(kinds)
    if kinds:
        assert found[0].message == message
        assert found[0].examples[0] == "t-train-0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这个电影很好看", True),
        ("这部电影很好看，我非常喜欢！ 推荐。", True),
        ("この映画はとても面白かったです。", True),
        ("หนังเรื่องนี้สนุกมาก แนะนำให้ดูเลย", True),
        ("ဒီရုပ်ရှင်ကောင်းတယ်", True),
        # Words apart.
        ("这个 电影 很 好看", False),
        ("この 映画 は とても 面白かった です", False),
        ("หนัง เรื่อง นี้ สนุก มาก", False),
        # Other languages, and a name in one.
        ("this film is good", False),
        ("это хороший фильм", False),
        ("이 영화는 정말 재미있어요", False),
        ("a film by 宮崎駿の息子 that I did not like at all", False),
        ("很好", False),
        ("", False),
    ],
)
def test_texts_without_blanks(text, expected):
    assert checks.is_unspaced(text) == expected


@pytest.mark.parametrize(("unspaced", "expected"), [(1, False), (2, True)])
def test_share_of_texts_without_blanks(unspaced, expected):
    # One of ten is a tenth, and not more.
    texts = ["这个电影很好看"] * unspaced + ["a film"] * (10 - unspaced)
    rows = [records.Row(f"t-{n}", "", x, "a") for n, x in enumerate(texts)]
    found = checks.check_blanks(
        source.TaskRows(
            tasks.Task("t", ("a", "b")), {"dev": rows[:1], "test": rows[1:]}
        )
    )
    assert bool(found) == expected
    if expected:
        assert found[0].count == 2
        assert found[0].examples == ("t-0", "t-1")
        assert found[0].message.startswith(
            "2 of 10 texts (20%) have no blanks between words: the tokenizer "
        )


def _token_ids(*rows):
    """Ids of single texts: 1 is an unknown word, 3 the empty text."""
    ids = [x for row in rows for x in (3, *row)]
    lengths = [n for row in rows for n in (1, len(row))]
    return records.TokenIds(np.array(ids), np.cumsum([0, *lengths]))


def test_unknown_words():
    x = _number("a b", train=_rows(*"ab"), dev=_rows(*"ab"), test=_rows(*"aba"))
    token_ids = {
        # Two words of eight are a quarter.
        "dev": _token_ids([4, 1, 5, 6], [7, 1, 8, 9]),
        # Three of ten, two of them in the second row; the empty text is none.
        "test": _token_ids([1, 4, 4, 4], [1, 1, 4, 4, 4, 4], [3]),
    }
    (found,) = checks.check_unknown(x, token_ids, 2)
    assert found.kind == "unknown_words"
    assert found.count == 5
    assert found.message == (
        "25% of dev and 30% of test are unknown words: the vocabulary has "
        "those seen 2 times or more in train and unlabeled texts (--min_count)"
    )
    assert found.examples == ("t-dev-0", "t-dev-1")
    # A fifth is no more than a fifth.
    token_ids["dev"] = _token_ids([4, 1, 5], [7, 8])
    (found,) = checks.check_unknown(x, token_ids, 2)
    assert found.count == 3
    assert found.message.startswith("30% of test are unknown words")
    assert found.examples == ("t-test-1",)
    token_ids["test"] = _token_ids([4], [5], [1, 6, 7, 8, 9])
    assert checks.check_unknown(x, token_ids, 2) == []


def test_findings_are_in_order():
    encoder = encoded_rows.Encoder()
    parts = [
        encoded_rows.make(
            encoder,
            name,
            "a b",
            train=["a: x", "b: x"],
            dev=["a: d", "b: e"],
            test=["a: f", "b: g"],
        )
        for name in ("t", "s")
    ]
    known = {split: _token_ids([4], [5]) for split in ("train", "dev", "test")}
    odd = findings.Finding("quotes_in_tsv", "t", 1, "found by the reader")
    first, encoded = parts[0]
    parts[0] = (
        source.TaskRows(first.task, first.splits, findings=(odd,)),
        encoded,
    )
    found = checks.check(parts, [known, known], 2)
    assert [(x.task, x.kind) for x in found] == [
        ("s", "conflicts_in_train"),
        ("t", "conflicts_in_train"),
        ("t", "quotes_in_tsv"),
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
