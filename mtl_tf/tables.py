"""Reads columns of TSV, CSV and JSONL files, with the line of each row.

Files are UTF-8, with or without a byte order mark, and are read line by line,
whatever their size; `-` is standard input.

- TSV: a row a line, tabs between columns, quotes are characters like others.
- CSV: commas, quotes around what holds commas, quotes or line ends.
- JSONL: an object a line.

TSV and CSV have a header line with the columns' names, unless columns are
asked for by number (from 0).
"""

import contextlib
import csv
import dataclasses
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping

from mtl_tf import tasks

FORMATS = ("tsv", "csv", "jsonl")
STANDARD_INPUT = "-"


@dataclasses.dataclass(frozen=True)
class Record:
    """The columns of a row that were asked for.

    Attributes:
      where: `FILE:LINE`, for messages.
      line: number of the line that the row begins in, from 1.
      values: by the name under which it was asked for: str, or any JSON value.
    """

    where: str
    line: int
    values: dict


def guess_format(path: str) -> str:
    """The format that the extension of a path names.

    Raises:
      ValueError: if it names none.
    """
    extension = os.path.splitext(path)[1].removeprefix(".").lower()
    if extension not in FORMATS:
        raise ValueError(
            f"{path}: the extension names no format; one of "
            f"{', '.join('.' + x for x in FORMATS)} is needed, or the name of "
            "the format in `format`"
        )
    return extension


def read(
    path: str, file_format: str, columns: Mapping[str, str | int]
) -> Iterator[Record | None]:
    """Reads a file row by row.

    Args:
      path: the file, or `STANDARD_INPUT`.
      file_format: one of `FORMATS`.
      columns: for each value of a row, the name or the number of its column;
        all names or all numbers.

    Yields:
      The rows, and None for a blank line.

    Raises:
      ValueError: if a line is malformed, with file, line, what was expected and
        what was found.
    """
    if file_format not in FORMATS:
        raise ValueError(
            f"format {file_format!r}: one of {', '.join(FORMATS)} is needed"
        )
    if file_format == "jsonl":
        return _jsonl(path, columns)
    if file_format == "csv":
        return _table(path, _csv_lines(path), columns)
    return _table(path, _tsv_lines(path), columns)


def read_lines(path: str) -> Iterator[tuple[int, str]]:
    """The lines of a file, numbered from 1, without their ends.

    Raises:
      ValueError: if a line is not UTF-8, with file and line.
    """
    # Line ends of all kinds, but not what str.splitlines takes for one too
    # (U+0085 and others).
    with _open(path, newline=None) as file:
        for number, line in enumerate(file, start=1):
            yield number, _checked(path, number, line).removesuffix("\n")


@contextlib.contextmanager
def _open(path, newline):
    # Bytes that are not UTF-8 come through as lone surrogates, which no UTF-8
    # holds: `_checked` can then name their line.
    how = {
        "encoding": "utf-8-sig",
        "errors": "surrogateescape",
        "newline": newline,
    }
    if path == STANDARD_INPUT:
        file = io.TextIOWrapper(sys.stdin.buffer, **how)
        try:
            yield file
        finally:
            # Standard input itself stays open.
            file.detach()
        return
    if not os.path.exists(path) or os.path.isdir(path):
        raise ValueError(f"there is no file {path}")
    with open(path, **how) as file:
        yield file


def _checked(path, number, line):
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) & 0xFF
        raise ValueError(
            f"{name_of(path)}:{number}: expected UTF-8, got byte 0x{byte:02x}; "
            "convert the file to UTF-8"
        ) from None
    return line


def name_of(path: str) -> str:
    """What messages call a file."""
    return "standard input" if path == STANDARD_INPUT else path


def _tsv_lines(path):
    for number, line in read_lines(path):
        yield number, line.split("\t") if line.strip() else []


def _csv_lines(path):
    limit = csv.field_size_limit(sys.maxsize)
    number = 1
    with _open(path, newline="") as file:
        lines = (_checked(path, n, x) for n, x in enumerate(file, start=1))
        # strict: an unbalanced quote is an error, and does not swallow the
        # rest.
        reader = csv.reader(lines, strict=True)
        try:
            for cells in reader:
                yield number, cells
                number = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(
                f"{name_of(path)}:{number}: expected a CSV row, got: {error}"
            ) from None
        finally:
            csv.field_size_limit(limit)


def _table(path, lines, columns):
    """Rows of a table; None for a blank line."""
    path = name_of(path)
    by_number = all(isinstance(x, int) for x in columns.values())
    places = width = None
    names = "columns"
    if by_number:
        places = dict(columns)
    for number, cells in lines:
        if not cells:
            yield None
            continue
        if places is None:
            names = f"columns {cells}"
            places = _header_places(f"{path}:{number}", cells, columns)
            width = len(cells)
            continue
        if width is None:
            width = len(cells)
            if max(places.values()) >= width:
                raise ValueError(
                    f"{path}:{number}: expected a column of number "
                    f"{max(places.values())} (from 0), got {width} columns"
                )
        if len(cells) != width:
            raise ValueError(
                f"{path}:{number}: expected {width} {names}, got "
                f"{len(cells)}: {_shown(cells)}"
            )
        values = {name: cells[place] for name, place in places.items()}
        yield Record(f"{path}:{number}", number, values)
    if places is None:
        raise ValueError(f"{path}: expected a header line, got an empty file")


def _header_places(where, header, columns):
    places = {}
    for name, column in columns.items():
        found = [i for i, cell in enumerate(header) if cell == column]
        if len(found) != 1:
            hint = "" if found else tasks.nearest(str(column), header)
            raise ValueError(
                f"{where}: expected one column {column!r} in the header, got "
                f"{len(found)} among {_shown(header)}{hint}; `columns` says "
                f"which column is {name}"
            )
        places[name] = found[0]
    return places


def _jsonl(path, columns):
    """Rows of a JSONL file; None for a blank line."""
    for number, line in read_lines(path):
        where = f"{name_of(path)}:{number}"
        if not line.strip():
            yield None
            continue
        try:
            value = json.loads(line)
        # RecursionError: brackets within brackets, thousands of them.
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}: {error}"
            ) from None
        if not isinstance(value, dict):
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}"
            )
        missing = [x for x in columns.values() if x not in value]
        if missing:
            raise ValueError(
                f"{where}: expected {_shown(list(columns.values()))}, got "
                f"{_shown(list(value))}: {missing[0]!r} is missing"
            )
        values = {name: value[x] for name, x in columns.items()}
        for text in values.values():
            if isinstance(text, str):
                _check_halves(where, text)
        yield Record(where, number, values)


def _check_halves(where, text):
    """Refuses what JSON can spell, but UTF-8 cannot: a lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: half a character, \\u{ord(text[error.start]):04x}, in "
            f"{text[:60]!r}"
        ) from None


def label_name(where, label) -> str:
    """A label as text; numbers and truth values as JSON spells them.

    Args:
      where: the place, for messages.
      label: the value in a file.

    Raises:
      ValueError: if it is no single label.
    """
    if isinstance(label, (list, dict)):
        raise ValueError(
            f"{where}: expected one label, got {label!r}: several labels a row "
            "(multi-label targets) are not supported"
        )
    if isinstance(label, float):
        raise ValueError(
            f"{where}: expected the name of a label, got the number {label}: "
            "regression targets are not supported"
        )
    if label is None:
        raise ValueError(f"{where}: expected a label, got null")
    return str(label).lower() if isinstance(label, bool) else str(label)


def _shown(cells) -> str:
    text = repr(cells)
    return text if len(text) <= 120 else f"{text[:120]}..."
