import gzip
import json

import pytest

from data_prep.pipeline import table_layout

_ROWS = [("no", "this is text one"), ("yes", 'text "two" is, here')] * 4
_TABLE = "label,text\n" + "".join(
    f'{label},"{text.replace(chr(34), chr(34) * 2)}"\n' for label, text in _ROWS
)
_TABS = "".join(f"{label}\t{text}\n" for label, text in _ROWS)
_LINES = "".join(
    json.dumps({"label": label, "text": text}) + "\n" for label, text in _ROWS
)


def _detect(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    return table_layout.detect(str(path))


@pytest.mark.parametrize(
    ("name", "content", "file_format", "delimiter", "is_guessed"),
    [
        ("a.csv", _TABLE, "csv", "", False),
        ("a.CSV", _TABLE.encode("utf-16"), "csv", "", False),
        ("a.csv", b"\xef\xbb\xbf" + _TABLE.encode(), "csv", "", False),
        ("a.csv.gz", gzip.compress(_TABLE.encode(), mtime=0), "csv", "", False),
        ("a.csv", "\r\n\r\n" + _TABLE, "csv", "", False),
        ("a.tsv", "label\ttext\n" + _TABS, "tsv", "", False),
        ("a.txt", "label\ttext\n" + _TABS, "tsv", "", True),
        ("a.data", _TABLE, "csv", "", True),
        ("a.jsonl", _LINES, "jsonl", "", False),
        ("a.json", _LINES, "jsonl", "", True),
        (
            "a.csv",
            "label;text\n" + _TABS.replace("\t", ";").replace('"', ""),
            "csv",
            ";",
            False,
        ),
        (
            "a.tsv",
            "label|text\n" + _TABS.replace("\t", "|"),
            "tsv",
            "|",
            False,
        ),
        # A TSV file that was written like CSV.
        (
            "a.tsv",
            _TABLE.replace(',"', '\t"').replace("l,", "l\t"),
            "csv",
            "\t",
            True,
        ),
    ],
)
def test_layout(tmp_path, name, content, file_format, delimiter, is_guessed):
    layout = _detect(tmp_path, name, content)
    assert layout.file_format == file_format
    assert layout.delimiter == delimiter
    assert layout.is_guessed == is_guessed
    assert layout.has_header
    assert [x.name for x in layout.columns] == ["label", "text"]
    label, text = layout.columns
    assert label.counts == {"no": 4, "yes": 4}
    assert text.has_texts
    expected = {x.replace('"', "") for _, x in _ROWS}
    assert {x.replace('"', "") for x in text.counts} == expected


@pytest.mark.parametrize(
    "content",
    [
        _TABS,
        # A text in the first line has many words, and no value repeats.
        "".join(f"{i}\tthis is a text of number {i}\n" for i in range(5)),
    ],
)
def test_a_table_without_a_header_has_indices(tmp_path, content):
    layout = _detect(tmp_path, "a.tsv", content)
    assert not layout.has_header
    assert [x.name for x in layout.columns] == [0, 1]
    assert layout.columns[0].num_rows == content.count("\n")


def test_columns_of_a_jsonl_file_are_those_of_all_rows(tmp_path):
    lines = _LINES + '{"text": "one more", "label": null, "by": "me"}\n'
    layout = _detect(tmp_path, "a.jsonl", '{"id": 1, ' + lines[1:])
    assert [x.name for x in layout.columns] == ["label", "text"]
    assert layout.columns[0].num_values == 8
    assert layout.columns[0].num_rows == 9


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "text,label\n", "a.csv: expected rows, got none"),
        ("a.csv", "", "a.csv: expected a header line, got an empty file"),
        ("a.csv", b"PK\x03\x04", "expected text, got a zip file"),
        ("a.csv", b"text,label\n\xff,no\n", "a.csv:2: expected UTF-8"),
        ("a.json", '[{"text": "a"}]', "expected one of the extensions"),
        ("a.jsonl", '{"text": "a"\n', "a.jsonl:1: expected a JSON object"),
        ("a.csv", "a,b\n1,2,3\n", "a.csv:2: expected 2 columns"),
    ],
)
def test_error_names_file_and_line(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=r".") as caught:
        _detect(tmp_path, name, content)
    assert message in str(caught.value)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
