import dataclasses
import gzip
import json
import pathlib

import pytest

from data_prep import custom
from data_prep import prepare
from mtl_tf import records

_EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "two_tasks"


def _read(tmp_path, table, seed=0, **files):
    """Rows of a task; files by name, `_` for the dot."""
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


def test_a_file_a_split(tmp_path):
    rows = _read(tmp_path, _FILES, a_tsv=_A, b_tsv=_B, c_jsonl=_C)
    assert not rows.task.pair
    assert rows.splits == {
        "train": [
            records.Row("t-train-2", "", "one", "no"),
            records.Row("t-train-4", "", "two", "yes"),
        ],
        "dev": [records.Row("t-dev-2", "", "three", "no")],
        "test": [
            records.Row("t-test-1", "", "four", "yes"),
            records.Row("t-test-2", "", "", "no"),
        ],
    }
    assert rows.skipped == {"blank line": 1}
    assert rows.raw == {
        "rows": {"train": 2, "dev": 1, "test": 2},
        "empty_texts": {"train": 0, "dev": 0, "test": 1},
    }


_QUOTED = '"She said ""yes"" to me"'


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        # A doubled quote: only the rows that have one, in train and dev.
        ([_QUOTED, "plain", '"all of it"'], [_QUOTED], 2),
        # Everything is in quotes.
        (['"one"', '"two"'], ['"three"'], 3),
        # Quotes that a person typed.
        (['"all of it"', "plain"], ['say "yes" to me'], 0),
        (['""yes"" to me', '"yes" and "no"', '"'], ['she said ""yes""'], 0),
    ],
)
def test_quotes_of_csv_in_tsv(tmp_path, a, b, count):
    rows = _read(
        tmp_path,
        _FILES,
        a_tsv="text\tlabel\n" + "".join(f"{x}\tno\n" for x in a),
        b_tsv="text\tlabel\n" + "".join(f"{x}\tno\n" for x in b),
        # In JSONL, quotes of a text are its own.
        c_jsonl=json.dumps({"text": _QUOTED, "label": "yes"}),
    )
    assert [x.count for x in rows.findings] == [count] * bool(count)
    if count:
        (found,) = rows.findings
        assert found.kind == "quotes_in_tsv"
        assert found.task == "t"
        assert found.examples[0] == "t-train-2"
        assert found.message.startswith(
            f"{count} of {len(a + b)} rows of TSV files have a text in quotes, "
        )


def test_pairs_groups_ids_and_unlabeled(tmp_path):
    table = (
        'train = "a.jsonl"\ndev = "a.jsonl"\ntest = "a.jsonl"\n'
        'unlabeled = "u.jsonl"\n'
        'columns = {seq1 = "p", seq2 = "h", label = "y", group = "g", id = "i"}'
    )
    rows = _read(
        tmp_path,
        table,
        a_jsonl='{"p": "premise", "h": "text", "y": "no", "g": 7, "i": "x1"}',
        u_jsonl='{"p": "premise", "h": "more", "g": 8, "i": 2}',
    )
    assert rows.task.pair
    row = records.Row("t-x1", "premise", "text", "no", "7")
    assert rows.splits["train"] == [row]
    assert rows.splits["unlabeled"] == [
        records.Row("t-2", "premise", "more", "", "8")
    ]


def test_labels_that_json_spells_as_numbers_and_truth_values(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        '{"text": "x", "label": 1}\n{"text": "y", "label": true}\n'
        '{"text": "z", "label": "true"}\n'
    )
    path = tmp_path / "tasks.toml"
    path.write_text(
        '[tasks.t]\nlabels = [1, true]\ntrain = "a.jsonl"\n'
        'dev = "a.jsonl"\ntest = "a.jsonl"'
    )
    (rows,) = custom.make_source(str(path)).read()
    labels = [row.label for row in rows.splits["train"]]
    assert labels == ["1", "true", "true"]


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


def test_null_is_nothing_in_each_column(tmp_path, caplog):
    table = _all_from("a.jsonl") + _COLUMNS
    rows = _read(tmp_path, table, a_jsonl=_NULLS)
    found = rows.splits["dev"]
    assert found == [
        records.Row("t-one", "", "a", "no", "x"),
        # An absent text is the empty text; an absent id is the line.
        records.Row("t-dev-2", "", "", "no", ""),
        records.Row("t-dev-3", "", "", "no", ""),
        records.Row("t-3", "", "c", "yes", "7"),
        records.Row("t-dev-6", "", "d", "yes", ""),
    ]
    # Two rows of each of three files.
    assert rows.skipped == {"no label": 6}
    assert rows.raw["empty_texts"] == {"train": 2, "dev": 2, "test": 2}
    assert "task t: 6 rows are left out: no label" in caplog.text


def test_tables_of_the_same_values_give_the_same_rows(tmp_path):
    # As pandas writes them: an absent value is an empty cell.
    table = "text,label,g,i\na,no,x,one\n,no,,\n,no,,\nb,,x,two\nc,yes,7,3\n"
    table += "d,yes,,\ne,,x,four\n"
    from_csv = _read(tmp_path, _all_from("a.csv") + _COLUMNS, a_csv=table)
    from_json = _read(tmp_path, _all_from("a.jsonl") + _COLUMNS, a_jsonl=_NULLS)
    # A header is a line, too.
    ids = ["t-one", "t-dev-3", "t-dev-4", "t-3", "t-dev-7"]
    assert [row.id for row in from_csv.splits["dev"]] == ids
    assert [
        dataclasses.replace(row, id="") for row in from_csv.splits["dev"]
    ] == [dataclasses.replace(row, id="") for row in from_json.splits["dev"]]
    assert from_csv.skipped == from_json.skipped


def test_rows_without_a_group_are_not_one_group(tmp_path):
    # Half of 80 rows have no group: they are divided like single rows.
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
    for found in rows.splits.values():
        assert any(row.group == "" for row in found)


_ABSENT = (
    "text\tlabel\tg\nNot Available\tno\tx\na\tNULL\tx\nb\tno\tNULL\n"
    "nan\tyes\tNone\nnan\tyes\tx\nnone of it\tyes\tx\n"
)


def test_texts_that_mean_an_absent_value(tmp_path, caplog):
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
    # Others are kept, and named once, with how many there are in three files.
    (message,) = [x.message for x in caplog.records if "may stand" in x.message]
    assert message == (
        "task t: texts that may stand for an absent value are kept as texts: "
        "'nan' 6 times, 'None' 3 times; `absent` in the task file names those "
        "that are none"
    )


def test_an_empty_text_may_be_named(tmp_path):
    rows = _read(
        tmp_path, _all_from("a.jsonl") + 'absent = [""]\n', a_jsonl=_NULLS
    )
    assert [row.seq2 for row in rows.splits["test"]] == ["a", "c", "d"]
    assert rows.skipped == {"no text": 6, "no label": 6}


def test_a_metric_by_topic_needs_groups_but_in_train(tmp_path):
    header = "text\tlabel\tg\n"
    files = {
        "a_tsv": header + "a\tno\t\n",
        "b_tsv": header + "b\tyes\tx\n",
        "c_jsonl": '{"text": "c", "label": "yes", "g": "y"}\n',
    }
    metric = 'metric = "macro_recall_by_topic"\ncolumns = {group = "g"}\n'
    rows = _read(tmp_path, _FILES + metric, **files)
    assert rows.splits["train"][0].group == ""
    message = r":{}: expected a group, by which macro_recall_by_topic takes"
    files["c_jsonl"] += '{"text": "c", "label": "yes", "g": null}\n'
    with pytest.raises(ValueError, match=r"c\.jsonl" + message.format(2)):
        _read(tmp_path, _FILES + metric, **files)
    # Any row of a file that is divided may be one of dev.
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
def test_stars_in_each_spelling(tmp_path, declared, names):
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


def test_a_packed_table_with_semicolons(tmp_path):
    text = "text;label\r\none, two;no\r\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows = _read(tmp_path, _all_from("a.csv.gz") + 'delimiter = ";"\n')
    assert rows.splits["train"] == [
        records.Row("t-train-2", "", "one, two", "no")
    ]


def test_questions_after_a_blank(tmp_path):
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


def test_refuses_a_file_without_labels(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"b\.tsv: task t: expected rows, got none; left out: "
        r"{'blank line': 1, 'no label': 2}",
    ):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv="text\tlabel\na\t\nb\t\n")


_CUT = 'file = "a.tsv"\nsplit = {dev = 0.1, test = 0.2}\n'


def test_file_is_divided_by_label_and_text(tmp_path):
    # 100 rows: 60 no, 40 yes; each text stands there twice.
    lines = [
        f"text {i // 2}\t{'no' if i < 60 else 'yes'}\n" for i in range(100)
    ]
    rows = _read(tmp_path, _CUT, a_tsv="text\tlabel\n" + "".join(lines))
    sizes = {name: len(found) for name, found in rows.splits.items()}
    assert sizes == {"train": 70, "dev": 10, "test": 20}
    yes = sum(row.label == "yes" for row in rows.splits["test"])
    assert yes == 8
    texts = [{row.seq2 for row in x} for x in rows.splits.values()]
    assert sum(map(len, texts)) == 50


def test_groups_stay_together(tmp_path):
    lines = [f"text {i}\tno\tg{i // 4}\n" for i in range(80)]
    rows = _read(
        tmp_path,
        _CUT + 'columns = {group = "g"}',
        a_tsv="text\tlabel\tg\n" + "".join(lines),
    )
    groups = [{row.group for row in x} for x in rows.splits.values()]
    assert sum(map(len, groups)) == 20


def test_another_seed_gives_another_split(tmp_path):
    lines = "".join(f"text {i}\tno\n" for i in range(50))
    found = [
        [row.id for row in rows.splits["dev"]]
        for rows in (
            _read(tmp_path, _CUT, seed, a_tsv="text\tlabel\n" + lines)
            for seed in (1, 1, 2)
        )
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("c_jsonl", "message"),
    [
        ('{"text": "x", "label": "nope"}', "no label 'nope' .did you mean no"),
        ('{"text": "x", "label": ["no", "yes"]}', "multi-label"),
        ('{"text": "x", "label": "no, yes"}', "multi-label"),
        ('{"text": "x", "label": "no|yes"}', "multi-label"),
        ('{"text": "x", "label": 0.5}', "regression targets are not supported"),
        ('{"text": "x", "label": "3.5"}', r"numbers as targets \(regression"),
        ('{"text": 5, "label": "no"}', "expected a text for seq2, got 5"),
    ],
)
def test_refuses_row(tmp_path, c_jsonl, message):
    with pytest.raises(ValueError, match=r"c\.jsonl:1: .*" + message):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv=_B, c_jsonl=c_jsonl)


def test_refuses_empty_file(tmp_path):
    with pytest.raises(ValueError, match=r"b\.tsv: task t: expected rows"):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv="text\tlabel\n", c_jsonl=_C)


def test_refuses_too_few_rows_to_divide(tmp_path):
    with pytest.raises(ValueError, match=r"task t: split .* stays empty"):
        _read(tmp_path, _CUT, a_tsv="text\tlabel\na\tno\nb\tno\n")


def test_overlaps_are_told(tmp_path):
    _read(
        tmp_path,
        _FILES,
        a_tsv="text\tlabel\nOne.\tno\ntwo\tyes\nthree\tno\n",
        b_tsv=_B,
        c_jsonl='{"text": "one .", "label": "no"}\n'
        '{"text": "new", "label": "no"}\n',
    )
    corpus = prepare.prepare(
        custom.make_source(str(tmp_path / "tasks.toml")), str(tmp_path / "out")
    )
    task = corpus.declaration["tasks"]["t"]
    assert task["skipped"] == {"text stands in dev": 1}
    assert task["duplicates"] == {"test": 1}


def test_example(tmp_path):
    corpus = prepare.prepare(
        custom.make_source(str(_EXAMPLE / "tasks.toml")), str(tmp_path / "out")
    )
    declared = corpus.declaration
    assert [task.name for task in corpus.tasks] == ["answers", "requests"]
    assert declared["licence"].startswith("CC0")
    answers, requests = (declared["tasks"][x] for x in ("answers", "requests"))
    assert answers["pair"]
    assert not requests["pair"]
    assert answers["labels"] == ["no", "yes"]
    assert answers["splits"] == {"train": 80, "dev": 20, "test": 20}
    for counts in answers["label_counts"].values():
        assert counts["no"] == counts["yes"]
    # 20 messages of each of 7 labels: 0.2 * 20 = 4; 0.15 * 20 = 3.
    assert requests["metric"] == "macro_f1"
    assert len(requests["labels"]) == 7
    assert set(requests["label_counts"]["test"].values()) == {4}
    assert requests["splits"] == {"train": 91, "dev": 21, "test": 28}
    assert set(declared["source"]) == {
        "tasks.toml",
        "requests.tsv",
        "answers/train.tsv",
        "answers/dev.tsv",
        "answers/test.tsv",
    }
    assert all(x["duplicates"] == {"test": 0} for x in (answers, requests))
    assert all(x["skipped"] == {} for x in (answers, requests))


def test_no_question_of_the_example_stands_in_two_splits():
    questions = {}
    for split in ("train", "dev", "test"):
        lines = (_EXAMPLE / "answers" / f"{split}.tsv").read_text().splitlines()
        questions[split] = {line.split("\t")[0] for line in lines[1:]}
    assert len(set.union(*questions.values())) == sum(
        map(len, questions.values())
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
