import gzip
import io
import subprocess
import sys

import pytest

from mtl_tf.data import lines

# Lone carriage returns, U+0085 and U+2028 do not end lines; the last line may
# lack its end.
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
def test_lines_are_those_of_wc(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    found = list(lines.read(str(path)))
    printed = subprocess.run(
        ["wc", "-l", path], capture_output=True, check=True, text=True
    ).stdout
    ends = int(printed.split()[0])
    # wc counts ends: a last line without one is a line all the same.
    assert len(found) == ends + (not content.endswith(b"\n") and content != b"")
    assert [number for number, _ in found] == [*range(1, len(found) + 1)]
    assert [line.encode() for _, line in found] == lines.split(content)
    with_ends = [line for _, line in lines.read_with_ends(str(path))]
    assert "".join(with_ends).encode() == content


def test_ends_are_taken_off():
    assert lines.split(b"a\r\nb\r\r\nc\rd\n\ne") == [
        b"a",
        b"b\r",
        b"c\rd",
        b"",
        b"e",
    ]


@pytest.mark.parametrize("content", [b"a\rb", b"a\rb\r", b"\rb\r" * 9])
def test_a_file_of_an_old_mac(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.txt: .* carriage returns alone"):
        list(lines.read(str(path)))


@pytest.mark.parametrize("content", [b"a\r", b"\xef\xbb\xbfa", b"\xff\xfea\0"])
def test_one_line(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    assert list(lines.read(str(path))) == [(1, "a")]


def test_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"a\rb\nc"))
    monkeypatch.setattr(sys, "stdin", stream)
    assert list(lines.read("-")) == [(1, "a\rb"), (2, "c")]
    assert not stream.closed


def test_packed_standard_input():
    program = "from mtl_tf import lines\nprint(list(lines.read('-')))"
    content = b"a\rb\nc\n"
    for packed in (content, gzip.compress(content)):
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=packed,
            capture_output=True,
            check=True,
        )
        assert done.stdout == b"[(1, 'a\\rb'), (2, 'c')]\n"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
