"""Readers of the columns of TSV, CSV and JSONL files.

Files are read line by line, whatever their size; `lines` describes their
encodings, compression and line ends.

- TSV: one row per line, tabs between columns; quotes are ordinary characters.
- CSV: commas between columns; values that contain commas, quotes or line ends
  are quoted.
- JSONL: one object per line.

Tables may have another delimiter than a tab or a comma. The delimiter " " of a
TSV file splits a line once: the second column is all after the first blank.

TSV and CSV have a header line with the names of the columns, unless columns are
selected by index (from 0).
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
from mtl_tf.utils import display_names
from mtl_tf.utils import suggestions

FORMATS = choices.TABLE_FORMATS
_DELIMITERS = {"tsv": "\t", "csv": ","}
# Replaces bare carriage returns, which the csv module would take for line ends.
# It does not occur in UTF-8.
_CARRIAGE_RETURN = "\udc0d"
_QUOTED = re.compile(r'"(?:[^"\\]|""|\\.)*"', re.DOTALL)
_ONE_OBJECT_PER_LINE = "; write one object per line, one for each row"
_QUOTES_IN_CSV = (
    ": quotes enclose a column in CSV, and are doubled within it; if quotes "
    "are ordinary characters, use format tsv"
)


@dataclasses.dataclass(frozen=True)
class TableRow:
    """The selected columns of a row.

    Attributes:
      where: `FILE:LINE`, for messages.
      line: line number of the start of the row, from 1.
      values: value by name, str or any JSON value; None for JSON's null and
        NaN.
    """

    where: str
    line: int
    values: dict


def guess_format(path: str) -> str:
    """Returns the format that the extension of a path indicates.

    Args:
      path: the path; a final `.gz` is ignored.

    Raises:
      ValueError: if the extension is none of a format, or the file is not text.
    """
    stem = re.sub(r"\.gz$", "", path, flags=re.IGNORECASE)
    extension = os.path.splitext(stem)[1].removeprefix(".").lower()
    if extension not in FORMATS:
        lines_lib.check_text(path)
        hint = "; jsonl is one object per line" if extension == "json" else ""
        raise ValueError(
            f"{path}: expected one of the extensions "
            f"{', '.join('.' + x for x in FORMATS)}, or the name of the format "
            f"in `format`{hint}"
        )
    return extension


def check_delimiter(file_format: str, delimiter: str) -> str:
    r"""Checks the delimiter of a table.

    Args:
      file_format: one of `FORMATS`.
      delimiter: one character, or a backslash and a t for a tab. If empty, the
        default of the format.

    Returns:
      The delimiter; empty for JSONL.

    Raises:
      ValueError: if the format has no delimiter, or this one is invalid.
    """
    if not delimiter:
        return _DELIMITERS.get(file_format, "")
    if file_format not in _DELIMITERS:
        raise ValueError(
            f"delimiter {delimiter!r} is not used by format {file_format}; it "
            f"is for {', '.join(_DELIMITERS)}"
        )
    delimiter = delimiter.replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise ValueError(
            f"delimiter {delimiter!r}: expected one character such as ';', "
            "other than a quote or a line end"
        )
    return delimiter


def read(
    path: str,
    file_format: str,
    columns: Mapping[str, str | int] | None,
    delimiter: str = "",
) -> Iterator[TableRow | None]:
    """Reads a file row by row.

    Args:
      path: the file, or `lines.STANDARD_INPUT`.
      file_format: one of `FORMATS`.
      columns: the name or index of the column of each value; either all names
        or all indices. None for all columns that have different names.
      delimiter: the delimiter of a table; if empty, the default of the format.

    Yields:
      The rows, and None for a blank line.

    Raises:
      ValueError: if the delimiter is invalid, or a line is malformed; the
        message names file and line.
    """
    if file_format not in FORMATS:
        raise ValueError(
            f"expected a format among {', '.join(FORMATS)}, got {file_format!r}"
        )
    delimiter = check_delimiter(file_format, delimiter)
    if file_format == "jsonl":
        return _jsonl(path, columns)
    read_cells = _csv_lines if file_format == "csv" else _tsv_lines
    return _table(path, read_cells(path, delimiter), columns, delimiter)


def is_quoted(text: str) -> bool:
    """Returns whether a text is quoted as in CSV."""
    return _QUOTED.fullmatch(text) is not None


def has_marked_quotes(text: str) -> bool:
    r"""Returns whether a quoted text contains escaped quotes, `""` or `\"`."""
    return is_quoted(text) and ('""' in text[1:-1] or '\\"' in text[1:-1])


def _tsv_lines(path, delimiter):
    max_splits = 1 if delimiter == " " else -1
    for line_number, line in lines_lib.read(path):
        # Windows programs may have turned \r\n into \r\r\n.
        line = line.rstrip("\r")
        # A line with delimiters is not blank: its values are missing.
        is_blank = not line.strip() and (
            max_splits == 1 or delimiter not in line
        )
        yield line_number, [] if is_blank else line.split(delimiter, max_splits)


def _csv_lines(path, delimiter):
    limit = csv.field_size_limit(sys.maxsize)
    line_number = 1
    lines = (
        re.sub(r"\r(?!\r*\n|\r*\Z)", _CARRIAGE_RETURN, line)
        for _, line in lines_lib.read_with_ends(path)
    )
    # strict: an unbalanced quote is an error, instead of one very long cell.
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        for cells in rows:
            cells = [x.replace(_CARRIAGE_RETURN, "\r") for x in cells]
            yield line_number, cells
            line_number = rows.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{lines_lib.name_of(path)}:{line_number}: expected a CSV row, "
            f"got: {error}{_QUOTES_IN_CSV}"
        ) from None
    finally:
        csv.field_size_limit(limit)


def _table(path, lines, columns, delimiter):
    """Yields the rows of a table, and None for a blank line."""
    path = lines_lib.name_of(path)
    has_header = columns is None or not all(
        isinstance(x, int) for x in columns.values()
    )
    indices = None if has_header else dict(columns)
    num_columns, names = None, "columns"
    for line_number, cells in lines:
        where = f"{path}:{line_number}"
        if not cells:
            yield None
            continue
        if indices is None:
            names = f"columns {cells}"
            if columns is None:
                columns = {x: x for x in cells if cells.count(x) == 1}
            indices = _header_indices(where, cells, columns, delimiter)
            num_columns = len(cells)
            continue
        if num_columns is None:
            num_columns = len(cells)
            last = max(indices.values())
            if last >= num_columns:
                raise ValueError(
                    f"{where}: expected a column with index {last} (from 0), "
                    f"got {num_columns} columns"
                    + _suggest_delimiter(cells, delimiter, indices.values())
                )
        if len(cells) != num_columns:
            if not "".join(cells).strip():
                yield None
                continue
            raise ValueError(
                f"{where}: expected {num_columns} {names}, got "
                f"{len(cells)}: {_shorten(cells)}{_suggest_line_ends(cells)}"
            )
        values = {name: cells[index] for name, index in indices.items()}
        yield TableRow(where, line_number, values)
    if indices is None:
        raise ValueError(f"{path}: expected a header line, got an empty file")


def _header_indices(where, header, columns, delimiter):
    """Returns the index of each column in the header."""
    indices = {}
    for name, column in columns.items():
        matches = [i for i, cell in enumerate(header) if cell == column]
        if len(matches) != 1:
            hint = _suggest_delimiter(header, delimiter, columns.values())
            hint = hint or _suggest_line_ends(header)
            if not hint and not matches:
                hint = suggestions.nearest(str(column), header)
            raise ValueError(
                f"{where}: expected one column {column!r} in the header, got "
                f"{len(matches)} among {_shorten(header)}{hint}; `columns` "
                f"names the column of {name}"
            )
        indices[name] = matches[0]
    return indices


def _suggest_line_ends(cells) -> str:
    """Returns a hint if the cells of a line seem to contain line ends."""
    if any("\r" in cell for cell in cells):
        return (
            ", with carriage returns only, as in old Mac files: if they end "
            "lines, convert the file, for example with: tr '\\r' '\\n'"
        )
    quoted = [cell for cell in cells if cell.startswith('"')]
    if quoted and quoted[-1].count('"') % 2:
        return (
            "; if quotes enclose columns, as in CSV, use format csv with its "
            "`delimiter`"
        )
    return ""


def _suggest_delimiter(cells, delimiter, columns) -> str:
    """Returns a hint if the columns of a line seem to have another delimiter.

    Args:
      cells: the cells of the line.
      delimiter: the delimiter that was used.
      columns: names or indices of the expected columns.
    """
    line = delimiter.join(cells)
    by_index = all(isinstance(x, int) for x in columns)
    fitting = []
    for other in ";,\t| ":
        other_cells = line.split(other, 1 if other == " " else -1)
        other_cells = [cell.strip('"') for cell in other_cells]
        # A text has blanks: a single column does not show that they delimit.
        fits = (
            max(columns) + 1 == len(other_cells)
            and (other != " " or len(columns) > 1)
            if by_index
            else set(columns) <= set(other_cells)
        )
        if fits:
            fitting.append(other)
    if len(fitting) != 1 or delimiter in fitting:
        return ""
    return (
        f", whose delimiter seems to be {fitting[0]!r}: set `delimiter` to the "
        "one of the columns"
    )


def _jsonl(path, columns):
    """Yields the rows of a JSONL file, and None for a blank line."""
    for line_number, line in lines_lib.read(path):
        where = f"{lines_lib.name_of(path)}:{line_number}"
        if not line.strip():
            yield None
            continue
        try:
            value = json.loads(line)
        # RecursionError: thousands of nested brackets.
        # ValueError: also integers of thousands of digits.
        except (ValueError, RecursionError) as error:
            hint = _ONE_OBJECT_PER_LINE if line.strip() in ("[", "{") else ""
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}: {error}"
                f"{hint}"
            ) from None
        if not isinstance(value, dict):
            hint = _ONE_OBJECT_PER_LINE if isinstance(value, list) else ""
            raise ValueError(
                f"{where}: expected a JSON object, got {line[:60]!r}{hint}"
            )
        selected = columns
        if selected is None:
            selected = {x: x for x in value}
        missing = [x for x in selected.values() if x not in value]
        if missing:
            is_other = line_number == 1 and len(missing) == len(selected)
            raise ValueError(
                f"{where}: expected {_shorten(list(selected.values()))}, got "
                f"{_shorten(list(value))}: {missing[0]!r} is missing"
                f"{_ONE_OBJECT_PER_LINE if is_other else ''}"
            )
        values = {name: value[x] for name, x in selected.items()}
        values = {
            # NaN is not JSON, but some programs write it.
            name: None if isinstance(x, float) and x != x else x
            for name, x in values.items()
        }
        for text in values.values():
            if isinstance(text, str):
                check_surrogates(where, text)
        yield TableRow(where, line_number, values)


def check_surrogates(where: str, text: str) -> None:
    """Raises a ValueError if a text has a lone surrogate, as JSON allows."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: expected Unicode text, got a lone surrogate, "
            f"\\u{ord(text[error.start]):04x}, in {text[:60]!r}"
        ) from None


def _shorten(cells) -> str:
    return display_names.ellipsize(repr(cells), 120)
