"""Reads columns of TSV, CSV and JSONL files, with the line of each row.

Files are UTF-8, with or without a byte order mark.

- TSV: a row a line, tabs between columns, quotes are characters like others.
- CSV: commas, quotes around what holds commas, quotes or line ends.
- JSONL: an object a line.

TSV and CSV have a header line with the columns' names, unless columns are
asked for by number (from 0).
"""

import csv
import dataclasses
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping

FORMATS = ("tsv", "csv", "jsonl")


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
            f"{', '.join('.' + x for x in FORMATS)} or format = NAME is needed"
        )
    return extension


def read(
    path: str, file_format: str, columns: Mapping[str, str | int]
) -> tuple[list[Record], int]:
    """Reads a file.

    Args:
      path: the file.
      file_format: one of `FORMATS`.
      columns: for each value of a row, the name or the number of its column;
        all names or all numbers.

    Returns:
      The rows, and how many blank lines were passed over.

    Raises:
      ValueError: if a line is malformed, with file, line, what was expected and
        what was found.
    """
    content = _decode(path)
    if file_format == "jsonl":
        rows = _jsonl(path, content, columns)
    elif file_format == "csv":
        rows = _table(path, _csv_lines(path, content), columns)
    elif file_format == "tsv":
        rows = _table(path, _tsv_lines(content), columns)
    else:
        raise ValueError(
            f"format {file_format!r}: one of {', '.join(FORMATS)} is needed"
        )
    rows = list(rows)
    return [row for row in rows if row], sum(row is None for row in rows)


def _decode(path: str) -> str:
    with open(path, "rb") as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line}: expected UTF-8, got byte "
            f"0x{content[error.start]:02x}; convert the file to UTF-8"
        ) from None


def _lines(content: str) -> Iterator[tuple[int, str]]:
    # Not str.splitlines, which takes U+0085 and others for line ends.
    for number, line in enumerate(io.StringIO(content, newline=None), start=1):
        yield number, line.removesuffix("\n")


def _tsv_lines(content):
    for number, line in _lines(content):
        yield number, line.split("\t") if line.strip() else []


def _csv_lines(path, content):
    limit = csv.field_size_limit(sys.maxsize)
    # strict: an unbalanced quote is an error, and does not swallow the rest.
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    number = 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}:{number}: expected a CSV row, got: {error}"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _table(path, lines, columns):
    """Rows of a table; None for a blank line."""
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
            raise ValueError(
                f"{where}: expected one column {column!r} in the header, got "
                f"{len(found)} among {_shown(header)}; in a file without a "
                "header, columns are given by number"
            )
        places[name] = found[0]
    return places


def _jsonl(path, content, columns):
    """Rows of a JSONL file; None for a blank line."""
    for number, line in _lines(content):
        where = f"{path}:{number}"
        if not line.strip():
            yield None
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
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
        yield Record(
            where, number, {name: value[x] for name, x in columns.items()}
        )


def _shown(cells) -> str:
    text = repr(cells)
    return text if len(text) <= 120 else f"{text[:120]}..."
