import json

import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checksum_file
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
    "duplicate": True,
    "tokens": 9,
    "unknown": 2,
    "cut": 0,
}


def write_lines(tmp_path, *lines):
    path = tmp_path / "predictions" / "t-test.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def read(tmp_path, task=TASK, split="test"):
    """Reads a file after its checksum is written, as an evaluation does."""
    checksum_file.write(str(tmp_path), "results.json", "{}")
    return prediction_files.read(str(tmp_path), task, split)


def test_probabilities_have_the_order_of_the_labels(tmp_path):
    other = LINE | {"id": "t-2", "gold": "no", "unknown": 3}
    other["duplicate"] = False
    other["group"] = ""
    write_lines(tmp_path, LINE, other)
    predictions = read(tmp_path)
    assert predictions.ids.tolist() == ["t-1", "t-2"]
    assert predictions.groups.tolist() == ["topic é", ""]
    assert predictions.gold.tolist() == [1, 0]
    assert predictions.predicted.tolist() == [0, 0]
    assert predictions.probabilities.tolist() == [[0.75, 0.25]] * 2
    assert predictions.correct.tolist() == [False, True]
    assert predictions.duplicate.tolist() == [True, False]
    assert predictions.confidence.tolist() == [0.75, 0.75]
    assert {
        name: column.tolist() for name, column in predictions.counts.items()
    } == {
        "tokens": [9, 9],
        "unknown": [2, 3],
        "cut": [0, 0],
    }


def test_file_has_one_line_per_row_for_any_reader(tmp_path):
    task = tasks_lib.Task("t", ("two\nli\u2028nes\x85", "\u202eevil"))
    made = made_up.predict([0, 1], [1, 0], task=task)
    prediction_files.write(str(tmp_path), task, "test", made)
    path = tmp_path / "predictions" / "t-test.jsonl"
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["gold"] == task.labels[0]
    assert json.loads(second)["gold"] == task.labels[1]
    assert r"\u202eevil" in first
    predictions = read(tmp_path, task)
    assert predictions.gold.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gold": "yess"}, r"t-test.jsonl:2: .*'yess' \(did you mean yes"),
        ({"tokens": "many"}, r"t-test.jsonl:2: "),
        ({"predicted": None}, r"t-test.jsonl:2: "),
        ({"probabilities": {"yes": 1}}, r"t-test.jsonl:2: 'no' is missing"),
    ],
)
def test_damaged_line_is_named(tmp_path, change, message):
    write_lines(tmp_path, LINE, LINE | change)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_line_without_a_field_is_named(tmp_path):
    without = {name: x for name, x in LINE.items() if name != "group"}
    write_lines(tmp_path, LINE, without)
    with pytest.raises(ValueError, match=r"t-test.jsonl:2: 'group' is missing"):
        read(tmp_path)


def test_line_that_is_not_json_is_named(tmp_path):
    path = write_lines(tmp_path, LINE)
    path.write_text(path.read_text() + '{"id": ')
    with pytest.raises(ValueError, match=r"t-test.jsonl:2: "):
        read(tmp_path)


def test_empty_file_is_refused(tmp_path):
    write_lines(tmp_path)
    with pytest.raises(ValueError, match="has no predictions"):
        read(tmp_path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"t-test.jsonl is missing"):
        read(tmp_path)


def read_lines(folder, name):
    text = (folder / "predictions" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_write_predictions(tmp_path):
    predictions = made_up.predict([1, 0, 0], [1, 1, 0], [False, True, False])
    prediction_files.write(str(tmp_path), BOOKS, "test", predictions)
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
    # A second call replaces the file.
    prediction_files.write(str(tmp_path), BOOKS, "test", predictions)
    assert read_lines(tmp_path, "books-test.jsonl") == lines


def test_small_probabilities_keep_their_digits(tmp_path):
    predictions = made_up.predict([0], [0])
    predictions.probabilities[0] = [1.23456789e-12, 1 - 1.23456789e-12]
    prediction_files.write(str(tmp_path), BOOKS, "dev", predictions)
    (line,) = read_lines(tmp_path, "books-dev.jsonl")
    assert line["probabilities"] == {"bad": 1.23457e-12, "good": 1.0}


def test_written_predictions_are_read(tmp_path):
    groups = ["a", "topic é", ""]
    predictions = made_up.predict(
        [1, 0, 0], [1, 1, 0], groups=[group.encode() for group in groups]
    )
    prediction_files.write(str(tmp_path), BOOKS, "dev", predictions)
    read_back = read(tmp_path, BOOKS, "dev")
    assert read_back.ids.tolist() == ["row-0", "row-1", "row-2"]
    assert read_back.groups.tolist() == groups
    assert read_back.take(np.array([1])).groups.tolist() == ["topic é"]
    assert read_back.gold.tolist() == [1, 0, 0]
    assert read_back.predicted.tolist() == [1, 1, 0]
    assert (
        read_back.probabilities.tolist() == predictions.probabilities.tolist()
    )
    assert read_back.counts["tokens"].tolist() == [1, 2, 2]
    assert read_back.counts["cut"].tolist() == [0, 0, 1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
