r"""Lines of text files: one definition for all readers.

A line ends with `\n` or `\r\n`. Other characters that end lines elsewhere (a
bare `\r`, U+0085, U+2028) belong to the text.

Files are UTF-8, with or without a byte order mark, or UTF-16 with one, as Excel
writes them. They may be compressed with gzip, whatever their name. `-` is
standard input.
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
_TO_TEXT = (
    "save it as CSV, for example with pandas: DataFrame.to_csv(index=False)"
)
_UNPACK = "decompress it, or use gzip"
# Signature, kind and remedy of files that are not text.
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
# The start of UTF-16 without a byte order mark, and of UTF-32.
_WIDE = re.compile(r"(?:[^\0]\0+){4}|(?:\0+[^\0]){4}")


def name_of(path: str) -> str:
    """Returns the name of a file in messages."""
    return "standard input" if path == STANDARD_INPUT else path


def read(path: str) -> Iterator[tuple[int, str]]:
    """Reads the lines of a file, without their line ends.

    Args:
      path: the file, or `STANDARD_INPUT`.

    Yields:
      The line number, from 1, and the line.

    Raises:
      ValueError: if the file does not exist or is not text, a line is not
        UTF-8, or lines end with carriage returns only. The message names file
        and line.
    """
    for line_number, line in read_with_ends(path):
        yield line_number, line.removesuffix("\n").removesuffix("\r")


def read_with_ends(path: str) -> Iterator[tuple[int, str]]:
    """Reads the lines of a file, with their line ends.

    Args:
      path: the file, or `STANDARD_INPUT`.

    Yields:
      The line number, from 1, and the line with its end.

    Raises:
      ValueError: as in `read`.
    """
    name = name_of(path)
    is_ascii = True
    with _open(path) as file:
        for line_number, line in enumerate(file, start=1):
            if line_number == 1:
                _check_first(name, line)
            if not line.isascii():
                _check_encoding(f"{name}:{line_number}", line, file, is_ascii)
                is_ascii = False
            yield line_number, line


def split(content: bytes) -> list[bytes]:
    """Splits the content of a file into lines, without their line ends."""
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def check_file(path: str) -> None:
    """Raises a ValueError unless a path is a file or `STANDARD_INPUT`."""
    if path == STANDARD_INPUT:
        return
    if os.path.isdir(path):
        raise ValueError(f"{path} is a directory, expected a file")
    if not os.path.exists(path):
        raise ValueError(f"there is no file {path}")


def check_text(path: str) -> None:
    """Raises a ValueError if a file that exists is known not to be text."""
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
                # Invalid bytes become lone surrogates, which do not occur in
                # UTF-8: a message can then name their line.
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
                f"{name_of(path)}: expected UTF-16 after its byte order mark: "
                f"{error.reason}"
            ) from None


def _check_encoding(where, line, file, is_first):
    """Raises a ValueError if a line has lone surrogates.

    Args:
      where: file and line, for messages.
      line: the line.
      file: the file.
      is_first: whether all previous lines are ASCII.
    """
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        code_point = ord(line[error.start])
    else:
        return
    if file.encoding == "utf-16":
        raise ValueError(
            f"{where}: expected UTF-16, got a lone surrogate, "
            f"\\u{code_point:04x}"
        )
    remedy = (
        "convert the file to UTF-8 (Latin-1, for example, with: iconv -f "
        "latin1 -t utf8)"
    )
    # Conversion from Latin-1 would garble the lines that are UTF-8.
    if not is_first:
        remedy = (
            "previous lines are UTF-8: correct this line, or drop such bytes "
            "with: iconv -c -f utf8 -t utf8"
        )
    raise ValueError(
        f"{where}: expected UTF-8, got byte 0x{code_point & 0xFF:02x}; {remedy}"
    )


def _check_first(name, line):
    """Raises a ValueError if the first line has other line ends or encoding."""
    if re.search("\r[^\n]", line) and line[-1] != "\n":
        raise ValueError(
            f"{name}: expected lines that end with a line feed, got carriage "
            "returns only, as in old Mac files; convert it, for example with: "
            "tr '\\r' '\\n'"
        )
    if _WIDE.match(line):
        raise ValueError(
            f"{name}: expected UTF-8, got NUL bytes between characters, as in "
            "UTF-16 without a byte order mark, or in UTF-32; convert it, for "
            "example with: iconv -f utf-16le -t utf8"
        )
