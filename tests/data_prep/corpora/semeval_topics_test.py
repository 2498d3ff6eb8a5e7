import pytest

from data_prep.corpora import semeval_topics
from mtl_tf.data import records

_TRAIN = [
    '628949369883000832\tsome topic\tnegative\tan "odd quote &amp; R&B',
    '628949369883000833\t@microsoft\tpositive\t"first" and "last"',
]
_DEV = ['3\tother\tpositive\t"quoted, whole"']
_DEVTEST = ["5\tthird\tnegative\tmore"]
# As in the test file of task B: another tab, CSV quotes, a tweet on two lines,
# a line without the tab.
_TEST = [
    '10\tfourth\tpositive\t"commas, and ""quotes"""\t',
    '11\tfourth\tnegative\t"goes on',
    '"\t',
    "12\tfourth\tnegative\tplain\t",
    '13\tfourth\tpositive\t1" without a tab',
    '14\tfourth\tpositive\t"so"" he said, ""and so"\t',
    '15\tfourth\tpositive\t"one" and "two"\t',
]


def _write(folder, suffix="BD", **files):
    lines = {
        "train": _TRAIN,
        "dev": _DEV,
        "devtest": _DEVTEST,
        "test": _TEST,
        **files,
    }
    for role, content in lines.items():
        path = folder / f"twitter-2016{role}-{suffix}.txt"
        path.write_text("".join(f"{line}\n" for line in content), "utf-8")


def _read(folder, task="topic2", dev_in_train=False):
    corpus = {corpus.name: corpus for corpus in semeval_topics.CORPORA}[task]
    files = corpus.find(str(folder), dev_in_train)
    return corpus.read(files, 0, dev_in_train)


def test_rows_of_train_and_dev(tmp_path):
    _write(tmp_path)
    task_rows = _read(tmp_path)
    assert task_rows.task.name == "topic2"
    assert task_rows.task.labels == ("negative", "positive")
    assert task_rows.task.metric == "macro_recall_by_topic"
    assert task_rows.task.pair
    assert task_rows.splits["train"] == [
        records.Row(
            "topic2-train-1",
            "some topic",
            'an "odd quote & R&B',
            "negative",
            "some topic",
        ),
        # Quotes at both ends belong to the text.
        records.Row(
            "topic2-train-2",
            "@microsoft",
            '"first" and "last"',
            "positive",
            "@microsoft",
        ),
    ]
    assert [row.seq2 for row in task_rows.splits["dev"]] == ['"quoted, whole"']
    assert set(task_rows.splits) == {"train", "dev", "test"}
    assert task_rows.skipped == {}
    assert task_rows.raw["rows"]["twitter-2016train-BD.txt"] == {
        "negative": 1,
        "positive": 1,
    }
    assert task_rows.raw["deviations"]["twitter-2016train-BD.txt"] == {
        "rows": 2,
        "published": 4346,
    }


def test_rows_of_the_test_file(tmp_path):
    _write(tmp_path)
    rows = _read(tmp_path).splits["test"]
    assert [(row.id, row.seq2) for row in rows] == [
        ("topic2-test-1", 'commas, and "quotes"'),
        ("topic2-test-2", "goes on"),
        ("topic2-test-4", "plain"),
        ("topic2-test-5", '1" without a tab'),
        ("topic2-test-6", 'so" he said, "and so'),
        ("topic2-test-7", '"one" and "two"'),
    ]
    assert [row.label for row in rows[:3]] == [
        "positive",
        "negative",
        "negative",
    ]


def test_topic5_has_five_labels(tmp_path):
    lines = [f"{n}\ttopic\t{n - 2}\ttext" for n in range(5)]
    _write(tmp_path, "CE", train=lines, dev=lines, test=lines)
    task_rows = _read(tmp_path, "topic5")
    assert task_rows.task.labels == (
        "very_negative",
        "negative",
        "neutral",
        "positive",
        "very_positive",
    )
    assert task_rows.task.metric == "macro_mae_by_topic"
    train = task_rows.splits["train"]
    assert [row.label for row in train] == list(task_rows.task.labels)


def test_dev_in_train_adds_devtest(tmp_path):
    _write(tmp_path)
    task_rows = _read(tmp_path, dev_in_train=True)
    assert [row.id for row in task_rows.splits["train"]] == [
        "topic2-train-1",
        "topic2-train-2",
        "topic2-devtest-1",
    ]
    assert set(task_rows.splits) == {"train", "dev", "test"}
    # devtest has other topics than dev.
    assert not task_rows.dev_in_train


def test_unavailable_tweets_are_skipped(tmp_path):
    gone = "9\ttopic\tnegative\tNot Available"
    _write(tmp_path, train=[*_TRAIN, gone], test=[*_TEST, gone, gone])
    task_rows = _read(tmp_path)
    assert task_rows.skipped == {"tweet not available": 3}
    assert len(task_rows.splits["train"]) == 2


@pytest.mark.parametrize(
    ("role", "lines", "message"),
    [
        (
            "train",
            [*_TRAIN, "1\ttopic\tneutral\tx"],
            r"train-BD\.txt:3: .*neut",
        ),
        (
            "dev",
            ["1\ttopic\tnegative"],
            r"dev-BD\.txt:1: expected an id, a top",
        ),
        ("dev", ["", "1\tt\tnegative\tx\ty"], r"dev-BD\.txt:2: expected an id"),
        ("dev", ["x1\tt\tnegative\tx"], r"dev-BD\.txt:1: expected an id"),
        (
            "test",
            [*_TEST, '7\tt\tnegative\t"op'],
            r"test-BD\.txt:8: .* closing",
        ),
    ],
)
def test_malformed_lines_are_an_error(tmp_path, role, lines, message):
    _write(tmp_path, **{role: lines})
    with pytest.raises(ValueError, match=message):
        _read(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
