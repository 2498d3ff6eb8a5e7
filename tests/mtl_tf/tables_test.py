import re

import pytest

from mtl_tf import tables

_COLUMNS = {"seq2": "text", "label": "y"}


def _read(tmp_path, name, content, columns=_COLUMNS):
    path = tmp_path / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    rows = list(tables.read(str(path), tables.guess_format(str(path)), columns))
    return [row for row in rows if row], rows.count(None)


def _values(rows):
    return [(row.line, row.values["seq2"], row.values["label"]) for row in rows]


def test_tsv(tmp_path):
    rows, blank = _read(
        tmp_path,
        "a.tsv",
        # Byte order mark, CRLF, a blank line, quotes that mean nothing, an
        # empty text, U+0085 inside a text, no line end at the end.
        '\ufeffid\ty\ttext\r\n1\tno\t"odd\r\n\r\n2\tyes\t\n3\tno\ta\x85b',
    )
    assert blank == 1
    assert _values(rows) == [
        (2, '"odd', "no"),
        (4, "", "yes"),
        (5, "a\x85b", "no"),
    ]
    assert rows[0].where.endswith("a.tsv:2")


def test_csv(tmp_path):
    rows, blank = _read(
        tmp_path,
        "a.csv",
        'text,y\n"two\nlines, ""quoted""",no\n\nplain,yes\n',
    )
    assert blank == 1
    assert _values(rows) == [
        (2, 'two\nlines, "quoted"', "no"),
        (5, "plain", "yes"),
    ]


def test_jsonl(tmp_path):
    rows, blank = _read(
        tmp_path,
        "a.jsonl",
        '{"text": "a\\nb", "y": 1, "more": []}\n\n{"y": true, "text": "é"}\n',
    )
    assert blank == 1
    assert _values(rows) == [(1, "a\nb", 1), (3, "é", True)]


def test_columns_by_number(tmp_path):
    columns = {"seq2": 2, "label": 0}
    rows, _ = _read(tmp_path, "a.tsv", "no\t1\tx\nyes\t2\ty\n", columns)
    assert _values(rows) == [(1, "x", "no"), (2, "y", "yes")]


def test_text_beyond_the_csv_modules_limit(tmp_path):
    rows, _ = _read(tmp_path, "a.csv", f"text,y\n{'x' * 200_000},no\n")
    assert len(rows[0].values["seq2"]) == 200_000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "", "expected a header line, got an empty file"),
        ("a.tsv", "text\tlabel\n", ":1: expected one column 'y' in the header"),
        (
            "a.tsv",
            "text\tyy\n",
            r"'yy'\] \(did you mean yy\?\); `columns` says",
        ),
        ("a.tsv", "text\ty\ty\n", r":1: .* got 2 among .*'y'\]; `columns`"),
        (
            "a.tsv",
            "text\ty\na\tno\nb\n",
            r":3: expected 2 columns \['text', 'y'\], got 1: \['b'\]",
        ),
        ("a.tsv", "text\ty\na\tb\tno\n", ":2: expected 2 .* got 3"),
        (
            "a.tsv",
            b"text\ty\na\tno\ncaf\xe9\tno\n",
            ":3: expected UTF-8, .*0xe9",
        ),
        ("a.csv", 'text,y\na,no\n"b,no\n', ":3: expected a CSV row"),
        ("a.csv", "text,y\na,b,no\n", ":2: expected 2 .* got 3"),
        ("a.jsonl", '{"text": 1}\n', ":1: expected .*'y'.* is missing"),
        ("a.jsonl", '{"text"\n', ":1: expected a JSON object, got '{\"text\"'"),
        ("a.jsonl", "[1]\n", ":1: expected a JSON object"),
    ],
)
def test_malformed(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=re.escape(name) + ".*" + message):
        _read(tmp_path, name, content)


def test_too_few_columns_without_a_header(tmp_path):
    with pytest.raises(ValueError, match=r":1: expected a column of number 4"):
        _read(tmp_path, "a.tsv", "a\tb\n", {"seq2": 0, "label": 4})


def test_formats():
    assert tables.guess_format("a/b.TSV") == "tsv"
    with pytest.raises(ValueError, match=r"one of \.tsv, \.csv, \.jsonl"):
        tables.guess_format("a/b.txt")


def test_unknown_format(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match="format 'xml'"):
        tables.read(str(tmp_path / "a"), "xml", _COLUMNS)


@pytest.mark.parametrize(
    ("value", "name"), [("a", "a"), (1, "1"), (True, "true"), (False, "false")]
)
def test_label_name(value, name):
    assert tables.label_name("here", value) == name


def test_half_a_character_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"a.jsonl:1: half a character, .ud8"):
        _read(tmp_path, "a.jsonl", '{"text": "a \\ud800", "y": 1}\n')


def test_brackets_without_end_are_no_object(tmp_path):
    with pytest.raises(ValueError, match=r"a.jsonl:1: expected a JSON object"):
        _read(tmp_path, "a.jsonl", "[" * 200_000)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
