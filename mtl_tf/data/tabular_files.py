"""Reads columns of TSV, CSV and JSONL files, with the line of each row.

Files are read line by line, whatever their size; `lines` says what a line is,
and what may be packed or encoded how.

- TSV: a row a line, tabs between columns, quotes are characters like others.
- CSV: commas, quotes around what holds commas, quotes or line ends.
- JSONL: an object a line.

Tables may have another delimiter than tabs and commas. A blank in a TSV file
divides a line once: what follows the first blank is the second column.

TSV and CSV have a header line with the columns' names, unless columns are
asked for by number (from 0).
"""

import csv
import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping

from mtl_tf.config import choices
from mtl_tf.data import lines as lines_lib
from mtl_tf.utils import suggestions

FORMATS = choices.TABLE_FORMATS
_DELIMITERS = {"tsv": "\t", "csv": ","}
# No UTF-8 holds it: what the csv module is given for a bare carriage return,
# which it would take for the end of a line.
_CARRIAGE_RETURN = "\udc0d"
_QUOTED = re.compile(r'"(?:[^"\\]|""|\\.)*"', re.DOTALL)
_AN_OBJECT_A_LINE = "; write an object a line, a row each"
_QUOTES_IN_CSV = (
    ": a quote encloses a column here, and is doubled within; where quotes are "
    "characters like others, the format is tsv"
)


@dataclasses.dataclass(frozen=True)
class Record:
    """The columns of a row that are read.

    Attributes:
      where: `FILE:LINE`, for messages.
      line: number of the line that the row begins in, from 1.
      values: by the name under which it is read: str, or any JSON value; None
        for JSON's null and NaN.
    """

    where: str
    line: int
    values: dict


def guess_format(path: str) -> str:
    """Returns the format that the extension of a path names.

    Args:
      path: the path; an ending `.gz` is passed over.

    Raises:
      ValueError: if it names none, or the file is no text.
    """
    stem = re.sub(r"\.gz$", "", path, flags=re.IGNORECASE)
    extension = os.path.splitext(stem)[1].removeprefix(".").lower()
    if extension not in FORMATS:
        lines_lib.check_text(path)
        hint = "; jsonl is an object a line" if extension == "json" else ""
        raise ValueError(
            f"{path}: the extension names no format; one of "
            f"{', '.join('.' + x for x in FORMATS)} is needed, or the name of "
            f"the format in `format`{hint}"
        )
    return extension


def check_delimiter(file_format: str, delimiter: str) -> str:
    r"""Checks the delimiter of a table.

    Args:
      file_format: one of `FORMATS`.
      delimiter: a character; `\t`, spelled out, is a tab. If empty, it is that
        of the format.

    Returns:
      The delimiter; empty for JSONL.

    Raises:
      ValueError: if it cannot be one.
    """
    if not delimiter:
        return _DELIMITERS.get(file_format, "")
    if file_format not in _DELIMITERS:
        raise ValueError(
            f"delimiter {delimiter!r}: {file_format} has none; it is for "
            f"{', '.join(_DELIMITERS)}"
        )
    delimiter = delimiter.replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ValueError(
            f"delimiter {delimiter!r}: expected one character such as ';', and "
            "neither a quote nor a line end"
        )
    return delimiter


def read(
    path: str,
    file_format: str,
    columns: Mapping[str, str | int],
    delimiter: str = "",
) -> Iterator[Record | None]:
    """Reads a file row by row.

    Args:
      path: the file, or `lines.STANDARD_INPUT`.
      file_format: one of `FORMATS`.
      columns: for each value of a row, the name or the number of its column;
        all names or all numbers.
      delimiter: what is between the columns of a table, if not what the format
        has there.

    Yields:
      The rows, and None for a blank line.

    Raises:
      ValueError: if the delimiter cannot be one, or a line is malformed, with
        file, line, what was expected and what was found.
    """
    if file_format not in FORMATS:
        raise ValueError(
            f"format {file_format!r}: one of {', '.join(FORMATS)} is needed"
        )
    delimiter = check_delimiter(file_format, delimiter)
    if file_format == "jsonl":
        return _jsonl(path, columns)
    divide = _csv_lines if file_format == "csv" else _tsv_lines
    return _table(path, divide(path, delimiter), columns, delimiter)


def is_quoted(text: str) -> bool:
    """Returns whether a text is in quotes, as CSV writes it."""
    return _QUOTED.fullmatch(text) is not None


def has_marked_quotes(text: str) -> bool:
    r"""Returns whether a text in quotes has `""` or `\"` for quotes within."""
    return is_quoted(text) and ('""' in text[1:-1] or '\\"' in text[1:-1])


def _tsv_lines(path, delimiter):
    most = 1 if delimiter == " " else -1
    for number, line in lines_lib.read(path):
        # Written as text on Windows, \r\n has become \r\r\n.
        line = line.rstrip("\r")
        # A row of absent values is a row: it has its delimiters.
        is_blank = not line.strip() and (most == 1 or delimiter not in line)
        yield number, [] if is_blank else line.split(delimiter, most)


def _csv_lines(path, delimiter):
    limit = csv.field_size_limit(sys.maxsize)
    number = 1
    lines = (
        re.sub(r"\r(?!\r*\n|\r*\Z)", _CARRIAGE_RETURN, line)
        for _, line in lines_lib.read_with_ends(path)
    )
    # strict: an unbalanced quote is an error, and does not swallow the rest.
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        for cells in reader:
            yield number, [x.replace(_CARRIAGE_RETURN, "\r") for x in cells]
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{lines_lib.name_of(path)}:{number}: expected a CSV row, got: "
            f"{error}{_QUOTES_IN_CSV}"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _table(path, lines, columns, delimiter):
    """Rows of a table; None for a blank line."""
    path = lines_lib.name_of(path)
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
            places = _header_places(
                f"{path}:{number}", cells, columns, delimiter
            )
            width = len(cells)
            continue
        if width is None:
            width = len(cells)
            last = max(places.values())
            if last >= width:
                raise ValueError(
                    f"{path}:{number}: expected a column of number {last} "
                    f"(from 0), got {width} columns"
                    + _suggest_delimiter(cells, delimiter, places.values())
                )
        if len(cells) != width:
            if not "".join(cells).strip():
                yield None
                continue
            raise ValueError(
                f"{path}:{number}: expected {width} {names}, got "
                f"{len(cells)}: {_shown(cells)}{_suggest_ends(cells)}"
            )
        values = {name: cells[place] for name, place in places.items()}
        yield Record(f"{path}:{number}", number, values)
    if places is None:
        raise ValueError(f"{path}: expected a header line, got an empty file")


def _header_places(where, header, columns, delimiter):
    places = {}
    for name, column in columns.items():
        found = [i for i, cell in enumerate(header) if cell == column]
        if len(found) != 1:
            hint = _suggest_delimiter(header, delimiter, columns.values())
            hint = hint or _suggest_ends(header)
            if not hint and not found:
                hint = suggestions.nearest(str(column), header)
            raise ValueError(
                f"{where}: expected one column {column!r} in the header, got "
                f"{len(found)} among {_shown(header)}{hint}; `columns` says "
                f"which column is {name}"
            )
        places[name] = found[0]
    return places


def _suggest_ends(cells) -> str:
    """Returns the remedy, if the cells of a line hold the ends of others."""
    if any("\r" in cell for cell in cells):
        return (
            ", with carriage returns alone, as of old Mac files: if they end "
            "lines, convert the file, such as with: tr '\\r' '\\n'"
        )
    quoted = [cell for cell in cells if cell.startswith('"')]
    if quoted and quoted[-1].count('"') % 2:
        return (
            "; if quotes enclose columns here, as CSV has them, the format is "
            "csv with its `delimiter`"
        )
    return ""


def _suggest_delimiter(cells, delimiter, columns) -> str:
    """Returns the remedy, if a line looks as if others divided its columns.

    Args:
      cells: the cells of the line.
      delimiter: what divided them.
      columns: names or numbers of the columns that it should have.
    """
    line = delimiter.join(cells)
    by_number = all(isinstance(x, int) for x in columns)
    fitting = []
    for other in ";,\t| ":
        found = line.split(other, 1 if other == " " else -1)
        found = [cell.strip('"') for cell in found]
        # Any text has a blank: that it divides columns takes two of them.
        fits = (
            max(columns) + 1 == len(found)
            and (other != " " or len(columns) > 1)
            if by_number
            else set(columns) <= set(found)
        )
        if fits:
            fitting.append(other)
    if len(fitting) != 1 or delimiter in fitting:
        return ""
    return (
        f", which {fitting[0]!r} seems to divide: `delimiter` names what "
        "divides columns"
    )


def _jsonl(path, columns):
    """Rows of a JSONL file; None for a blank line."""
    for number, line in lines_lib.read(path):
        where = f"{lines_lib.name_of(path)}:{number}"
        if not line.strip():
            yield None
            continue
        try:
            value = json.loads(line)
        # RecursionError: brackets within brackets, thousands of them.
        # ValueError: also of thousands of digits.
        except (ValueError, RecursionError) as error:
            hint = _AN_OBJECT_A_LINE if line.strip() in ("[", "{") else ""
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}: {error}"
                f"{hint}"
            ) from None
        if not isinstance(value, dict):
            hint = _AN_OBJECT_A_LINE if isinstance(value, list) else ""
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}{hint}"
            )
        missing = [x for x in columns.values() if x not in value]
        if missing:
            is_other = number == 1 and len(missing) == len(columns)
            raise ValueError(
                f"{where}: expected {_shown(list(columns.values()))}, got "
                f"{_shown(list(value))}: {missing[0]!r} is missing"
                f"{_AN_OBJECT_A_LINE if is_other else ''}"
            )
        values = {name: value[x] for name, x in columns.items()}
        values = {
            # NaN, which JSON does not know, but some write.
            name: None if isinstance(x, float) and x != x else x
            for name, x in values.items()
        }
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


def _shown(cells) -> str:
    text = repr(cells)
    return text if len(text) <= 120 else f"{text[:120]}..."
