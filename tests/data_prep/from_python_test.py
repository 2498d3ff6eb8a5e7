"""`mtl_tf.prepare` from tables in memory."""

import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import mtl_tf
from mtl_tf.data import records

_ROWS = [
    {"text": f"text number {i} is here", "label": "no" if i % 2 else "yes"}
    for i in range(40)
]
_FRAME = pd.DataFrame(_ROWS)
_COLUMNS = {"seq2": "text", "label": "label"}


def _prepare(table, out_dir="unused", **settings):
    return mtl_tf.prepare({"t": table}, out_dir, settings={"t": settings})


def _state(folder):
    return {
        path: path.stat().st_mtime_ns
        for path in sorted(pathlib.Path(folder).rglob("*"))
    }


def test_corpus_is_prepared_once_and_replaced_by_that_of_other_tables(tmp_path):
    out_dir = tmp_path / "corpus"
    corpus = mtl_tf.prepare({"t": _FRAME}, out_dir, license="CC0", min_count=1)
    assert corpus.rows == {"t": {"train": 26, "dev": 6, "test": 8}}
    assert corpus.declaration["license"] == "CC0"
    assert corpus.tasks == (mtl_tf.Task("t", ("no", "yes")),)
    texts = {
        row.seq2
        for split in corpus.rows["t"]
        for row in records.read_rows(corpus.data_dir, "t", split)
    }
    assert texts == set(_FRAME["text"])
    before = _state(out_dir)
    # Another kind of table with the same values.
    mtl_tf.prepare({"t": _ROWS}, out_dir, license="CC0", min_count=1)
    assert _state(out_dir) == before
    corpus = mtl_tf.prepare(
        {"t": _ROWS[:-1]}, out_dir, license="CC0", min_count=1
    )
    assert sum(corpus.rows["t"].values()) == 39
    (out_dir / "notes.txt").write_text("mine")
    with pytest.raises(
        ValueError, match=r"holds notes\.txt, which is not part"
    ):
        mtl_tf.prepare({"t": _FRAME}, out_dir)


def _changed(row, **values):
    """Returns the rows with other values in one of them."""
    return [x | values if i == row else x for i, x in enumerate(_ROWS)]


_TWO_TEXTS = [
    {
        "question": f"is the number {i} in question?",
        "answer": f"the answer is number {i}",
        "ok": i % 2,
    }
    for i in range(20)
]
# By name: the table, the settings, and a part of the message.
_ERRORS = {
    "no table": (3, {}, "task t: expected a pandas DataFrame, a list of dicts"),
    "path": (
        "my.csv",
        {},
        "got 'my.csv'; files are declared in a task file (--corpus=custom)",
    ),
    "empty": (_FRAME[:0], {}, "task t: expected rows, got an empty table"),
    "no dicts": (
        [("a text", "yes")],
        {},
        "task t: row 0: expected a dict from column to value, got ('a text'",
    ),
    "columns as a dict": (
        {"text": ["a"], "label": ["b"]},
        {},
        "expected splits (train, dev, test, unlabeled) as keys, got 'text'; "
        "pandas.DataFrame makes a table of a dict of columns",
    ),
    "two tables of a split": (
        {"train": _ROWS, "dev": _ROWS, "val": _ROWS},
        {},
        "task t: two tables are dev",
    ),
    "no train": ({"dev": _ROWS}, {}, "expected a table train, got ['dev']"),
    "lacking key": (
        [*_ROWS, {"text": "one more"}],
        {},
        "task t: row 40: column 'label' is missing; None is a missing value",
    ),
    "repeated column": (
        pd.DataFrame([["a", "b"]], columns=["text", "text"]),
        {},
        "task t: two columns are named 'text'",
    ),
    "number as a text": (
        _changed(7, text=5),
        {"columns": _COLUMNS},
        "task t: row 7: expected a text for seq2, got 5",
    ),
    "row of a frame": (
        pd.DataFrame(_changed(7, text=5), index=[f"r{i}" for i in range(40)]),
        {"columns": _COLUMNS},
        "task t: row 7 (index 'r7'): expected a text for seq2, got 5",
    ),
    "row of a split": (
        {"train": _ROWS, "dev": _changed(3, label="maybe"), "test": _ROWS},
        {"labels": ["no", "yes"]},
        "task t: dev row 3: task t has no label 'maybe'",
    ),
    "regression": (
        _changed(9, label=0.5),
        {"columns": _COLUMNS},
        "task t: row 9: expected the name of a label, got the number 0.5: "
        "regression targets are not supported",
    ),
    "several labels": (
        _changed(9, label=["no", "yes"]),
        {"columns": _COLUMNS},
        "task t: row 9: expected one label, got ['no', 'yes']",
    ),
    "date as a label": (
        _changed(9, label=pd.Timestamp("2020-01-01")),
        {"columns": _COLUMNS},
        "task t: row 9: expected a text for label, got Timestamp('2020-01-01",
    ),
    "text as a label": (
        [row | {"label": row["text"]} for row in _ROWS],
        {"columns": _COLUMNS},
        "task t: column 'label' has 40 different labels in 40 rows",
    ),
    "one label": (
        [row | {"label": "no"} for row in _ROWS],
        {"columns": _COLUMNS},
        "task t: expected at least 2 labels, got ['no']",
    ),
    "bytes of another encoding": (
        _changed(2, text=b"caf\xe9"),
        {"columns": _COLUMNS},
        "task t: row 2: expected UTF-8 in column 'text', got byte 0xe9",
    ),
    "lone surrogate": (
        _changed(2, text="\ud800"),
        {"columns": _COLUMNS},
        r"task t: row 2: expected Unicode text, got a lone surrogate, \ud800",
    ),
    "two texts": (
        _TWO_TEXTS,
        {},
        "task t: which column has the texts? There are 'question' (texts of 5 "
        "words), 'answer' (texts of 4 words), 'ok' (2 labels); name it, for "
        "example: settings={'t': {'columns': {'seq1': 'question', 'seq2': "
        "'answer', 'label': 'ok'}}}",
    ),
    "no labels": (
        [{"text": row["text"]} for row in _ROWS],
        {},
        "task t: which column has the labels? There are 'text' (texts of 4",
    ),
    "unknown column": (
        _ROWS,
        {"columns": {"seq2": "texte"}},
        "task t: there is no column 'texte' for seq2 (did you mean text?); the "
        "columns are text, label",
    ),
    "unknown field": (
        _ROWS,
        {"columns": {"text": "text"}},
        "task t: columns: unknown key 'text'",
    ),
    "unknown setting": (
        _ROWS,
        {"label": ["no", "yes"]},
        "settings: task t: unknown key 'label' (did you mean labels, absent?)",
    ),
    "unknown metric": (_ROWS, {"metric": "f1"}, "there is no metric 'f1'"),
    "labels as a text": (
        _ROWS,
        {"labels": "no, yes"},
        "task t: labels: expected a list of names, got 'no, yes'",
    ),
    "shares above 1": (
        _ROWS,
        {"split": {"dev": 0.5, "test": 0.5}},
        "task t: split: expected fractions above 0 whose sum is below 1",
    ),
    "share of a split with a table": (
        {"train": _ROWS, "test": _ROWS},
        {"split": {"dev": 0.1, "test": 0.1}},
        "task t: split: expected shares of ['dev'], the splits without rows",
    ),
    "shares of splits in a column": (
        [
            row | {"split": ("train", "dev", "test")[i % 3]}
            for i, row in enumerate(_ROWS)
        ],
        {"split": {"dev": 0.1, "test": 0.1}},
        "task t: split: expected shares of [], the splits without rows, got "
        "{'dev': 0.1, 'test': 0.1}; column 'split' has the others",
    ),
    "repeated id": (
        [row | {"key": i // 2} for i, row in enumerate(_ROWS)],
        {"columns": {**_COLUMNS, "id": "key"}},
        "task t: row 1: id 0 repeats task t: row 0",
    ),
    "no split of a row": (
        [_ROWS[0] | {"part": "dev"}, *_ROWS[1:]],
        {"columns": {**_COLUMNS, "split": "part"}},
        "task t: row 1: column 'part' is missing",
    ),
    "unknown split of a row": (
        [row | {"part": "dev"} for row in _ROWS[:4]] + [_ROWS[4] | {"part": 5}],
        {"columns": {**_COLUMNS, "split": "part"}},
        "task t: row 4: expected a split in column 'part', one of train, dev, "
        "test, unlabeled, got 5",
    ),
    "no row of train": (
        [row | {"part": "dev"} for row in _ROWS],
        {"columns": {**_COLUMNS, "split": "part"}},
        "task t: no row is in train: column 'part' has {'dev': 40}",
    ),
    "split of several tables": (
        {"train": _ROWS, "dev": _ROWS, "test": _ROWS},
        {"columns": {"split": "label"}},
        "`split` names the split of each row of one table, got tables train, "
        "dev, test",
    ),
    "batches": (
        tf.data.Dataset.from_tensor_slices(dict(_FRAME)).batch(4),
        {"columns": _COLUMNS},
        "task t: row 0: expected one value in column 'label', got an array of "
        "shape (4,); unbatch()",
    ),
    "pairs of features and label": (
        tf.data.Dataset.from_tensors(("a text", 1)),
        {},
        "task t: expected a tf.data.Dataset of dicts from column to scalar",
    ),
    "endless": (
        tf.data.Dataset.from_tensors({"text": "a", "label": 1}).repeat(),
        {},
        "task t: the tf.data.Dataset is infinite: leave out repeat()",
    ),
}


@pytest.mark.parametrize(
    ("table", "settings", "message"), _ERRORS.values(), ids=_ERRORS
)
def test_error_names_task_and_row(tmp_path, table, settings, message):
    out_dir = tmp_path / "corpus"
    with pytest.raises(ValueError, match=r".") as caught:
        _prepare(table, out_dir, **settings)
    assert message in str(caught.value)
    assert not out_dir.exists()


@pytest.mark.parametrize(
    ("tasks", "settings", "message"),
    [
        (_FRAME, None, "tasks: expected a dict from the name of a task"),
        ({}, None, "tasks: expected a dict from the name of a task"),
        ({"a b": _ROWS}, None, "task name 'a b': expected letters"),
        ({3: _ROWS}, None, "task name 3: expected letters"),
        ({"t": _ROWS, "T": _ROWS}, None, "tasks t and T differ in case only"),
        (
            {"t": _ROWS},
            {"tt": {}},
            "settings: there is no task 'tt' (did you mean t?)",
        ),
        ({"t": _ROWS}, ["t"], "settings: expected a dict from the name"),
        ({"t": _ROWS}, {"t": "macro_f1"}, "settings: task t: expected a dict"),
    ],
)
def test_error_of_the_call(tmp_path, tasks, settings, message):
    with pytest.raises(ValueError, match=r".") as caught:
        mtl_tf.prepare(tasks, tmp_path / "corpus", settings=settings)
    assert message in str(caught.value)


def test_values_of_columns_that_are_not_used_may_be_anything(tmp_path):
    table = [row | {"vector": np.zeros(3), "bytes": b"\xff"} for row in _ROWS]
    corpus = _prepare(table, tmp_path / "corpus", columns=_COLUMNS)
    assert sum(corpus.rows["t"].values()) == len(_ROWS)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
