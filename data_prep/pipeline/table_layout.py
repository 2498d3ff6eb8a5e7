"""The layout of a table in a file: format, delimiter, header and columns."""

import csv
import dataclasses
import re

from data_prep.pipeline import column_roles
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import tabular_files

# The first is that of the format, which is taken if it fits.
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t;,|"}
# A header has no cell with as many words.
_MANY_WORDS = 5


@dataclasses.dataclass(frozen=True)
class Layout:
    """The layout of a table.

    Attributes:
      file_format: one of `tabular_files.FORMATS`.
      delimiter: the delimiter of its columns, empty for that of the format.
      is_guessed: whether the extension does not tell the format.
      has_header: whether the first line has the names of the columns.
      columns: the columns; a table without a header has indices for names.
    """

    file_format: str
    delimiter: str
    is_guessed: bool
    has_header: bool
    columns: tuple[column_roles.Column, ...]


def detect(path: str) -> Layout:
    """Detects the layout of a file, and reads it.

    Args:
      path: the file.

    Raises:
      ValueError: if the file does not exist, is no text, or has no rows, or a
        line is malformed.
    """
    lines_lib.check_file(path)
    lines_lib.check_text(path)
    file_format, first_line = _format(path)
    delimiter = _delimiter(file_format, first_line)
    is_guessed = (
        not path.lower().removesuffix(".gz").endswith(f".{file_format}")
    )
    if file_format == "tsv" and _has_quotes(path, delimiter):
        file_format, is_guessed = "csv", True
        delimiter = delimiter or "\t"
    values = _read(path, file_format, delimiter)
    has_header = file_format == "jsonl" or _has_header(values)
    if not has_header:
        values = {
            index: [name, *column]
            for index, (name, column) in enumerate(values.items())
        }
    return Layout(
        file_format,
        delimiter,
        is_guessed,
        has_header,
        tuple(column_roles.Column.of(*item) for item in values.items()),
    )


def _format(path) -> tuple[str, str]:
    """Returns the format of a file, and its first line that is not blank."""
    first_line = ""
    for _, line in lines_lib.read(path):
        if line.strip():
            first_line = line
            break
    try:
        return tabular_files.guess_format(path), first_line
    except ValueError:
        if first_line.lstrip().startswith("["):
            raise
    if first_line.lstrip().startswith("{"):
        return "jsonl", first_line
    return ("tsv" if "\t" in first_line else "csv"), first_line


def _delimiter(file_format, line) -> str:
    """Returns the delimiter of a line, empty if it is that of the format."""
    if file_format == "jsonl":
        return ""
    delimiters = _DELIMITERS[file_format]
    cells = {
        x: len(next(csv.reader([line], delimiter=x), ())) for x in delimiters
    }
    if cells[delimiters[0]] > 1:
        return ""
    best = max(cells, key=lambda x: cells[x])
    return best if cells[best] > 1 else ""


def _has_quotes(path, delimiter) -> bool:
    """Returns whether the texts of a TSV file are quoted as in CSV."""
    rows = tabular_files.read(path, "tsv", None, delimiter)
    texts = [
        [x for x in row.values.values() if " " in x] for row in rows if row
    ]
    texts = [x for x in texts if x]
    return any(
        tabular_files.has_marked_quotes(x) for row in texts for x in row
    ) or (
        len(texts) > 1
        and all(any(map(tabular_files.is_quoted, row)) for row in texts)
    )


def _read(path, file_format, delimiter) -> dict:
    """Returns the values of all rows by column, without blank lines.

    The columns of a JSONL file are those that all rows have.
    """
    columns: dict | None = None
    rows = tabular_files.read(path, file_format, None, delimiter)
    for row in rows:
        if row is None:
            continue
        if columns is None:
            columns = {name: [] for name in row.values}
        for name in [name for name in columns if name not in row.values]:
            del columns[name]
        for name, values in columns.items():
            values.append(row.values[name])
    if not columns:
        raise ValueError(f"{path}: expected rows, got none")
    return columns


def _has_header(columns) -> bool:
    """Returns whether the names of columns are no values themselves."""
    for name, values in columns.items():
        if len(re.findall(r"\w+", name)) >= _MANY_WORDS:
            return False
        if len(set(values)) <= len(values) // 2 and name in values:
            return False
    return True
