import json

import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import prediction_files
from tests.helpers import made_up

TASK = tasks_lib.Task("t", ("no", "yes"))
BOOKS = tasks_lib.Task("books", ("bad", "good"))
LINE = {
    "id": "t-1",
    "group": "topic é",
    "gold": "yes",
    "predicted": "no",
    "probabilities": {"yes": 0.25, "no": 0.75},
    "tokens": 9,
    "unknown": 2,
    "cut": 0,
}


def write_lines(tmp_path, *lines):
    path = tmp_path / "predictions" / "t-test.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read(tmp_path):
    return prediction_files.read(str(tmp_path), TASK, "test")


def test_predictions_are_in_the_task_s_order_of_labels(tmp_path):
    other = LINE | {"id": "t-2", "gold": "no", "unknown": 3}
    other["group"] = ""
    write_lines(tmp_path, LINE, other)
    found = read(tmp_path)
    assert found.ids.tolist() == ["t-1", "t-2"]
    assert found.groups.tolist() == ["topic é", ""]
    assert found.gold.tolist() == [1, 0]
    assert found.predicted.tolist() == [0, 0]
    assert found.probabilities.tolist() == [[0.75, 0.25]] * 2
    assert found.correct.tolist() == [False, True]
    assert found.confidence.tolist() == [0.75, 0.75]
    assert {name: column.tolist() for name, column in found.counts.items()} == {
        "tokens": [9, 9],
        "unknown": [2, 3],
        "cut": [0, 0],
    }


def test_any_reader_of_lines_sees_a_line_a_row(tmp_path):
    task = tasks_lib.Task("t", ("two\nli\u2028nes\x85", "\u202eevil"))
    made = made_up.predict([0, 1], [1, 0], task=task)
    prediction_files.write(str(tmp_path), task, "test", made)
    path = tmp_path / "predictions" / "t-test.jsonl"
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["gold"] == task.labels[0]
    assert json.loads(second)["gold"] == task.labels[1]
    assert r"\u202eevil" in first
    found = prediction_files.read(str(tmp_path), task, "test")
    assert found.gold.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gold": "yess"}, r"t-test.jsonl:2: .*'yess' \(did you mean yes"),
        ({"tokens": "many"}, r"t-test.jsonl:2: "),
        ({"predicted": None}, r"t-test.jsonl:2: "),
        ({"probabilities": {"yes": 1}}, r"t-test.jsonl:2: 'no' is missing"),
    ],
)
def test_a_broken_line_is_named(tmp_path, change, message):
    write_lines(tmp_path, LINE, LINE | change)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_a_line_without_a_field_is_named(tmp_path):
    without = {name: x for name, x in LINE.items() if name != "group"}
    write_lines(tmp_path, LINE, without)
    with pytest.raises(ValueError, match=r"t-test.jsonl:2: 'group' is missing"):
        read(tmp_path)


def test_what_is_not_json_is_named(tmp_path):
    path = write_lines(tmp_path, LINE)
    path.write_text(path.read_text() + '{"id": ')
    with pytest.raises(ValueError, match=r"t-test.jsonl:2: "):
        read(tmp_path)


def test_a_file_without_lines_is_refused(tmp_path):
    write_lines(tmp_path)
    with pytest.raises(ValueError, match="has no predictions"):
        read(tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"t-test.jsonl is missing"):
        read(tmp_path)


def read_lines(folder, name):
    text = (folder / "predictions" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_write_predictions(tmp_path):
    found = made_up.predict([1, 0, 0], [1, 1, 0], [False, True, False])
    prediction_files.write(str(tmp_path), BOOKS, "test", found)
    lines = read_lines(tmp_path, "books-test.jsonl")
    assert lines == [
        {
            "id": "row-0",
            "task": "books",
            "group": "",
            "gold": "good",
            "predicted": "good",
            "probabilities": {"bad": 0.25, "good": 0.75},
            "duplicate": False,
            "tokens": 1,
            "unknown": 1,
            "cut": 0,
        },
        {
            "id": "row-1",
            "task": "books",
            "group": "",
            "gold": "bad",
            "predicted": "good",
            "probabilities": {"bad": 0.25, "good": 0.75},
            "duplicate": True,
            "tokens": 2,
            "unknown": 1,
            "cut": 0,
        },
        {
            "id": "row-2",
            "task": "books",
            "group": "",
            "gold": "bad",
            "predicted": "bad",
            "probabilities": {"bad": 0.75, "good": 0.25},
            "duplicate": False,
            "tokens": 2,
            "unknown": 1,
            "cut": 1,
        },
    ]
    # Again: written anew, not behind it.
    prediction_files.write(str(tmp_path), BOOKS, "test", found)
    assert read_lines(tmp_path, "books-test.jsonl") == lines


def test_small_probabilities_keep_their_digits(tmp_path):
    found = made_up.predict([0], [0])
    found.probabilities[0] = [1.23456789e-12, 1 - 1.23456789e-12]
    prediction_files.write(str(tmp_path), BOOKS, "dev", found)
    (line,) = read_lines(tmp_path, "books-dev.jsonl")
    assert line["probabilities"] == {"bad": 1.23457e-12, "good": 1.0}


def test_what_is_written_is_read(tmp_path):
    groups = ["a", "topic é", ""]
    found = made_up.predict(
        [1, 0, 0], [1, 1, 0], groups=[group.encode() for group in groups]
    )
    prediction_files.write(str(tmp_path), BOOKS, "dev", found)
    read_back = prediction_files.read(str(tmp_path), BOOKS, "dev")
    assert read_back.ids.tolist() == ["row-0", "row-1", "row-2"]
    assert read_back.groups.tolist() == groups
    assert read_back.take(np.array([1])).groups.tolist() == ["topic é"]
    assert read_back.gold.tolist() == [1, 0, 0]
    assert read_back.predicted.tolist() == [1, 1, 0]
    assert read_back.probabilities.tolist() == found.probabilities.tolist()
    assert read_back.counts["tokens"].tolist() == [1, 2, 2]
    assert read_back.counts["cut"].tolist() == [0, 0, 1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
