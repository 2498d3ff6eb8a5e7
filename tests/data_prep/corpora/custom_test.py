import json
import pathlib

import pytest

from data_prep.corpora import custom
from data_prep.pipeline import prepare
from mtl_tf.data import records

_EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "two_tasks"


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


def test_each_split_may_have_a_file(tmp_path):
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


_IN_A_COLUMN = (
    "text\tlabel\tpart\n"
    "one\tno\ttrain\ntwo\tyes\tTraining\nthree\tno\tvalidation\n"
    "four\tyes\ttest\nfive\t\tunlabeled\nsix\t\ttest\n"
)
_SPLIT_COLUMN = 'file = "a.tsv"\ncolumns = {split = "part"}\n'


def test_a_column_names_the_split_of_each_row(tmp_path):
    rows = _read(tmp_path, _SPLIT_COLUMN, a_tsv=_IN_A_COLUMN)
    assert rows.splits == {
        "train": [
            records.Row("t-file-2", "", "one", "no"),
            records.Row("t-file-3", "", "two", "yes"),
        ],
        "dev": [records.Row("t-file-4", "", "three", "no")],
        "test": [records.Row("t-file-5", "", "four", "yes")],
        "unlabeled": [records.Row("t-file-6", "", "five")],
    }
    assert rows.skipped == {"no label": 1}


def test_shares_divide_the_rows_of_train_in_a_column(tmp_path):
    table = "text\tlabel\tpart\n" + "".join(
        f"{i}\t{'no' if i % 2 else 'yes'}\t{'test' if i < 4 else 'train'}\n"
        for i in range(24)
    )
    rows = _read(tmp_path, _SPLIT_COLUMN + "split = {dev = 0.2}\n", a_tsv=table)
    assert [row.seq2 for row in rows.splits["test"]] == ["0", "1", "2", "3"]
    assert [len(rows.splits[x]) for x in ("train", "dev")] == [16, 4]


def test_unlabeled_rows_of_a_file_join_those_of_a_column(tmp_path):
    rows = _read(
        tmp_path,
        _SPLIT_COLUMN + 'unlabeled = "b.tsv"\n',
        a_tsv=_IN_A_COLUMN,
        b_tsv="text\nmore\n",
    )
    assert [row.seq2 for row in rows.splits["unlabeled"]] == ["five", "more"]


_QUOTED = '"She said ""yes"" to me"'


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        # Rows with a doubled quote in train and dev.
        ([_QUOTED, "plain", '"all of it"'], [_QUOTED], 2),
        # Quotes are escaped with a backslash.
        (['"a \\"bad\\" film"', "plain"], ["fine"], 1),
        (['"one"', '"a \\"bad\\" film"'], ['"three"'], 3),
        # All texts are quoted.
        (['"one"', '"two"'], ['"three"'], 3),
        # Quotes that belong to the texts.
        (['"all of it"', "plain"], ['say "yes" to me'], 0),
        (['""yes"" to me', '"yes" and "no"', '"'], ['she said ""yes""'], 0),
    ],
)
def test_csv_quotes_in_tsv_files_are_found(tmp_path, a, b, count):
    rows = _read(
        tmp_path,
        _FILES,
        a_tsv="text\tlabel\n" + "".join(f"{x}\tno\n" for x in a),
        b_tsv="text\tlabel\n" + "".join(f"{x}\tno\n" for x in b),
        # In JSONL, quotes belong to the text.
        c_jsonl=json.dumps({"text": _QUOTED, "label": "yes"}),
    )
    assert [x.count for x in rows.findings] == [count] * bool(count)
    if count:
        (finding,) = rows.findings
        assert finding.kind == "quotes_in_tsv"
        assert finding.task == "t"
        assert finding.examples[0] == "t-train-2"
        assert finding.message.startswith(
            f"{count} of {len(a + b)} rows of TSV files have a text in quotes "
        )
        # CSV only escapes quotes by doubling.
        has_backslashes = any("\\" in x for x in a)
        assert has_backslashes == ("with doubled quotes" in finding.message)


def test_repeated_ids_are_an_error(tmp_path):
    header = "text\tlabel\ti\n"
    with pytest.raises(
        ValueError, match=r"b.tsv:3: id '0' repeats .*a.tsv:2: ids must"
    ):
        _read(
            tmp_path,
            _FILES + 'columns = {id = "i"}',
            # In GLUE, ids start from 0 in each split.
            a_tsv=f"{header}one\tno\t0\n",
            b_tsv=f"{header}two\tno\t1\nthree\tno\t0\n",
            c_jsonl='{"text": "four", "label": "yes", "i": 2}',
        )


@pytest.mark.parametrize("label", ["[0, 1]", "['no', 'yes']", "['no']"])
def test_lists_of_labels_are_an_error(tmp_path, label):
    with pytest.raises(ValueError, match=r"a.tsv:3: .* one label .*multi-lab"):
        _read(tmp_path, _CUT, a_tsv=f"text\tlabel\na\tno\nb\t{label}\n")


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
        records.Row("t-2", "premise", "more", "", "")
    ]


def test_unlabeled_files_need_no_groups(tmp_path):
    table = (
        'train = "a.tsv"\ndev = "a.tsv"\ntest = "a.tsv"\n'
        'unlabeled = "u.tsv"\ncolumns = {group = "topic"}'
    )
    rows = _read(
        tmp_path,
        table,
        a_tsv="topic\tlabel\ttext\nt1\tno\tone\n",
        u_tsv="text\ntwo\n",
    )
    assert [row.group for row in rows.splits["train"]] == ["t1"]
    assert [row.seq2 for row in rows.splits["unlabeled"]] == ["two"]


def test_labels_may_be_json_numbers_and_truth_values(tmp_path):
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


_CUT = 'file = "a.tsv"\nsplit = {dev = 0.1, test = 0.2}\n'


def test_a_file_is_split_by_label_and_text(tmp_path):
    # 100 rows: 60 no, 40 yes; each text occurs twice.
    lines = [
        f"text {i // 2}\t{'no' if i < 60 else 'yes'}\n" for i in range(100)
    ]
    rows = _read(tmp_path, _CUT, a_tsv="text\tlabel\n" + "".join(lines))
    sizes = {name: len(x) for name, x in rows.splits.items()}
    assert sizes == {"train": 70, "dev": 10, "test": 20}
    yes = sum(row.label == "yes" for row in rows.splits["test"])
    assert yes == 8
    texts = [{row.seq2 for row in x} for x in rows.splits.values()]
    assert sum(map(len, texts)) == 50


def test_groups_stay_in_one_split(tmp_path):
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
    splits = [
        [row.id for row in rows.splits["dev"]]
        for rows in (
            _read(tmp_path, _CUT, seed, a_tsv="text\tlabel\n" + lines)
            for seed in (1, 1, 2)
        )
    ]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(
    ("c_jsonl", "message"),
    [
        ('{"text": "x", "label": "nope"}', "no label 'nope' .did you mean no"),
        ('{"text": "x", "label": ["no", "yes"]}', "multi-label"),
        ('{"text": "x", "label": "no, yes"}', "multi-label"),
        ('{"text": "x", "label": "no|yes"}', "multi-label"),
        ('{"text": "x", "label": 0.5}', "regression targets are not supported"),
        (
            '{"text": "x", "label": "3.5"}',
            "regression targets are not supported",
        ),
        ('{"text": 5, "label": "no"}', "expected a text for seq2, got 5"),
    ],
)
def test_invalid_rows_are_an_error(tmp_path, c_jsonl, message):
    with pytest.raises(ValueError, match=r"c\.jsonl:1: .*" + message):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv=_B, c_jsonl=c_jsonl)


def test_an_empty_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"b\.tsv: task t: expected rows"):
        _read(tmp_path, _FILES, a_tsv=_A, b_tsv="text\tlabel\n", c_jsonl=_C)


def test_too_few_rows_to_split_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"task t: split .* stays empty"):
        _read(tmp_path, _CUT, a_tsv="text\tlabel\na\tno\nb\tno\n")


def test_overlaps_are_counted(tmp_path):
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
    assert task["skipped"] == {"text is in dev": 1}
    assert task["duplicates"] == {"test": 1}


def test_the_example_is_split_by_label(tmp_path):
    corpus = prepare.prepare(
        custom.make_source(str(_EXAMPLE / "tasks.toml")), str(tmp_path / "out")
    )
    declared = corpus.declaration
    assert [task.name for task in corpus.tasks] == ["answers", "requests"]
    assert declared["license"].startswith("CC0")
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


def test_splits_of_the_example_share_no_question():
    questions = {}
    for split in ("train", "dev", "test"):
        lines = (_EXAMPLE / "answers" / f"{split}.tsv").read_text().splitlines()
        questions[split] = {line.split("\t")[0] for line in lines[1:]}
    assert len(set.union(*questions.values())) == sum(
        map(len, questions.values())
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
