import dataclasses
import gzip
import json

import pytest

from data_prep.corpora import custom
from mtl_tf.data import records


def _read(tmp_path, table, seed=0, **files):
    """Reads the rows of a task; files by name, with `_` for the dot."""
    for name, content in files.items():
        (tmp_path / name.replace("_", ".")).write_text(content)
    path = tmp_path / "tasks.toml"
    path.write_text('[tasks.t]\nlabels = ["no", "yes"]\n' + table)
    (rows,) = custom.make_source(str(path), seed).read()
    return rows


_FILES = 'train = "a.tsv"\ndev = "b.tsv"\ntest = "c.jsonl"\n'
_A = "text\tlabel\none\tno\n\ntwo\tyes\n"
_B = "text\tlabel\nthree\tno\n"
_C = '{"text": "four", "label": "yes"}\n{"text": "", "label": "no"}\n'


_CUT = 'file = "a.tsv"\nsplit = {dev = 0.1, test = 0.2}\n'
_NULLS = (
    '{"text": "a", "label": "no", "g": "x", "i": "one"}\n'
    '{"text": null, "label": "no", "g": null, "i": null}\n'
    '{"text": "", "label": "no", "g": "", "i": ""}\n'
    '{"text": "b", "label": null, "g": "x", "i": "two"}\n'
    '{"text": "c", "label": "yes", "g": 7.0, "i": 3.0}\n'
    '{"text": "d", "label": "yes", "g": NaN, "i": NaN}\n'
    '{"text": "e", "label": "", "g": "x", "i": "four"}\n'
)
_COLUMNS = 'columns = {group = "g", id = "i"}\n'


def _all_from(name):
    return "".join(
        f'{split} = "{name}"\n' for split in ("train", "dev", "test")
    )


def test_null_is_a_missing_value_in_each_column(tmp_path, caplog):
    table = _all_from("a.jsonl") + _COLUMNS
    rows = _read(tmp_path, table, a_jsonl=_NULLS)
    assert rows.splits["dev"] == [
        records.Row("t-one", "", "a", "no", "x"),
        # A missing text is the empty text; a missing id the line number.
        records.Row("t-dev-2", "", "", "no", ""),
        records.Row("t-dev-3", "", "", "no", ""),
        records.Row("t-3", "", "c", "yes", "7"),
        records.Row("t-dev-6", "", "d", "yes", ""),
    ]
    # Two rows in each of three files.
    assert rows.skipped == {"no label": 6}
    assert rows.raw["empty_texts"] == {"train": 2, "dev": 2, "test": 2}
    assert "task t: 6 rows are skipped: no label" in caplog.text


def test_tables_of_the_same_values_give_the_same_rows(tmp_path):
    # As written by pandas: a missing value is an empty cell.
    table = "text,label,g,i\na,no,x,one\n,no,,\n,no,,\nb,,x,two\nc,yes,7,3\n"
    table += "d,yes,,\ne,,x,four\n"
    from_csv = _read(tmp_path, _all_from("a.csv") + _COLUMNS, a_csv=table)
    from_json = _read(tmp_path, _all_from("a.jsonl") + _COLUMNS, a_jsonl=_NULLS)
    # The header is a line.
    ids = ["t-one", "t-dev-3", "t-dev-4", "t-3", "t-dev-7"]
    assert [row.id for row in from_csv.splits["dev"]] == ids
    assert [
        dataclasses.replace(row, id="") for row in from_csv.splits["dev"]
    ] == [dataclasses.replace(row, id="") for row in from_json.splits["dev"]]
    assert from_csv.skipped == from_json.skipped


def test_rows_without_a_group_do_not_form_a_group(tmp_path):
    # Half of 80 rows have no group: each is split independently.
    lines = [
        f'{{"text": "t{i}", "label": "no", "g": {i // 4 if i % 2 else "null"}}}'
        for i in range(80)
    ]
    rows = _read(
        tmp_path,
        'file = "a.jsonl"\nsplit = {dev = 0.1, test = 0.2}\n'
        'columns = {group = "g"}',
        a_jsonl="\n".join(lines),
    )
    assert {name: len(x) for name, x in rows.splits.items()} == {
        "train": 56,
        "dev": 8,
        "test": 16,
    }
    for split in rows.splits.values():
        assert any(row.group == "" for row in split)


_ABSENT = (
    "text\tlabel\tg\nNot Available\tno\tx\na\tNULL\tx\nb\tno\tNULL\n"
    "nan\tyes\tNone\nnan\tyes\tx\nnone of it\tyes\tx\n"
)


def test_texts_may_mean_a_missing_value(tmp_path):
    rows = _read(
        tmp_path,
        _all_from("a.tsv")
        + 'columns = {group = "g"}\nabsent = ["Not Available", "NULL"]\n',
        a_tsv=_ABSENT,
    )
    assert [(row.seq2, row.group) for row in rows.splits["train"]] == [
        ("b", ""),
        ("nan", "None"),
        ("nan", "x"),
        ("none of it", "x"),
    ]
    assert rows.skipped == {"no text": 3, "no label": 3}
    # Other texts are kept, and counted in all three files.
    (finding,) = rows.findings
    assert (finding.kind, finding.task, finding.count) == (
        "looks_absent",
        "t",
        9,
    )
    assert finding.message == (
        "texts that may mean a missing value are kept as texts: 'nan' 6 times, "
        "'None' 3 times; list those that do in `absent`"
    )
    assert finding.examples == ("t-train-5", "t-train-5")


@pytest.mark.parametrize("absent", ['["-1"]', "[-1]"])
def test_a_number_may_mean_no_label(tmp_path, absent):
    # As in data sets with unknown labels.
    labels = [-1, -1.0, "-1", "-1.0", "no"]
    rows = _read(
        tmp_path,
        'train = "a.jsonl"\ndev = "b.csv"\ntest = "b.csv"\n'
        f"absent = {absent}\n",
        a_jsonl="".join(
            json.dumps({"text": "a", "label": x}) + "\n" for x in labels
        ),
        b_csv="text,label\n" + "".join(f"a,{x}\n" for x in labels),
    )
    assert {split: len(x) for split, x in rows.splits.items()} == {
        "train": 1,
        "dev": 1,
        "test": 1,
    }
    assert rows.skipped == {"no label": 12}


def test_labels_may_be_truth_values_written_by_pandas(tmp_path):
    (tmp_path / "tasks.toml").write_text(
        "[tasks.t]\nlabels = [false, true]\n" + _all_from("a.csv")
    )
    (tmp_path / "a.csv").write_text("text,label\na,True\nb,False\nc,TRUE\n")
    (rows,) = custom.make_source(str(tmp_path / "tasks.toml")).read()
    labels = [row.label for row in rows.splits["train"]]
    assert labels == ["true", "false", "true"]


def test_a_row_of_tabs_is_not_a_blank_line(tmp_path):
    rows = _read(
        tmp_path, _all_from("a.tsv"), a_tsv="text\tlabel\na\tno\n\t\n \t \n\n"
    )
    assert rows.skipped == {"no label": 6, "blank line": 3}


def test_a_header_without_column_names_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a.csv:1: .* 'label'; .* a header"):
        _read(
            tmp_path,
            _all_from("a.csv") + "columns = {seq2 = 0, label = 1}\n",
            a_csv="text,label\na,no\n",
        )


def test_absent_may_contain_the_empty_text(tmp_path):
    rows = _read(
        tmp_path, _all_from("a.jsonl") + 'absent = [""]\n', a_jsonl=_NULLS
    )
    assert [row.seq2 for row in rows.splits["test"]] == ["a", "c", "d"]
    assert rows.skipped == {"no text": 6, "no label": 6}


def test_a_metric_by_topic_needs_groups_except_in_train(tmp_path):
    header = "text\tlabel\tg\n"
    files = {
        "a_tsv": header + "a\tno\t\n",
        "b_tsv": header + "b\tyes\tx\n",
        "c_jsonl": '{"text": "c", "label": "yes", "g": "y"}\n',
    }
    metric = 'metric = "macro_recall_by_topic"\ncolumns = {group = "g"}\n'
    rows = _read(tmp_path, _FILES + metric, **files)
    assert rows.splits["train"][0].group == ""
    message = r":{}: expected a group, which macro_recall_by_topic needs"
    files["c_jsonl"] += '{"text": "c", "label": "yes", "g": null}\n'
    with pytest.raises(ValueError, match=r"c\.jsonl" + message.format(2)):
        _read(tmp_path, _FILES + metric, **files)
    # Any row of a file that is split may become a dev row.
    with pytest.raises(ValueError, match=r"a\.tsv" + message.format(2)):
        _read(tmp_path, _CUT + metric, **files)


@pytest.mark.parametrize(
    ("declared", "names"),
    [
        ("[1, 5]", ("1", "5")),
        ("[1.0, 5.0]", ("1", "5")),
        ('["1", "5"]', ("1", "5")),
        ('["1.0", "5.0"]', ("1.0", "5.0")),
    ],
)
def test_numeric_labels_match_in_any_spelling(tmp_path, declared, names):
    one, five = names
    (tmp_path / "a.jsonl").write_text(
        "".join(
            f'{{"text": "x", "label": {x}}}\n'
            for x in ("5.0", "5", '"5.0"', '"5"', "1.0")
        )
    )
    (tmp_path / "a.tsv").write_text("text\tlabel\nx\t5.0\nx\t5\nx\t1.0\n")
    path = tmp_path / "tasks.toml"
    path.write_text(
        f'[tasks.t]\nlabels = {declared}\ntrain = "a.jsonl"\n'
        'dev = "a.tsv"\ntest = "a.tsv"'
    )
    (rows,) = custom.make_source(str(path)).read()
    assert rows.task.labels == names
    labels = [row.label for row in rows.splits["train"]]
    assert labels == [five, five, five, five, one]
    assert [row.label for row in rows.splits["dev"]] == [five, five, one]


def test_a_compressed_table_with_semicolons(tmp_path):
    text = "text;label\r\none, two;no\r\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows = _read(tmp_path, _all_from("a.csv.gz") + 'delimiter = ";"\n')
    assert rows.splits["train"] == [
        records.Row("t-train-2", "", "one, two", "no")
    ]


def test_the_delimiter_blank_splits_labels_and_questions(tmp_path):
    (tmp_path / "questions.label").write_text("no Who was it ?\nyes Why ?\n")
    rows = _read(
        tmp_path,
        _all_from("questions.label")
        + 'format = "tsv"\ndelimiter = " "\ncolumns = {label = 0, seq2 = 1}\n',
    )
    assert [(row.label, row.seq2) for row in rows.splits["dev"]] == [
        ("no", "Who was it ?"),
        ("yes", "Why ?"),
    ]


def test_a_file_without_labels_is_an_error(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"b\.tsv: task t: expected rows, got none; skipped: "
        r"{'blank line': 1, 'no label': 2}",
    ):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv="text\tlabel\na\t\nb\t\n")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
