import hashlib

import pytest

from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks


def _row(row_id, label="no", seq1=""):
    return records.Row(row_id, seq1, "text", label)


def _task_rows(name="t", pair=False, **splits):
    rows = {split: [_row(f"{name}-{split}")] for split in tasks.LABELED_SPLITS}
    return source.TaskRows(
        tasks.Task(name, ("no", "yes"), pair=pair), {**rows, **splits}
    )


def test_valid_rows_are_accepted():
    source.check_rows(
        "c",
        [
            _task_rows(unlabeled=[_row("u", label="")]),
            _task_rows("p", pair=True, train=[_row("p-1", seq1="topic")]),
        ],
    )


@pytest.mark.parametrize(
    ("task_rows", "message"),
    [
        ([], "has no tasks"),
        ([_task_rows(), _task_rows()], r"tasks repeat: \['t'\]"),
        (
            [_task_rows("news"), _task_rows("News")],
            "corpus c: tasks news and News differ in case only",
        ),
        ([_task_rows(tset=[_row("x")])], r"'tset' \(did you mean test?"),
        ([_task_rows(dev=[])], "task t has no dev rows"),
        ([_task_rows(unlabeled=[_row("u")])], "u: an unlabeled row has label"),
        ([_task_rows(dev=[_row("x", "yse")])], "t has no label 'yse' .*yes"),
        (
            [_task_rows(dev=[_row("x", seq1="s")])],
            "x: expected no seq1, since task t has",
        ),
        ([_task_rows(dev=[_row("t-train")])], "1 ids repeat, such as t-train"),
    ],
)
def test_invalid_rows_are_an_error(task_rows, message):
    with pytest.raises(ValueError, match=message):
        source.check_rows("c", task_rows)


def test_checksums_are_sha256_of_the_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    files = {"a.txt": str(path)}
    actual = source.Source("c", 1, files, {}, "", list).checksums()
    assert actual == {"a.txt": hashlib.sha256(b"abc").hexdigest()}


def test_missing_files_are_an_error(tmp_path):
    files = {x: str(tmp_path / x) for x in ("a.txt", "b.txt", "c.txt")}
    with pytest.raises(ValueError, match=r"no file .*a\.txt and 2 more"):
        source.Source("c", 1, files, {}, "", list).checksums()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
