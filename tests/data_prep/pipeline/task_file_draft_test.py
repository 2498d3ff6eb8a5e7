import pathlib
import re
import tomllib

import pytest

from data_prep.corpora import custom
from data_prep.pipeline import task_file_draft

_TEXT = "this is the text of row"


def _csv(rows, header="text,label"):
    return header + "\n" + "".join(f"{_TEXT} {x}\n" for x in rows)


def _numbered(labels):
    return _csv(f"{i},{label}" for i, label in enumerate(labels))


def _draft(tmp_path, **files):
    """Writes tables and their task file; `_` in their names is the dot."""
    paths = []
    for name, content in files.items():
        path = tmp_path / re.sub(r"_(csv|tsv|jsonl)$", r".\1", name)
        path.write_text(content)
        paths.append(str(path))
    task_file = tmp_path / "tasks.toml"
    drafts = task_file_draft.draft(paths, str(tmp_path))
    task_file_draft.write(drafts, str(task_file))
    # What is written can be read, without an edit.
    rows = custom.make_source(str(task_file)).read()
    declared = tomllib.loads(task_file.read_text())["tasks"]
    return declared, {x.task.name: x for x in rows}, task_file.read_text()


def test_labels_are_counted_and_in_order(tmp_path):
    labels = ["5", "1", "10"] * 20 + ["1"]
    declared, rows, text = _draft(tmp_path, stars_csv=_numbered(labels))
    assert declared == {
        "stars": {
            "labels": [1, 5, 10],
            "metric": "macro_mae",
            "file": "stars.csv",
            "split": {"dev": 0.15, "test": 0.2},
            "columns": {"seq2": "text", "label": "label"},
        }
    }
    assert "    1,  # 21 rows\n    5,  # 20 rows\n    10,  # 20 rows\n" in text
    assert sum(map(len, rows["stars"].splits.values())) == 61


@pytest.mark.parametrize(
    ("labels", "metric", "reason"),
    [
        (["no", "yes"] * 20, "accuracy", "about equally frequent"),
        (["no"] * 30 + ["yes"] * 10, "macro_f1", "has 30 rows, the rarest 10"),
        (["0"] * 20 + ["1"] * 20, "accuracy", "about equally frequent"),
        (["1", "2", "3"] * 20, "macro_mae", "whole numbers, 1 to 3"),
        (["Favor", "Against", "None"] * 20, "favor_against_f1", "the usual"),
        (
            ["agree", "disagree", "discuss", "unrelated"] * 10,
            "fnc_score",
            "the usual",
        ),
        # A metric of fewer labels is not proposed.
        (["favor", "none"] * 20, "accuracy", "about equally frequent"),
        ([str(i) for i in range(12)] * 10, "accuracy", "about equally"),
    ],
)
def test_metric_and_its_reason(tmp_path, labels, metric, reason):
    declared, rows, text = _draft(tmp_path, t_csv=_numbered(labels))
    assert declared["t"]["metric"] == metric
    assert rows["t"].task.metric == metric
    before = text[: text.index("metric =")]
    assert reason in " ".join(before.replace("#", "").split())


def test_comments_about_labels(tmp_path):
    labels = ["Yes", "yes", "null"] * 20 + ["rare"]
    _, _, text = _draft(tmp_path, t_csv=_numbered(labels))
    text = " ".join(text.replace("\n#", "").split())
    assert 'Fewer than 10 rows, whose scores are noise: "rare".' in text
    assert 'These differ in case or blanks alone: "Yes", "yes".' in text
    assert 'and add: absent = ["null"]' in text
    assert '"rare", # 1 row "Yes", # 20 rows' in text


def test_columns_by_their_roles(tmp_path):
    rows = [
        f"{i},{'no' if i % 2 else 'yes'},{i},{split},user{i // 2},de"
        for i, split in enumerate(["train", "train", "valid", "test"] * 20)
    ]
    header = "message,settled,id,subset,user_id,language"
    declared, tasks, text = _draft(tmp_path, t_csv=_csv(rows, header))
    assert declared["t"]["columns"] == {
        "seq2": "message",
        "label": "settled",
        "group": "user_id",
        "id": "id",
        "split": "subset",
    }
    assert "split" not in declared["t"]
    assert (
        "# Columns that are not used: 'language' (1 different value)." in text
    )
    sizes = {split: len(x) for split, x in tasks["t"].splits.items()}
    assert sizes == {"train": 40, "dev": 20, "test": 20}


def test_a_column_without_dev_has_a_share_of_it(tmp_path):
    rows = [
        f"{i},{'no' if i % 2 else 'yes'},{'test' if i < 10 else 'train'}"
        for i in range(50)
    ]
    declared, tasks, _ = _draft(tmp_path, t_csv=_csv(rows, "text,label,split"))
    assert declared["t"]["split"] == {"dev": 0.15}
    sizes = {split: len(x) for split, x in tasks["t"].splits.items()}
    assert sizes == {"train": 34, "dev": 6, "test": 10}


def test_two_texts_are_a_pair_whose_first_text_is_the_group(tmp_path):
    rows = [
        f"{i // 2},{_TEXT} {i},{'no' if i % 2 else 'yes'}" for i in range(60)
    ]
    declared, tasks, _ = _draft(
        tmp_path, t_csv=_csv(rows, "question,answer,label")
    )
    assert declared["t"]["columns"] == {
        "seq1": "question",
        "seq2": "answer",
        "label": "label",
        "group": "question",
    }
    assert tasks["t"].task.pair
    groups = [
        {row.group for row in rows} for rows in tasks["t"].splits.values()
    ]
    assert len(groups) == 3
    assert not set.intersection(*groups)


def test_a_table_without_a_header(tmp_path):
    lines = "".join(
        f"{'no' if i % 2 else 'yes'}\t{_TEXT} {i}\n" for i in range(40)
    )
    declared, tasks, text = _draft(tmp_path, t_tsv=lines)
    assert declared["t"]["columns"] == {"seq2": 1, "label": 0}
    assert "# The file seems to have no header" in text
    assert sum(map(len, tasks["t"].splits.values())) == 40


def test_each_file_is_a_task_unless_its_name_is_a_split(tmp_path):
    table = _numbered(["no", "yes"] * 20)
    declared, _, _ = _draft(
        tmp_path,
        **{
            "b test_csv": table,
            "3-a_csv": table,
            "ab_train_csv": table,
            "ab_val_csv": table,
            "run_csv": table,
        },
    )
    assert list(declared) == ["b_test", "task_3-a", "ab", "task_run"]
    assert declared["ab"]["file"] == "ab_train.csv"
    assert declared["ab"]["dev"] == "ab_val.csv"
    assert declared["ab"]["split"] == {"test": 0.2}
    assert declared["b_test"]["file"] == "b test.csv"


def test_names_that_would_repeat(tmp_path):
    table = _numbered(["no", "yes"] * 20)
    declared, _, _ = _draft(
        tmp_path, **{"a b_csv": table, "a-b_csv": table, "A_b_csv": table}
    )
    assert list(declared) == ["a_b", "a-b", "A_b_2"]


def test_files_of_the_example_are_two_tasks(tmp_path):
    folder = pathlib.Path(__file__).parents[3] / "examples" / "two_tasks"
    paths = [folder / "requests.tsv"] + [
        folder / "answers" / f"{x}.tsv" for x in ("dev", "test", "train")
    ]
    drafts = task_file_draft.draft([str(x) for x in paths], str(folder))
    drafted = tomllib.loads("\n".join(x.text for x in drafts))["tasks"]
    declared = tomllib.loads((folder / "tasks.toml").read_text())["tasks"]
    # Its classes are equally frequent.
    declared["requests"]["metric"] = "accuracy"
    declared["answers"]["metric"] = "accuracy"
    assert drafted == declared


def test_a_task_file_is_never_replaced(tmp_path):
    path = tmp_path / "tasks.toml"
    path.write_text("mine")
    with pytest.raises(ValueError, match="exists, and is not replaced"):
        task_file_draft.write([], str(path))
    assert path.read_text() == "mine"


def test_next_command_is_quoted():
    drafts = [task_file_draft.Draft("shop", "", "")]
    assert task_file_draft.next_command(drafts, "my data/tasks.toml") == (
        "python -m data_prep.main --corpus=custom "
        "--task_file='my data/tasks.toml' --out_dir=data/shop --inspect"
    )
    assert "data/mine" in task_file_draft.next_command(2 * drafts, "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            _numbered([i / 7 for i in range(40)]),
            "expected a column of labels, got 'text' (texts of 6 words), "
            "'label' (40 different values)",
        ),
        ("a,b\n1,2\n2,3\n", "expected a column of texts, got 'a' (2 labels)"),
    ],
)
def test_a_column_that_is_missing_is_an_error(tmp_path, content, message):
    with pytest.raises(ValueError, match=r".") as caught:
        _draft(tmp_path, t_csv=content)
    assert message in str(caught.value)
    assert not (tmp_path / "tasks.toml").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
