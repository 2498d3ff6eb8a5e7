import concurrent.futures
import io
import json
import os
import sys

import numpy as np
import pytest

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.serving import batch_prediction
from tests.helpers import length_model


@pytest.fixture
def model():
    return length_model.LengthModel()


def test_every_line_is_a_text_even_if_blank(model, tmp_path):
    actual = length_model.predict(
        model, tmp_path, "texts.txt", "a\n\n  bb\nü no end"
    )
    assert model.calls == [["a", "", "  bb", "ü no end"]]
    assert [line["predicted"] for line in actual] == [
        "mixed",
        "bad",
        "mixed",
        "good",
    ]
    assert actual[0] == {
        "task": "mood",
        "predicted": "mixed",
        "probabilities": {"bad": 0.05, "mixed": 0.9, "good": 0.05},
    }


def test_tables_of_single_texts(model, tmp_path):
    table = "id\ttext\n7\tab\n8\tabcd\n"
    actual = length_model.predict(
        model, tmp_path, "a.tsv", table, columns=("id:id",)
    )
    assert [(x["id"], x["predicted"]) for x in actual] == [
        ("7", "good"),
        ("8", "mixed"),
    ]
    actual = length_model.predict(model, tmp_path, "a.csv", 'text\n"a, b"\n')
    assert model.calls[-1] == ["a, b"]
    assert "id" not in actual[0]


def test_columns_can_be_named(model, tmp_path):
    length_model.predict(
        model,
        tmp_path,
        "a.data",
        '{"body": "x", "more": 1}\n\n{"body": "yy"}\n',
        format="jsonl",
        columns=("seq2:body",),
    )
    # A blank line of JSONL is no row.
    assert model.calls == [["x", "yy"]]


def test_pairs(model, tmp_path):
    actual = length_model.predict(
        model,
        tmp_path,
        "a.jsonl",
        '{"seq1": "ab", "seq2": "c"}\n{"seq2": "d", "seq1": ""}\n',
        task="answers",
    )
    assert model.calls == [[("ab", "c"), ("", "d")]]
    assert [line["predicted"] for line in actual] == ["yes", "yes"]


@pytest.mark.parametrize("output", ["main", "label_transfer"])
def test_head_selects_the_output(model, tmp_path, output):
    length_model.predict(model, tmp_path, "a.txt", "a\nbb\n", head=output)
    assert model.outputs == {output}


def test_missing_output_is_reported_before_reading(model, tmp_path):
    options = {"task": "answers", "head": "label_transfer"}
    # Even if there is nothing to answer.
    with pytest.raises(ValueError, match="no output 'label_transfer'"):
        length_model.predict(
            model, tmp_path, "a.tsv", "seq1\tseq2\n", **options
        )
    assert os.listdir(tmp_path) == ["a.tsv"]
    with pytest.raises(ValueError, match="no output 'label_transfer'"):
        length_model.evaluate(model, tmp_path, "nothing like it", **options)


def test_batches_keep_the_order(model, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_prediction, "BATCH_ROWS", 4)
    texts = ["x" * n for n in range(11)]
    actual = length_model.predict(model, tmp_path, "a.txt", "\n".join(texts))
    assert [len(call) for call in model.calls] == [4, 4, 3]
    assert [line["predicted"] for line in actual] == [
        length_model.MOOD.labels[n % 3] for n in range(11)
    ]


def test_empty_file_has_no_predictions(model, tmp_path):
    assert length_model.predict(model, tmp_path, "a.txt", "") == []


def test_standard_input_to_standard_output(model, monkeypatch, capsys):
    stream = io.TextIOWrapper(io.BytesIO(b"a\nbb\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    output = batch_prediction.predict(
        model, command_lib.Command(mode="predict", task="mood", input="-")
    )
    # Nothing but the answers, for the next command of a pipe.
    assert output == ""
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(x)["predicted"] for x in lines] == ["mixed", "good"]
    assert not stream.closed


@pytest.mark.parametrize(
    ("name", "content", "settings", "message"),
    [
        ("a.tsv", "body\nx\n", {}, "a.tsv:1: expected one column 'text'"),
        ("a.tsv", "text\nx\ty\n", {}, "a.tsv:2: expected 1 columns"),
        ("a.jsonl", '{"text": 1}\n', {}, "a.jsonl:1: expected a text for seq2"),
        ("a.jsonl", "{text}\n", {}, "a.jsonl:1: expected a JSON object"),
        ("a.doc", "x", {}, "expected one of the extensions"),
        (
            "a.txt",
            "x",
            {"task": "answers"},
            r"read as lines, which have no pairs \(seq1, seq2\): set --form",
        ),
        (
            "a.txt",
            "x;y\n",
            {"delimiter": ";"},
            "--delimiter=;: .* is read as lines, which have no columns",
        ),
        (
            "a.jsonl",
            "{}\n",
            {"delimiter": ";"},
            "delimiter ';' is not used by format jsonl; it is for tsv",
        ),
        (
            "a.csv",
            "n;text\n",
            {},
            "a.csv:1: .*, whose delimiter seems to be ';': set",
        ),
        (
            "a.tsv",
            "text\nx\n",
            {"columns": ("seq1:a",)},
            "names a column for seq1, which task mood does not use here",
        ),
        (
            "a.tsv",
            "text\nx\n",
            {"columns": ("group:a",)},
            r"a column for group, .* does not use here; it uses seq2, id$",
        ),
    ],
)
def test_refused(model, tmp_path, name, content, settings, message):
    with pytest.raises(ValueError, match=message):
        length_model.predict(model, tmp_path, name, content, **settings)


def test_invalid_utf8_is_reported_with_its_line(model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\ncaf\xe9\n")
    command = command_lib.Command(
        mode="predict", task="mood", input=str(path), output=f"{path}.out"
    )
    with pytest.raises(ValueError, match=r"a.txt:2: expected UTF-8.*0xe9"):
        batch_prediction.predict(model, command)


def test_error_keeps_the_old_output(model, tmp_path):
    predictions = tmp_path / "out.jsonl"
    predictions.write_text("from before")
    path = tmp_path / "a.tsv"
    path.write_text("text\nfine\ntoo\tmany\n")
    command = command_lib.Command(
        mode="predict", task="mood", input=str(path), output=str(predictions)
    )
    with pytest.raises(ValueError, match=r"a.tsv:3"):
        batch_prediction.predict(model, command)
    assert predictions.read_text() == "from before"
    assert sorted(x.name for x in tmp_path.iterdir()) == ["a.tsv", "out.jsonl"]


@pytest.mark.parametrize("mode", ["predict", "evaluate"])
def test_input_is_not_overwritten(model, tmp_path, mode):
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\nx\tgood\n")
    (tmp_path / "link.tsv").symlink_to(path)
    command = command_lib.Command(
        mode=mode, task="mood", input=str(path), output=f"{tmp_path}/link.tsv"
    )
    with pytest.raises(ValueError, match="are the same file"):
        getattr(batch_prediction, mode)(model, command)
    assert path.read_text() == "text\tlabel\nx\tgood\n"


def test_predictions_are_written_to_a_pipe(model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text)
        batch_prediction.predict(
            model,
            command_lib.Command(
                mode="predict", task="mood", input=str(path), output=str(pipe)
            ),
        )
        assert json.loads(read.result())["predicted"] == "mixed"


def test_missing_file_is_an_error(model, tmp_path):
    command = command_lib.Command(
        mode="predict", task="mood", input="nowhere.txt", output=f"{tmp_path}/x"
    )
    with pytest.raises(ValueError, match="there is no file nowhere"):
        batch_prediction.predict(model, command)


def test_scores_of_a_file(model, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_prediction, "BATCH_ROWS", 3)
    # Predicted by length: mixed, mixed, good, bad, bad.
    table = "label\ttext\nmixed\ta\nbad\ta\ngood\tab\nbad\tabc\ngood\t\n"
    output, scores = length_model.evaluate(model, tmp_path, table)
    assert scores["n"] == 5
    assert scores["accuracy"] == pytest.approx(3 / 5)
    # F1: bad 1 of 2 found, 1 of 2 right: 1/2; mixed 1 of 1, 1 of 2: 2/3; good
    # 1 of 2, 1 of 1: 2/3.
    assert scores["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)
    expected = -(3 * np.log(0.9) + 2 * np.log(0.05)) / 5
    assert scores["loss"] == pytest.approx(expected, rel=1e-6)
    assert (scores["task"], scores["head"]) == ("mood", "main")
    assert f"Task mood on {scores['input']}, 5 rows\n" in output
    assert "accuracy     0.6000" in output


def test_scores_of_the_label_transfer_network(model, tmp_path):
    output, scores = length_model.evaluate(
        model, tmp_path, "label\ttext\nbad\t\n", head="label_transfer"
    )
    assert model.outputs == {"label_transfer"}
    assert scores["head"] == "label_transfer"
    assert ", 1 row, predicted by label_transfer\n" in output


STARS = tasks.Task("stars", ("bad", "mixed", "good"), "macro_mae_by_topic")


def test_scores_by_topic(model, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_prediction, "BATCH_ROWS", 2)
    model.task = lambda name, output: STARS
    # Predicted: mixed, bad, good, mixed; off by 1, 0, 0, 1.
    table = "group\tlabel\ttext\nx\tgood\ta\nx\tbad\t\n"
    table += "y\tgood\tab\nx\tgood\ta\n"
    said, scores = length_model.evaluate(model, tmp_path, table, task="stars")
    # x: good 1, bad 0; y: 0. Together: good 2/3, bad 0.
    assert scores["macro_mae_by_topic"] == pytest.approx((1 / 2 + 0) / 2)
    assert scores["macro_mae"] == pytest.approx((2 / 3 + 0) / 2)
    # Columns of numbers stand below each other.
    lines = said.strip().splitlines()[2:]
    assert "macro_mae_by_topic 0.2500" in lines
    assert len({line.rindex(" ") for line in lines}) == 1
    # The same rows with another name for the column.
    _, named = length_model.evaluate(
        model,
        tmp_path,
        table.replace("group", "topic"),
        task="stars",
        columns=("group:topic",),
    )
    assert named == scores
    assert model.outputs == {"main"}


def test_metric_without_topics_ignores_groups(model, tmp_path):
    task = tasks.Task("mood", length_model.MOOD.labels, "macro_recall")
    model.task = lambda name, output: task
    rows = '{"text": "a", "label": "good", "topic": 7}\n'
    rows += '{"text": "ab", "label": "good", "topic": 8}\n'
    _, scores = length_model.evaluate(model, tmp_path, rows, "a.jsonl")
    assert "macro_recall_by_topic" not in scores
    _, scores = length_model.evaluate(
        model, tmp_path, rows, "a.jsonl", columns=("group:topic",)
    )
    assert scores["macro_recall_by_topic"] == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text\tlabel\na\tbad\n", "a.tsv:1: expected one column 'group'"),
        (
            "text\tlabel\tgroup\na\tbad\tx\na\tbad\t\n",
            "a.tsv:3: expected a group, which macro_mae_by_topic needs",
        ),
    ],
)
def test_missing_groups_are_refused(model, tmp_path, content, message):
    model.task = lambda name, output: STARS
    with pytest.raises(ValueError, match=message):
        length_model.evaluate(model, tmp_path, content, task="stars")


def test_group_that_is_not_a_string_is_refused(model, tmp_path):
    model.task = lambda name, output: STARS
    row = '{"text": "a", "label": "bad", "group": ["x"]}\n'
    with pytest.raises(ValueError, match=r"jsonl:1: expected a text for group"):
        length_model.evaluate(model, tmp_path, row, "a.jsonl", task="stars")


def test_labels_that_json_formats_differently(model, tmp_path):
    task = tasks.Task("mood", ("false", "true", "2"))
    model.task = lambda name, output: task
    rows = '{"text": "a", "label": true}\n{"text": "ab", "label": 2}\n'
    _, scores = length_model.evaluate(model, tmp_path, rows, "a.jsonl")
    assert scores["accuracy"] == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.tsv",
            "text\tlabel\nx\tgod\n",
            r"a.tsv:2: task mood has no label 'god' \(did you mean good",
        ),
        ("a.tsv", "text\tlabel\n", "contains no labeled rows"),
        ("a.txt", "x\n", "read as lines, which have no labels"),
        ("a.tsv", "text\nx\n", "a.tsv:1: expected one column 'label'"),
    ],
)
def test_files_without_labels_are_refused(
    model, tmp_path, name, content, message
):
    with pytest.raises(ValueError, match=message):
        length_model.evaluate(model, tmp_path, content, name)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
