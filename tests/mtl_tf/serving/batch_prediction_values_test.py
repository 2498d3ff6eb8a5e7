import gzip

import pytest

from mtl_tf.config import command as command_lib
from mtl_tf.data import tasks
from mtl_tf.serving import batch_prediction
from tests.helpers import length_model


@pytest.fixture
def model():
    return length_model.LengthModel()


def test_a_line_ends_where_wc_ends_it(model, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("cup\rof soup\r\nrude\x85staff\u2028\n".encode())
    out = str(tmp_path / "out.jsonl")
    command = command_lib.Command(
        mode="predict", task="mood", input=str(path), output=out
    )
    output = batch_prediction.predict(model, command)
    assert output == f"2 predictions in {out}"
    assert model.calls == [["cup\rof soup", "rude\x85staff\u2028"]]


@pytest.mark.parametrize("name", ["a.txt.gz", "a.tsv.gz"])
def test_compressed_files(model, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"text\nab\n"))
    out = str(tmp_path / "out.jsonl")
    command = command_lib.Command(
        mode="predict", task="mood", input=str(path), output=out
    )
    batch_prediction.predict(model, command)
    assert model.calls == [["text", "ab"] if name == "a.txt.gz" else ["ab"]]


def test_a_table_with_another_delimiter(model, tmp_path):
    length_model.predict(
        model, tmp_path, "a.csv", 'n;text\n1;"a; b"\n', delimiter=";"
    )
    assert model.calls == [["a; b"]]


def test_null_is_the_empty_text(model, tmp_path):
    rows = '{"text": null, "n": null}\n{"text": NaN, "n": NaN}\n'
    actual = length_model.predict(
        model, tmp_path, "a.jsonl", rows, columns=("id:n",)
    )
    # No row goes without an answer.
    assert model.calls == [["", ""]]
    assert [x["id"] for x in actual] == [None, None]
    pairs = '{"seq1": null, "seq2": "a"}\n'
    length_model.predict(model, tmp_path, "a.jsonl", pairs, task="answers")
    assert model.calls[-1] == [("", "a")]


def test_texts_that_look_absent_are_warned_of_once(model, tmp_path, caplog):
    length_model.predict(
        model, tmp_path, "a.tsv", "text\nnan\nfine\nnan\nNULL\n"
    )
    assert model.calls == [["nan", "fine", "nan", "NULL"]]
    assert [x.message for x in caplog.records if "absent" in x.message] == [
        "--input: texts that may mean a missing value are kept as texts: "
        "'nan' 2 times, 'NULL' 1 times; --absent excludes them from an "
        "evaluation"
    ]


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (['"a ""b"""', "plain", '"all of it"'], 1),
        (['"one"', '"two"'], 2),
        (['"all of it"', "plain"], 0),
        ([], 0),
    ],
)
def test_csv_quotes_in_tsv_are_warned_of(model, tmp_path, caplog, texts, count):
    content = "".join(f"{x}\n" for x in ["text", *texts])
    length_model.predict(model, tmp_path, "a.tsv", content)
    actual = [x.message for x in caplog.records if "quotes" in x.message]
    assert len(actual) == bool(count)
    if count:
        assert actual[0].startswith(f"--input: {count} of {len(texts)} rows")
    caplog.clear()
    length_model.predict(
        model, tmp_path, "a.tsv", content, format="csv", delimiter="\\t"
    )
    assert "quotes" not in caplog.text


def test_row_of_tabs_is_predicted(model, tmp_path):
    content = "label\ttext\ngood\ta\n\t\nbad\t\n"
    assert len(length_model.predict(model, tmp_path, "a.tsv", content)) == 3
    assert model.calls == [["a", "", ""]]


def test_column_without_a_name(model, tmp_path):
    # The index of a table, as pandas writes it.
    actual = length_model.predict(
        model, tmp_path, "a.csv", ",text\n7,a\n9,b\n", columns=("id:",)
    )
    assert [x["id"] for x in actual] == ["7", "9"]


def test_numbers_that_mean_no_label(model, tmp_path):
    rows = '{"text": "a", "label": "mixed"}\n{"text": "ab", "label": -1}\n'
    rows += '{"text": "ab", "label": "-1.0"}\n'
    _, scores = length_model.evaluate(
        model, tmp_path, rows, "a.jsonl", absent=("-1",)
    )
    assert scores["n"] == 1


def test_rows_without_a_label_are_skipped(model, tmp_path, caplog):
    rows = '{"text": "a", "label": "mixed"}\n{"text": "ab", "label": null}\n'
    rows += '{"text": "ab", "label": ""}\n{"text": null, "label": "bad"}\n'
    _, scores = length_model.evaluate(model, tmp_path, rows, "a.jsonl")
    assert scores["n"] == 2
    assert scores["accuracy"] == 1
    assert "skipped 2 rows without a label or text" in caplog.text


def test_absent_texts_are_skipped(model, tmp_path, caplog):
    table = "text\tlabel\na\tmixed\nNot Available\tbad\nab\tNULL\n"
    settings = {"absent": ("Not Available", "NULL")}
    _, scores = length_model.evaluate(model, tmp_path, table, **settings)
    assert scores["n"] == 1
    assert "skipped 2 rows without a label or text" in caplog.text
    with pytest.raises(ValueError, match=r"a.tsv:4: .* no label 'NULL'"):
        length_model.evaluate(model, tmp_path, table)


@pytest.mark.parametrize("labels", [("1", "5"), ("1.0", "5.0")])
def test_star_labels_in_each_spelling(model, tmp_path, labels):
    model.task = lambda name, output: tasks.Task("stars", labels)
    rows = [f'{{"text": "a", "label": {x}}}\n' for x in ("5", "5.0", '"5.0"')]
    _, scores = length_model.evaluate(model, tmp_path, "".join(rows), "a.jsonl")
    assert scores["accuracy"] == 1
    table = "text,label\na,5.0\nab,1.0\na,5\n"
    _, scores = length_model.evaluate(model, tmp_path, table, "a.csv")
    assert scores["accuracy"] == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
