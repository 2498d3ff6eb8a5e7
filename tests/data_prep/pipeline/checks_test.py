import collections

import numpy as np
import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import checks
from data_prep.pipeline import findings
from data_prep.pipeline import outputs
from data_prep.pipeline import tally
from mtl_tf.data import records
from mtl_tf.data import tasks
from tests.helpers import encoded_rows


def _identify(labels, **splits):
    (texts,) = encoded_rows.identify(
        encoded_rows.make(encoded_rows.TextEncoder(), "t", labels, **splits)
    )
    return texts


def _rows(*labels):
    return [f"{label}: text {n}" for n, label in enumerate(labels)]


def test_labels_missing_in_a_split_are_found():
    texts = _identify(
        "a b c d,e f",
        train=_rows("a", "a", "b", "c"),
        dev=_rows("a", "d,e", "c"),
        test=_rows("a", "c", "d,e", "f", "d,e"),
    )
    not_in_train, not_scored = checks.check_labels(texts)
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


def test_labels_missing_in_dev_or_test_only_are_found():
    texts = _identify(
        "a b c d e f",
        train=_rows(*"abcdef"),
        dev=_rows("a", "b"),
        test=_rows(*"acdef"),
    )
    (finding,) = checks.check_labels(texts)
    assert finding.count == 5
    assert finding.message.endswith(
        "do not cover them: b (not in test), c (not in dev), d (not in dev) "
        "and 2 more"
    )


def test_labels_in_all_splits_are_not_found():
    every = _rows("a", "b", "a")
    texts = _identify("a b", train=every, dev=every[:2], test=every[:2])
    assert checks.check_labels(texts) == []
    assert checks.check_train(texts) == []


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
def test_too_few_and_uniform_training_rows_are_found(labels, kinds, message):
    texts = _identify(
        "a b c", train=_rows(*labels), dev=_rows("a"), test=_rows("a")
    )
    actual = checks.check_train(texts)
    assert [finding.kind for finding in actual] == kinds
    assert [finding.count for finding in actual] == [len(labels)] * len(kinds)
    if kinds:
        assert actual[0].message == message
        assert actual[0].examples[0] == "t-train-0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("这个电影很好看", True),
        ("这部电影很好看，我非常喜欢！ 推荐。", True),
        ("この映画はとても面白かったです。", True),
        ("หนังเรื่องนี้สนุกมาก แนะนำให้ดูเลย", True),
        ("ဒီရုပ်ရှင်ကောင်းတယ်", True),
        # Separated words.
        ("这个 电影 很 好看", False),
        ("この 映画 は とても 面白かった です", False),
        ("หนัง เรื่อง นี้ สนุก มาก", False),
        # Other languages, and a name in one of them.
        ("this film is good", False),
        ("это хороший фильм", False),
        ("이 영화는 정말 재미있어요", False),
        ("a film by 宮崎駿の息子 that I did not like at all", False),
        ("很好", False),
        ("", False),
    ],
)
def test_is_unspaced_recognizes_scripts_without_blanks(text, expected):
    assert checks.is_unspaced(text) == expected


def _tally(counts, examples=()):
    """Makes the tally of a task `t` from counts and ids by key."""
    total = tally.Tally()
    for key, count in counts.items():
        total.add((0, *key), [], count)
    for key, ids in dict(examples).items():
        rows = [tally.Example((n,), (x,)) for n, x in enumerate(ids)]
        total.add((0, *key), rows, 0)
    task = tasks.Task("t", ("a", "b"))
    return tally.TaskTally(task, 0, ("dev", "test"), total)


@pytest.mark.parametrize(("unspaced", "expected"), [(1, False), (2, True)])
def test_texts_without_blanks_are_found_above_a_tenth(unspaced, expected):
    actual = checks.check_blanks(
        _tally(
            {
                ("rows", "dev"): 1,
                ("rows", "test"): 9,
                ("unspaced", "dev"): 1,
                ("unspaced", "test"): unspaced - 1,
            },
            {("unspaced", "dev"): ["t-0"], ("unspaced", "test"): ["t-1"]},
        )
    )
    assert bool(actual) == expected
    if expected:
        assert actual[0].count == 2
        assert actual[0].examples == ("t-0", "t-1")
        assert actual[0].message.startswith(
            "2 of 10 texts (20%) have no blanks between words: the tokenizer "
        )


def _token_ids(*rows):
    """Makes token ids of single texts: 1 is unknown, 3 an empty text."""
    ids = [x for row in rows for x in (3, *row)]
    lengths = [n for row in rows for n in (1, len(row))]
    return records.TokenIds(np.array(ids), np.cumsum([0, *lengths]))


def _check_unknown(**token_ids):
    """Checks the token ids of dev and test."""
    rows, split_blocks = encoded_rows.make(
        encoded_rows.TextEncoder(),
        "t",
        "a b",
        **{x: _rows(*"a" * len(ids)) for x, ids in token_ids.items()},
    )
    info, total = rows.shards().info, tally.Tally()
    for block, ids in zip(split_blocks, token_ids.values(), strict=True):
        marks = np.zeros(len(block), np.uint8)
        total.merge(outputs.tally_unknown(block, marks, ids, [info]))
    return checks.check_unknown(
        tally.TaskTally(info.task, 0, info.splits, total), 2
    )


def test_unknown_words_are_found_above_a_fifth():
    # Two of eight words.
    dev = _token_ids([4, 1, 5, 6], [7, 1, 8, 9])
    # Three of ten words, two of them in the second row.
    test = _token_ids([1, 4, 4, 4], [1, 1, 4, 4, 4, 4], [3])
    (finding,) = _check_unknown(dev=dev, test=test)
    assert finding.kind == "unknown_words"
    assert finding.count == 5
    assert finding.message == (
        "25% of dev and 30% of test are unknown words: words of the vocabulary "
        "occur at least 2 times in train and unlabeled texts (--min_count)"
    )
    assert finding.examples == ("t-dev-0", "t-dev-1")
    # Exactly a fifth of dev.
    dev = _token_ids([4, 1, 5], [7, 8])
    (finding,) = _check_unknown(dev=dev, test=test)
    assert finding.count == 3
    assert finding.message.startswith("30% of test are unknown words")
    assert finding.examples == ("t-test-1",)
    test = _token_ids([4], [5], [1, 6, 7, 8, 9])
    assert _check_unknown(dev=dev, test=test) == []


def test_unknown_words_of_removed_rows_do_not_shift_the_examples():
    _, split_blocks = encoded_rows.make(
        encoded_rows.TextEncoder(), "t", "a b", dev=_rows(*"aaa")
    )
    info = blocks.TaskInfo(tasks.Task("t", ("a", "b")), ("dev",))
    marks = np.array([blocks.REMOVED, 0, 0], np.uint8)
    total = outputs.tally_unknown(
        split_blocks[0], marks, _token_ids([4], [1]), [info]
    )
    assert total.first[0, "rows_by_unknown_words", "dev", 1][0].ids == (
        "t-dev-2",
    )


class _CountingCounter(collections.Counter):
    """A counter that counts the keys that loops visit."""

    visits = 0

    def __iter__(self):
        for key in super().__iter__():
            self.visits += 1
            yield key

    def items(self):
        return [(key, self[key]) for key in self]


@pytest.mark.parametrize("num_tasks", [1, 60])
def test_the_keys_of_all_tasks_are_visited_once(num_tasks):
    total = tally.Tally()
    total.counts = _CountingCounter()
    for task in range(num_tasks):
        for split in ("dev", "test"):
            total.add((task, "words", split), [], 10)
            total.add((task, "unknown_words", split), [], 9)
            row = tally.Example((0,), (f"{task}-{split}",))
            for number in (2, 5):
                key = (task, "rows_by_unknown_words", split, number)
                total.add(key, [row], 1)
    infos = [
        blocks.TaskInfo(tasks.Task(f"t{x}", ("a", "b")), ("train",))
        for x in range(num_tasks)
    ]
    found = [
        finding
        for texts in tally.by_task(infos, total)
        for finding in checks.check_unknown(texts, 2)
    ]
    assert [x.examples for x in found] == [
        (f"{task}-dev", f"{task}-test") for task in range(num_tasks)
    ]
    assert total.counts.visits == len(total.counts) == num_tasks * 8


def test_findings_are_sorted_by_task_and_kind():
    encoder = encoded_rows.TextEncoder()
    tallies = encoded_rows.identify(
        *(
            encoded_rows.make(
                encoder,
                name,
                "a b",
                train=["a: x", "b: x"],
                dev=["a: d", "b: e"],
                test=["a: f", "b: g"],
            )
            for name in ("t", "s")
        )
    )
    from_reader = findings.Finding("quotes_in_tsv", "t", 1, "from the reader")
    actual = checks.check(tallies, [from_reader], 2)
    assert [(x.task, x.kind) for x in actual] == [
        ("s", "conflicts_in_train"),
        ("t", "conflicts_in_train"),
        ("t", "quotes_in_tsv"),
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
