import gzip
import io
import subprocess
import sys

import pytest

from mtl_tf.data import lines

# Bare carriage returns, U+0085 and U+2028 do not end lines; the last line may
# have no line end.
CONTENTS = [
    b"",
    b"\n",
    b"a\n",
    b"a",
    b"cup\rof soup\nstaff\n",
    b"a\r\nb\r\n",
    b"a\r\r\nb",
    b"\r\n\n\r\n",
    "a\x85b\u2028c\x0bd\x1ce\n".encode(),
    b"\r\ra\r\n",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_lines_are_counted_as_by_wc(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    actual = list(lines.read(str(path)))
    printed = subprocess.run(
        ["wc", "-l", path], capture_output=True, check=True, text=True
    ).stdout
    # wc does not count a last line without a line end.
    num_lines = int(printed.split()[0])
    num_lines += content != b"" and not content.endswith(b"\n")
    assert [number for number, _ in actual] == [*range(1, num_lines + 1)]
    assert [line.encode() for _, line in actual] == lines.split(content)
    with_ends = [line for _, line in lines.read_with_ends(str(path))]
    assert "".join(with_ends).encode() == content


def test_split_removes_line_ends():
    assert lines.split(b"a\r\nb\r\r\nc\rd\n\ne") == [
        b"a",
        b"b\r",
        b"c\rd",
        b"",
        b"e",
    ]


@pytest.mark.parametrize("content", [b"a\rb", b"a\rb\r", b"\rb\r" * 9])
def test_bare_carriage_returns_as_line_ends_are_an_error(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.txt: .* carriage returns only"):
        list(lines.read(str(path)))


@pytest.mark.parametrize("content", [b"a\r", b"\xef\xbb\xbfa", b"\xff\xfea\0"])
def test_a_byte_order_mark_and_a_final_carriage_return_are_removed(
    tmp_path, content
):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert list(lines.read(str(path))) == [(1, "a")]


_TABLE = "text,y\nhé,no\nb,yes\n"


@pytest.mark.parametrize(
    "encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("content", [_TABLE, f"é{_TABLE}"])
def test_utf16_without_a_byte_order_mark_is_an_error(
    tmp_path, encoding, content
):
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode(encoding))
    with pytest.raises(ValueError, match=r"a.csv: .* NUL bytes .* UTF-16 wit"):
        list(lines.read(str(path)))


def test_nul_characters_are_kept(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\0b\n\0\n")
    assert list(lines.read(str(path))) == [(1, "a\0b"), (2, "\0")]


@pytest.mark.parametrize("rows", [1, 5000])
def test_damaged_utf16_is_an_error(tmp_path, rows):
    path = tmp_path / "a.csv"
    content = (_TABLE * rows).encode("utf-16")
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"a.csv: expected UTF-16 .*truncat"):
        list(lines.read(str(path)))
    # A high surrogate and a line feed.
    path.write_bytes(content + b"\x00\xd8\x0a\x00")
    message = rf"a.csv:{3 * rows + 1}: expected UTF-16, got a .*\\ud800"
    with pytest.raises(ValueError, match=message):
        list(lines.read(str(path)))


def test_a_line_that_is_not_utf8_is_an_error(tmp_path):
    path = tmp_path / "a.csv"
    broken = "café,no\n".encode("latin-1")
    path.write_bytes(b"text,y\n" + broken)
    with pytest.raises(ValueError, match=r":2: .*0xe9; .* iconv -f latin1"):
        list(lines.read(str(path)))
    # Conversion from Latin-1 would garble the first line.
    path.write_bytes(_TABLE.encode() + broken)
    with pytest.raises(ValueError, match=r":4: .*0xe9; previous .*: correct"):
        list(lines.read(str(path)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1\x15\x04\x15\xc0", "got a Parquet file: .*to_csv"),
        (b"PK\x03\x04\x14\0\x06", "got a zip file, .*xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1", "got a binary file of Excel"),
        (b"\xfd7zXZ\0\0", "got an xz file: decompress it"),
        (b"BZh91AY&SY\x1c", "got a bzip2 file: decompress it"),
    ],
)
def test_binary_files_are_an_error(tmp_path, content, message):
    path = tmp_path / "a.csv"
    for data in (content, gzip.compress(content)):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"a.csv: .*{message}"):
            list(lines.read(str(path)))


def test_a_directory_is_an_error(tmp_path):
    for check in (lines.check_file, lambda path: list(lines.read(path))):
        with pytest.raises(ValueError, match="is a directory, expected a file"):
            check(str(tmp_path))
    with pytest.raises(ValueError, match="there is no file"):
        lines.check_file(str(tmp_path / "a"))


def test_standard_input_stays_open(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"a\rb\nc"))
    monkeypatch.setattr(sys, "stdin", stream)
    assert list(lines.read("-")) == [(1, "a\rb"), (2, "c")]
    assert not stream.closed


def test_standard_input_may_be_compressed():
    program = "from mtl_tf.data import lines\nprint(list(lines.read('-')))"
    content = b"a\rb\nc\n"
    for data in (content, gzip.compress(content)):
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=data,
            capture_output=True,
            check=True,
        )
        assert done.stdout == b"[(1, 'a\\rb'), (2, 'c')]\n"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
