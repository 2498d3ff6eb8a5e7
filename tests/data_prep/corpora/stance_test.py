import pytest

from data_prep.corpora import stance
from mtl_tf.data import records

_HEADER = b"Tweet,Target,Stance,Opinion Towards,Sentiment"
# Lines end with a bare CR; the last one has no line end.
_TRAIN_CSV = b"\r".join(
    (
        _HEADER,
        b'"RT ""so"" \x90\xa2 it is, indeed",Atheism,NONE,"2.  No.",neg',
        b"Hillary it is,Hillary Clinton,FAVOR,1.,pos",
        b"Climate,Climate Change is a Real Concern,AGAINST,1.,pos",
    )
)
_TEST_CSV = b"\r".join(
    (
        _HEADER,
        b"of subtask A,Atheism,AGAINST,1.,pos",
        b'"of subtask ""B""",Donald Trump,NONE,1.,pos',
    )
)
_TXT_HEADER = b"ID\tTarget\tTweet\tStance"
_TRAIN_TXT = b"\r\n".join(
    (
        _TXT_HEADER,
        b'101\tAtheism\tRT "so\xcd\xa2 it is\tNONE',
        b'102\tHillary Clinton\t"odd\tFAVOR',
        b"",
    )
)
_TEST_A = _TXT_HEADER + b"\r\n10001\tAtheism\tof subtask A\tAGAINST\r\n"
_TEST_B = _TXT_HEADER + b'\r\n20001\tDonald Trump\tof "subtask B\tNONE\r\n'


def _write(folder, csv=True, **contents):
    files = {"train.csv": _TRAIN_CSV, "test.csv": _TEST_CSV}
    if not csv:
        files = {
            "semeval2016-task6-trainingdata.txt": _TRAIN_TXT,
            "SemEval2016-Task6-subtaskA-testdata-gold.txt": _TEST_A,
            "SemEval2016-Task6-subtaskB-testdata-gold.txt": _TEST_B,
        }
    for name, content in files.items():
        (folder / name).write_bytes(
            contents.get(name.partition(".")[0], content)
        )


def _read(folder, dev_in_train=False):
    (corpus,) = stance.CORPORA
    return corpus.read(corpus.find(str(folder), dev_in_train), 0, dev_in_train)


def test_rows_of_the_csv_release(tmp_path):
    _write(tmp_path)
    task_rows = _read(tmp_path)
    assert task_rows.task.labels == ("against", "none", "favor")
    assert task_rows.task.metric == "favor_against_f1"
    assert task_rows.task.pair
    climate = "Climate Change is a Real Concern"
    assert task_rows.splits == {
        "train": [
            records.Row(
                "stance-train-1",
                "Atheism",
                'RT "so" \ufffd\ufffd it is, indeed',
                "none",
                "Atheism",
            ),
            records.Row(
                "stance-train-3", climate, "Climate", "against", climate
            ),
        ],
        "dev": [
            records.Row(
                "stance-dev-2",
                "Hillary Clinton",
                "Hillary it is",
                "favor",
                "Hillary Clinton",
            )
        ],
        "test": [
            records.Row(
                "stance-test-2",
                "Donald Trump",
                'of subtask "B"',
                "none",
                "Donald Trump",
            )
        ],
    }
    assert task_rows.skipped == {"test row of subtask A": 1}
    assert task_rows.raw["stray_bytes"] == {"train": 2, "test": 0}
    assert task_rows.raw["rows"]["train.csv"] == {
        "against": 1,
        "favor": 1,
        "none": 1,
    }
    assert not task_rows.dev_in_train
    assert "leak" not in task_rows.raw


def test_rows_of_the_task_release(tmp_path):
    _write(tmp_path, csv=False)
    task_rows = _read(tmp_path)
    texts = {
        split: [(row.id, row.seq2) for row in rows]
        for split, rows in task_rows.splits.items()
    }
    assert texts == {
        "train": [("stance-train-1", 'RT "so\ufffd\ufffd it is')],
        "dev": [("stance-dev-2", '"odd')],
        "test": [("stance-test_b-1", 'of "subtask B')],
    }
    assert task_rows.skipped == {"test row of subtask A": 1}


def test_dev_in_train_keeps_dev_rows(tmp_path):
    _write(tmp_path)
    task_rows = _read(tmp_path, dev_in_train=True)
    assert [row.id for row in task_rows.splits["train"]] == [
        "stance-train-1",
        "stance-train-2",
        "stance-train-3",
    ]
    assert [row.id for row in task_rows.splits["dev"]] == ["stance-dev-2"]
    assert task_rows.dev_in_train
    assert "a leak" in task_rows.raw["leak"]


@pytest.mark.parametrize(
    ("csv", "file", "content", "message"),
    [
        (
            True,
            "train",
            _TRAIN_CSV + b"\rx,Atheism,MAYBE,1.,pos",
            r"train\.csv:5: .*AGAINST, NONE, FAVOR.* 'MAYBE'",
        ),
        (True, "train", _TRAIN_CSV + b"\rx,y", r"csv:5: expected 5 columns, g"),
        (
            True,
            "train",
            _TRAIN_CSV + b'\r"x',
            r"csv:5: expected CSV, got: unex",
        ),
        (True, "test", b"Tweet,Stance", r"test\.csv:1: .*: Target is missing"),
        (
            True,
            "train",
            _TRAIN_CSV + b"\rx,Donald Trump,NONE,1.,pos",
            r"train\.csv: expected no rows about the test target",
        ),
        (
            False,
            "SemEval2016-Task6-subtaskB-testdata-gold",
            _TEST_B + b"20002\tDonald Trump\tx",
            r"subtaskB.*:3: expected 4 columns, got 3",
        ),
    ],
)
def test_malformed_files_are_an_error(tmp_path, csv, file, content, message):
    _write(tmp_path, csv, **{file: content})
    with pytest.raises(ValueError, match=message):
        _read(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
