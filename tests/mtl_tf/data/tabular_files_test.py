import gzip
import re

import pytest

from mtl_tf.data import tabular_files

_COLUMNS = {"seq2": "text", "label": "y"}


def _read(tmp_path, name, content, columns=_COLUMNS):
    path = tmp_path / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    rows = list(
        tabular_files.read(
            str(path), tabular_files.guess_format(str(path)), columns
        )
    )
    return [row for row in rows if row], rows.count(None)


def _values(rows):
    return [(row.line, row.values["seq2"], row.values["label"]) for row in rows]


def test_tsv_has_columns_between_tabs(tmp_path):
    rows, blank = _read(
        tmp_path,
        "a.tsv",
        # Byte order mark, CRLF, a blank line, an ordinary quote, an empty text,
        # U+0085 inside a text, no final line end.
        '\ufeffid\ty\ttext\r\n1\tno\t"odd\r\n\r\n2\tyes\t\n3\tno\ta\x85b',
    )
    assert blank == 1
    assert _values(rows) == [
        (2, '"odd', "no"),
        (4, "", "yes"),
        (5, "a\x85b", "no"),
    ]
    assert rows[0].where.endswith("a.tsv:2")


def test_csv_has_quoted_values(tmp_path):
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


def test_jsonl_has_one_object_per_line(tmp_path):
    rows, blank = _read(
        tmp_path,
        "a.jsonl",
        '{"text": "a\\nb", "y": 1, "more": []}\n\n{"y": true, "text": "é"}\n',
    )
    assert blank == 1
    assert _values(rows) == [(1, "a\nb", 1), (3, "é", True)]


def test_columns_by_index(tmp_path):
    columns = {"seq2": 2, "label": 0}
    rows, _ = _read(tmp_path, "a.tsv", "no\t1\tx\nyes\t2\ty\n", columns)
    assert _values(rows) == [(1, "x", "no"), (2, "y", "yes")]


def test_a_text_may_exceed_the_limit_of_the_csv_module(tmp_path):
    rows, _ = _read(tmp_path, "a.csv", f"text,y\n{'x' * 200_000},no\n")
    assert len(rows[0].values["seq2"]) == 200_000


def test_line_ends_are_the_same_in_all_formats(tmp_path):
    # A bare carriage return, U+0085 and U+2028 belong to the text.
    text = "a\rb\x85c\u2028d"
    for name, content in (
        ("a.tsv", f"text\ty\r\n{text}\tno\r\nend\tyes"),
        ("a.csv", f"text,y\r\n{text},no\r\nend,yes"),
        ("b.csv", f'text,y\n"{text}",no\nend,yes\n'),
        (
            "a.jsonl",
            '{"text": "a\\rb\x85c\u2028d", "y": "no"}\r\n'
            '{"text": "end",\r"y": "yes"}\r\n',
        ),
    ):
        rows, blank = _read(tmp_path, name, content)
        assert blank == 0
        line = 1 if name == "a.jsonl" else 2
        assert _values(rows) == [(line, text, "no"), (line + 1, "end", "yes")]


@pytest.mark.parametrize(
    "name", ["a.tsv.gz", "a.csv.GZ", "a.jsonl.gz", "a.tsv"]
)
def test_files_may_be_compressed(tmp_path, name):
    content = {
        "tsv": "text\ty\nhello\tno\n",
        "csv": "text,y\nhello,no\n",
        "jsonl": '\n{"text": "hello", "y": "no"}\n',
    }[tabular_files.guess_format(name)]
    rows, _ = _read(tmp_path, name, gzip.compress(content.encode()))
    assert _values(rows) == [(2, "hello", "no")]


def test_tables_written_by_excel(tmp_path):
    # "Unicode text": UTF-16 with a byte order mark.
    content = "text\ty\r\nπ and 🙂\tno\r\n".encode("utf-16")
    rows, _ = _read(tmp_path, "a.tsv", content)
    assert _values(rows) == [(2, "π and 🙂", "no")]
    # "CSV UTF-8", where a comma is the decimal point.
    content = 'text;y\r\n"one; two";no\r\n'.encode("utf-8-sig")
    (tmp_path / "a.csv").write_bytes(content)
    (row,) = tabular_files.read(str(tmp_path / "a.csv"), "csv", _COLUMNS, ";")
    assert _values([row]) == [(2, "one; two", "no")]


def test_a_table_with_row_names_written_by_r(tmp_path):
    rows, _ = _read(
        tmp_path, "a.csv", '"","text","y"\n"1","say ""hi""","no"\n"2",NA,"no"\n'
    )
    assert _values(rows) == [(2, 'say "hi"', "no"), (3, "NA", "no")]


def test_the_delimiter_blank_splits_a_line_once(tmp_path):
    path = tmp_path / "questions"
    path.write_text("DESC:manner How did it end ?\nNUM:date When ?\n")
    columns = {"label": 0, "seq2": 1}
    rows = tabular_files.read(str(path), "tsv", columns, " ")
    assert _values(rows) == [
        (1, "How did it end ?", "DESC:manner"),
        (2, "When ?", "NUM:date"),
    ]


def test_null_and_nan_are_missing_values(tmp_path):
    rows, _ = _read(
        tmp_path, "a.jsonl", '{"text": null, "y": NaN}\n{"text": "", "y": 0}\n'
    )
    assert [row.values for row in rows] == [
        {"seq2": None, "label": None},
        {"seq2": "", "label": 0},
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "", "expected a header line, got an empty file"),
        ("a.tsv", "text\tlabel\n", ":1: expected one column 'y' in the header"),
        (
            "a.tsv",
            "text\tyy\n",
            r"'yy'\] \(did you mean yy\?\); `columns` nam",
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
        ("a.jsonl", "[1]\n", ":1: expected .*; write one object per line"),
        (
            "a.csv",
            "text;y\na;no\n",
            ":1: .*, whose delimiter seems to be ';': set `delimiter`",
        ),
        ("a.tsv", '"text","y"\na,no\n', ":1: .* delimiter seems to be ','"),
        (
            "a.csv",
            "id\ty\ttext\n1\tno\ta\n",
            r":1: .* delimiter seems to be '\\t'",
        ),
        ("a.tsv", "text\ty\ra\tno\rb\tno\r", ": .* carriage returns only"),
        ("a.csv", "text,y\ra,no", ": .* old Mac files; convert it, for ex"),
        # Partly converted; only the header ends with a line feed.
        ("a.tsv", "text\ty\na\tno\rb\tno\n", ":2: .* got 3.* old Mac files"),
        ("a.csv", "text,y\ra,no\rb,no\n", ":1: .* old Mac files: if they end"),
        # CSV with tabs that is read as TSV, and the reverse.
        (
            "a.tsv",
            'text\ty\n"two\nlines"\tno\n',
            ":2: expected 2 .*; if quotes enclose columns, .* format csv",
        ),
        ("a.csv", 'text,y\n"a" b,no\n', ":2: .* if quotes are .* format tsv"),
        ("a.csv", 'text,y\n"b,no\n', ":2: .* if quotes are .* format tsv"),
        (
            "a.jsonl",
            '[\n {"text": 1}\n]\n',
            ":1: .*; write one object per line",
        ),
        ("a.jsonl", '{\n "text": 1\n}\n', ":1: .*; write one object per line"),
        # A file that is a single object, such as rows by split.
        (
            "a.jsonl",
            '{"train": [["a", "no"]]}\n',
            ":1: .*; write one object per",
        ),
        # An integer with more digits than Python reads.
        (
            "a.jsonl",
            f'{{"y": {"1" * 9999}}}\n',
            ":1: expected a JSON obj.*4300",
        ),
        (
            "a.tsv",
            gzip.compress(b"text\ty\n", mtime=0)[:-9],
            ": damaged gzip file: ",
        ),
        ("a.tsv", b"\x1f\x8b" + b"text\ty\n", ": damaged gzip file: "),
    ],
)
def test_malformed_files_are_an_error(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=re.escape(name) + ".*" + message):
        _read(tmp_path, name, content)


def test_too_few_columns_without_a_header_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r":1: expected a column with index 4"):
        _read(tmp_path, "a.tsv", "a\tb\n", {"seq2": 0, "label": 4})


def test_another_delimiter_is_suggested_without_a_header(tmp_path):
    with pytest.raises(
        ValueError, match=r":1: .* 1 columns, whose delimiter seems to be ' '"
    ):
        _read(tmp_path, "a.tsv", "no one two\n", {"seq2": 1, "label": 0})


def test_blanks_are_not_suggested_as_delimiters_of_texts(tmp_path):
    # Unlabeled texts in a file without the column of labels.
    with pytest.raises(ValueError, match=r":1: .* got 1 columns$"):
        _read(tmp_path, "a.tsv", "one two\n", {"seq2": 1})


@pytest.mark.parametrize(
    ("name", "content", "texts", "blank"),
    [
        # A row of missing values has delimiters.
        ("a.tsv", "text\ty\na\tno\n\t\n \t \n", ["a", "", " "], 0),
        ("a.csv", "text,y\na,no\n,\n , \n", ["a", "", " "], 0),
        # A blank line has none.
        ("a.tsv", "text\ty\na\tno\n  \n\n\t\t\n", ["a"], 3),
        ("a.csv", "text,y\na,no\n  \n\n", ["a"], 2),
    ],
)
def test_blank_lines_are_counted(tmp_path, name, content, texts, blank):
    rows, actual = _read(tmp_path, name, content)
    assert [row.values["seq2"] for row in rows] == texts
    assert actual == blank


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_line_ends_may_have_been_converted_twice(tmp_path, name):
    content = "text\ty\r\r\na\tno\r\r\n\r\r\nb\tyes\r\r\n"
    if name == "a.csv":
        content = content.replace("\t", ",")
    rows, blank = _read(tmp_path, name, content)
    assert _values(rows) == [(2, "a", "no"), (4, "b", "yes")]
    assert blank == 1


def test_guess_format_uses_the_extension(tmp_path):
    assert tabular_files.guess_format("a/b.TSV") == "tsv"
    assert tabular_files.guess_format("a/b.jsonl.gz") == "jsonl"
    with pytest.raises(ValueError, match=r"extensions \.tsv, \.csv, \.jsonl"):
        tabular_files.guess_format("a/b.txt")
    with pytest.raises(ValueError, match=r"; jsonl is one object per line"):
        tabular_files.guess_format("a/b.json")
    with pytest.raises(ValueError, match="is a directory, expected a file"):
        tabular_files.guess_format(str(tmp_path))
    (tmp_path / "a.parquet").write_bytes(b"PAR1\x15\x04")
    with pytest.raises(ValueError, match=r"a.parquet: expected text, got a P"):
        tabular_files.guess_format(str(tmp_path / "a.parquet"))


def test_an_unknown_format_is_an_error(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueError, match=r"format .*, got 'xml'"):
        tabular_files.read(str(tmp_path / "a"), "xml", _COLUMNS)


def test_a_lone_surrogate_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a.jsonl:1: .* lone surrogate, .ud8"):
        _read(tmp_path, "a.jsonl", '{"text": "a \\ud800", "y": 1}\n')


def test_deeply_nested_brackets_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"a.jsonl:1: expected a JSON object"):
        _read(tmp_path, "a.jsonl", "[" * 200_000)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
