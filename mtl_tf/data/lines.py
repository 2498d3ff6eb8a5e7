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
      ValueError: if there is no such file, a line is not UTF-8, or all lines
        end with a bare carriage return; with file and line.
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
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            _check_encoding(f"{name}:{number}", line)
            if number == 1 and re.search("\r[^\n]", line) and line[-1] != "\n":
                raise ValueError(
                    f"{name}: expected lines that end with a line feed, got "
                    "carriage returns alone, as of old Mac files; convert it, "
                    "such as with: tr '\\r' '\\n'"
                )
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
    if path != STANDARD_INPUT and (
        not os.path.exists(path) or os.path.isdir(path)
    ):
        raise ValueError(f"there is no file {path}")


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
            is_utf16 = file.peek(2)[:2] in _UTF16
            text = io.TextIOWrapper(
                file,
                "utf-16" if is_utf16 else "utf-8-sig",
                # Bytes that are not UTF-8 come through as lone surrogates,
                # which no UTF-8 holds: their line can then be named.
                errors="surrogateescape",
                newline="\n",
            )
            # Standard input itself stays open.
            stack.callback(text.detach)
            yield text
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(
                f"{name_of(path)}: damaged gzip file: {error}"
            ) from None


def _check_encoding(where, line):
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) & 0xFF
        raise ValueError(
            f"{where}: expected UTF-8, got byte 0x{byte:02x}; convert the file "
            "to UTF-8 (Latin-1, for example, with: iconv -f latin1 -t utf8)"
        ) from None
