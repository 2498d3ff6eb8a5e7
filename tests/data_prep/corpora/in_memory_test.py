import pathlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from data_prep.corpora import custom
from data_prep.corpora import in_memory

_EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "two_tasks"
_ROWS = [
    {"text": f"text number {i} is here", "label": "no" if i % 2 else "yes"}
    for i in range(40)
]


def _read(table, **settings):
    """Reads the rows of a task `t`."""
    (rows,) = in_memory.make_source({"t": table}, {"t": settings}).read()
    return rows


def _texts(rows, split):
    return [row.seq2 for row in rows.splits[split]]


def test_rows_and_splits_are_those_of_the_same_files():
    tables = {
        "requests": pd.read_csv(_EXAMPLE / "requests.tsv", sep="\t"),
        "answers": {
            split: pd.read_csv(_EXAMPLE / f"answers/{split}.tsv", sep="\t")
            for split in ("train", "dev", "test")
        },
    }
    columns = {
        **{"seq1": "question", "seq2": "answer", "label": "settled"},
        "group": "question",
    }
    settings = {
        "requests": {"metric": "macro_f1"},
        "answers": {"columns": columns},
    }
    actual = in_memory.make_source(tables, settings).read()
    expected = custom.make_source(str(_EXAMPLE / "tasks.toml")).read()
    expected = {rows.task.name: rows for rows in expected}
    assert [rows.task.name for rows in actual] == ["requests", "answers"]
    for rows in actual:
        of_files = expected[rows.task.name]
        assert rows.task == of_files.task
        assert set(rows.splits) == {"train", "dev", "test"}
        for split, split_rows in rows.splits.items():
            fields = [(x.seq1, x.seq2, x.label, x.group) for x in split_rows]
            assert fields == [
                (x.seq1, x.seq2, x.label, x.group)
                for x in of_files.splits[split]
            ]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(_ROWS),
        pd.DataFrame(_ROWS).set_index(np.arange(100, 140)),
        pd.DataFrame(_ROWS).astype("string"),
        pd.DataFrame(_ROWS).astype({"label": "category"}),
        (row for row in _ROWS),
        tf.data.Dataset.from_tensor_slices(dict(pd.DataFrame(_ROWS))),
    ],
    ids=["frame", "index", "string", "category", "generator", "tf.data"],
)
def test_each_kind_of_table_has_the_same_rows(table):
    rows = _read(table)
    expected = _read(_ROWS)
    assert rows.splits == expected.splits
    assert rows.task == expected.task
    assert rows.task.labels == ("no", "yes")


def test_digest_depends_on_values_and_not_on_the_kind_of_table():
    def checksums(rows, **settings):
        return in_memory.make_source({"t": rows}, {"t": settings}).checksums()

    expected = checksums(_ROWS)
    assert list(expected) == ["t/table"]
    assert checksums(pd.DataFrame(_ROWS)) == expected
    assert checksums([*_ROWS[:-1], _ROWS[-1] | {"text": "x"}]) != expected
    # Columns that are not used do not matter.
    assert checksums([row | {"more": 1} for row in _ROWS]) == expected


def test_settings_are_recorded_for_the_fingerprint():
    source = in_memory.make_source({"t": _ROWS}, seed=3)
    assert source.settings == {
        "tasks": {
            "t": {
                "labels": ["no", "yes"],
                "metric": "accuracy",
                "columns": {"seq2": "text", "label": "label"},
                "split": {
                    "train": pytest.approx(0.65),
                    "dev": 0.15,
                    "test": 0.2,
                },
                "absent": [],
            }
        },
        "seed": 3,
    }


def test_one_table_is_divided_by_the_default_shares():
    rows = _read(_ROWS)
    sizes = {split: len(x) for split, x in rows.splits.items()}
    assert sizes == {"train": 26, "dev": 6, "test": 8}
    assert sorted(row.id for row in rows.splits["dev"])[0].startswith(
        "t-table-"
    )


def test_a_column_names_the_split_of_each_row():
    names = ["train", "Validation", "test", "train"] * 10
    table = [
        row | {"split": name} for row, name in zip(_ROWS, names, strict=True)
    ]
    rows = _read(table)
    for split, name in (("train", "train"), ("dev", "Validation")):
        assert _texts(rows, split) == [
            row["text"] for row in table if row["split"] == name
        ]


def test_shares_divide_train_where_a_column_names_no_dev():
    names = ["train", "test", "train", "train"] * 10
    table = [
        row | {"part": name} for row, name in zip(_ROWS, names, strict=True)
    ]
    rows = _read(table, columns={"split": "part"}, split={"dev": 0.2})
    assert len(rows.splits["train"]) == 24
    assert len(rows.splits["dev"]) == 6
    assert _texts(rows, "test") == [
        row["text"] for row in table if row["part"] == "test"
    ]


def test_train_is_divided_if_there_is_no_table_of_dev():
    rows = _read({"train": _ROWS[:20], "test": _ROWS[20:]})
    assert len(rows.splits["train"]) == 17
    assert len(rows.splits["dev"]) == 3
    assert _texts(rows, "test") == [row["text"] for row in _ROWS[20:]]


def test_unlabeled_tables_and_rows():
    unlabeled = [{"text": "no label here at all"}]
    rows = _read(
        {
            "train": _ROWS[:10],
            "validation": _ROWS[10:20],
            "test": _ROWS[20:],
            "unlabeled": unlabeled,
        }
    )
    assert _texts(rows, "unlabeled") == ["no label here at all"]
    named = [
        row | {"split": split}
        for split, row in [
            *(("train", row) for row in _ROWS[:10]),
            *(("dev", row) for row in _ROWS[10:20]),
            *(("test", row) for row in _ROWS[20:]),
            ("unlabeled", unlabeled[0] | {"label": None}),
        ]
    ]
    assert _read(named).splits["unlabeled"][0].seq2 == "no label here at all"
    assert rows.task.labels == ("no", "yes")


_MISSING = [None, float("nan"), pd.NA, pd.NaT, "", np.float32("nan")]


def test_missing_labels_and_texts():
    table = _ROWS + [{"text": "no label", "label": x} for x in _MISSING]
    rows = _read(table)
    assert rows.skipped == {"no label": len(_MISSING)}
    assert sum(map(len, rows.splits.values())) == len(_ROWS)
    table = _ROWS + [{"text": x, "label": "no"} for x in _MISSING]
    rows = _read({"train": table, "dev": _ROWS, "test": _ROWS})
    assert _texts(rows, "train")[len(_ROWS) :] == [""] * len(_MISSING)
    assert rows.raw["empty_texts"]["train"] == len(_MISSING)


@pytest.mark.parametrize(
    "stars",
    [
        pd.Series([10, 2, 5] * 20),
        pd.Series([10, 2, 5] * 20, dtype="int8"),
        # A missing value turns integers into floating-point numbers.
        pd.Series([10, 2, 5] * 20 + [None]),
        pd.Series([10, 2, 5] * 20 + [None], dtype="Int64"),
        pd.Series([10, 2, 5] * 20, dtype="float32"),
        pd.Series(["10", "2.0", "5"] * 20),
    ],
    ids=["int64", "int8", "float64", "Int64", "float32", "texts"],
)
def test_whole_numbers_are_labels_sorted_by_value(stars):
    table = pd.DataFrame(
        {"text": [f"this is text {i}" for i in range(len(stars))]}
    ).assign(stars=stars)
    rows = _read(table)
    labels = [label.removesuffix(".0") for label in rows.task.labels]
    assert labels == ["2", "5", "10"]
    assert rows.skipped == ({"no label": 1} if len(stars) == 61 else {})


def test_numbers_match_the_labels_that_are_declared():
    table = {"text": ["one", "two"], "label": [1.0, 0.0]}
    frame = pd.DataFrame(table)
    rows = _read(
        {"train": frame, "dev": frame, "test": frame},
        labels=np.array([1, 0]),
        columns={"seq2": "text", "label": "label"},
    )
    assert rows.task.labels == ("1", "0")
    assert [row.label for row in rows.splits["train"]] == ["1", "0"]


def test_truth_values_are_labels():
    table = pd.DataFrame(_ROWS)
    table["label"] = table["label"] == "yes"
    assert _read(table).task.labels == ("false", "true")


def test_categories_are_in_their_order_without_those_that_do_not_occur():
    table = pd.DataFrame(_ROWS)
    table["label"] = pd.Categorical(
        table["label"], ["yes", "perhaps", "no"], ordered=True
    )
    assert _read(table).task.labels == ("yes", "no")


def test_texts_that_mean_a_missing_value():
    table = [*_ROWS, {"text": "unclear", "label": "?"}]
    rows = _read(table, absent=("?",))
    assert rows.task.labels == ("no", "yes")
    assert rows.skipped == {"no label": 1}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
