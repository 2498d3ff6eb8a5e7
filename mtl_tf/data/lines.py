r"""Lines of text files: one rule for all that reads them.

A line ends with `\n`, as `wc -l` counts; a `\r` before it belongs to the end.
All other characters that end lines elsewhere, a bare `\r`, U+0085 or U+2028,
belong to the text.

Files are UTF-8, with or without a byte order mark, or UTF-16 with one, as Excel
writes it. They may be packed with gzip, whatever their name. `-` is standard
input.
"""

import codecs
import contextlib
import gzip
import io
import os
import re
import sys
import zlib
from collections.abc import Iterator

STANDARD_INPUT = "-"
_GZIP = b"\x1f\x8b"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TO_TEXT = "save it as CSV, such as with pandas: DataFrame.to_csv(index=False)"
_UNPACK = "unpack it, or pack it with gzip"
# What files are that begin so, and what to do.
_NO_TEXT = (
    (b"PAR1", "a Parquet file", _TO_TEXT),
    (b"ARROW1", "an Arrow file", _TO_TEXT),
    (b"\xd0\xcf\x11\xe0", "a binary file of Excel (.xls)", _TO_TEXT),
    (
        b"PK\x03\x04",
        "a zip file, as .xlsx and .ods are",
        "unpack it, or save the table as CSV",
    ),
    (b"BZh91AY&SY", "a bzip2 file", _UNPACK),
    (b"\xfd7zXZ\0", "an xz file", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
)
# Beginnings of UTF-16 without a byte order mark, and of UTF-32.
_WIDE = re.compile(r"(?:[^\0]\0+){4}|(?:\0+[^\0]){4}")


def name_of(path: str) -> str:
    """Returns what messages call a file."""
    return "standard input" if path == STANDARD_INPUT else path


def read(path: str) -> Iterator[tuple[int, str]]:
    """Reads the lines of a file, without their ends.

    Args:
      path: the file, or `STANDARD_INPUT`.

    Yields:
      The number of a line, from 1, and the line.

    Raises:
      ValueError: if there is no such file, it is no text, a line is not UTF-8,
        or all lines end with a bare carriage return; with file and line.
    """
    for number, line in read_with_ends(path):
        yield number, _without_end(line, "\n", "\r")


def read_with_ends(path: str) -> Iterator[tuple[int, str]]:
    """Reads as `read` does, but leaves each line its end.

    Args:
      path: as in `read`.

    Yields:
      The number of a line, from 1, and the line with its end.

    Raises:
      ValueError: as in `read`.
    """
    name = name_of(path)
    is_ascii = True
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                _check_first(name, line)
            if not line.isascii():
                _check_encoding(f"{name}:{number}", line, file, is_ascii)
                is_ascii = False
            yield number, line


def split(content: bytes) -> list[bytes]:
    """Returns the lines of a file's content, without their ends."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def _without_end(line, *ends):
    for end in ends:
        line = line.removesuffix(end)
    return line


def check_file(path: str) -> None:
    """Raises a ValueError if there is no such file; standard input is one."""
    if path == STANDARD_INPUT:
        return
    if os.path.isdir(path):
        raise ValueError(f"{path} is a directory, expected a file")
    if not os.path.exists(path):
        raise ValueError(f"there is no file {path}")


def check_text(path: str) -> None:
    """Raises a ValueError if a path is known to be no file of text."""
    if os.path.exists(path):
        check_file(path)
        with open(path, "rb") as file:
            _check_content(path, file)


def _check_content(name, file):
    start = file.peek(16)
    for signature, kind, remedy in _NO_TEXT:
        if start.startswith(signature):
            raise ValueError(f"{name}: expected text, got {kind}: {remedy}")


@contextlib.contextmanager
def _open(path):
    """Opens a file as text, in which only a line feed ends a line."""
    with contextlib.ExitStack() as stack:
        if path == STANDARD_INPUT:
            file = sys.stdin.buffer
            if not hasattr(file, "peek"):
                file = io.BufferedReader(file)
                stack.callback(file.detach)
        else:
            check_file(path)
            file = stack.enter_context(open(path, "rb"))
        if file.peek(2)[:2] == _GZIP:
            file = gzip.GzipFile(fileobj=file)
        try:
            _check_content(name_of(path), file)
            is_utf16 = file.peek(2)[:2] in _UTF16
            text = io.TextIOWrapper(
                file,
                "utf-16" if is_utf16 else "utf-8-sig",
                # What is not UTF-8 comes through as lone surrogates, which no
                # UTF-8 holds: their line can then be named.
                errors="surrogatepass" if is_utf16 else "surrogateescape",
                newline="\n",
            )
            # Standard input itself stays open.
            stack.callback(text.detach)
            yield text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{name_of(path)}: damaged gzip file: {error}"
            ) from None
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name_of(path)}: expected UTF-16, as its byte order mark "
                f"has it: {error.reason}"
            ) from None


def _check_encoding(where, line, file, is_first):
    """Refuses a line with lone surrogates.

    Args:
      where: the place, for messages.
      line: the line.
      file: what it is from.
      is_first: whether all lines before are ASCII.
    """
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        found = ord(line[error.start])
    else:
        return
    if file.encoding == "utf-16":
        raise ValueError(
            f"{where}: expected UTF-16, got half a character, \\u{found:04x}"
        )
    remedy = (
        "convert the file to UTF-8 (Latin-1, for example, with: iconv -f "
        "latin1 -t utf8)"
    )
    # Taken for Latin-1, these lines would be garbled.
    if not is_first:
        remedy = (
            "lines before are UTF-8: mend this line, or leave out such bytes "
            "with: iconv -c -f utf8 -t utf8"
        )
    raise ValueError(
        f"{where}: expected UTF-8, got byte 0x{found & 0xFF:02x}; {remedy}"
    )


def _check_first(name, line):
    """Refuses a first line that tells of other line ends or characters."""
    if re.search("\r[^\n]", line) and line[-1] != "\n":
        raise ValueError(
            f"{name}: expected lines that end with a line feed, got carriage "
            "returns alone, as of old Mac files; convert it, such as with: tr "
            "'\\r' '\\n'"
        )
    if _WIDE.match(line):
        raise ValueError(
            f"{name}: expected UTF-8, got NUL bytes between characters, as of "
            "UTF-16 without a byte order mark, or of UTF-32; convert it, such "
            "as with: iconv -f utf-16le -t utf8"
        )
