"""Tables in memory: pandas DataFrames, rows as dicts, and `tf.data.Dataset`s.

The values of their columns become those of a JSONL file. pandas and TensorFlow
are not imported: the tables are known by their attributes.
"""

import dataclasses
import hashlib
import json
import random
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from data_prep.pipeline import splits
from mtl_tf.data import tabular_files
from mtl_tf.data import tasks
from mtl_tf.data import values as values_lib
from mtl_tf.utils import display_names

# The rows of a task that is one table, which has no name of a split.
TABLE = "table"
_KINDS = (
    "a pandas DataFrame, a list of dicts (one for each row), a "
    "tf.data.Dataset of dicts, or a dict from split to such a table"
)
# The value of a dict that lacks a column.
_MISSING = object()


@dataclasses.dataclass(frozen=True)
class MemoryTable:
    """A table in memory.

    Attributes:
      task: name of the task in messages.
      split: the split of the table, empty if the task has one table.
      columns: the values of all rows, by column.
      index: the name of each row, or None if it has none.
      categories: the categories of categorical columns, in order.
    """

    task: str
    split: str
    columns: dict[Hashable, list]
    index: Sequence[Hashable] | None = None
    categories: dict[Hashable, list] = dataclasses.field(default_factory=dict)

    @property
    def where(self) -> str:
        """Name of the table in messages."""
        return _where(self.task, self.split)

    def where_row(self, row: int) -> str:
        """Returns the name of a row in messages; rows count from 0."""
        name = _where_row(self.task, self.split, row)
        if self.index is not None and self.index[row] != row:
            name += f" (index {self.index[row]!r:.40})"
        return name

    def values(self, column: Hashable, most: int | None = None) -> list:
        """Returns the values of a column, as far as they are scalars.

        Missing values are None; values of other types are unchanged.

        Args:
          column: the column.
          most: the number of values of a random sample; None for all.
        """
        values = self.columns[column]
        if most is not None and len(values) > most:
            values = random.Random(0).sample(values, most)
        return [_lenient(x) for x in values]

    def rows(
        self, columns: Mapping[str, Hashable]
    ) -> list[tabular_files.TableRow]:
        """Returns the rows, with the selected columns.

        Args:
          columns: the column of each field.

        Raises:
          ValueError: if a value is no scalar, or missing in a dict; the message
            names the row.
        """
        selected = [self._convert(column) for column in columns.values()]
        return [
            tabular_files.TableRow(
                self.where_row(row),
                row,
                dict(zip(columns, row_values, strict=True)),
            )
            for row, row_values in enumerate(zip(*selected, strict=True))
        ]

    def _convert(self, column) -> list:
        """Converts the values of a column to scalars."""
        # Most values need no check, which would take most of the time.
        return [
            x
            if type(x) in (int, bool) or (type(x) is str and x and x.isascii())
            else _to_scalar(self.where_row(row), column, x)
            for row, x in enumerate(self.columns[column])
        ]


def read(task: str, tables: object) -> dict[str, MemoryTable]:
    """Reads the tables of a task.

    Args:
      task: name of the task.
      tables: one table, or a dict from split to table.

    Returns:
      The tables by split; a single one has the key `TABLE`.

    Raises:
      ValueError: if a table is of another type, has no rows, or a key is not
        the name of a split.
    """
    name = display_names.visible(str(task))
    where = _where(name, "")
    if not isinstance(tables, Mapping):
        return {TABLE: _read_table(name, "", tables)}
    by_split: dict[str, MemoryTable] = {}
    for key, table in tables.items():
        split = splits.split_name(key)
        if split is None:
            raise ValueError(
                f"{where}: expected splits ({', '.join(tasks.SPLITS)}) as "
                f"keys, got {key!r:.80}; pandas.DataFrame makes a table of a "
                "dict of columns"
            )
        if split in by_split:
            raise ValueError(f"{where}: two tables are {split}: {list(tables)}")
        by_split[split] = _read_table(name, split, table)
    if "train" not in by_split:
        raise ValueError(f"{where}: expected a table train, got {list(tables)}")
    return by_split


def digest(rows: Sequence[tabular_files.TableRow]) -> str:
    """Returns a checksum of the values of rows, sha256."""
    result = hashlib.sha256()
    for row in rows:
        values = list(row.values.items())
        result.update(json.dumps(values, default=repr).encode("utf-8"))
        result.update(b"\n")
    return result.hexdigest()


def _where(task, name) -> str:
    """Returns the name of a task, or of a part of its tables, in messages."""
    return f"task {task}: {name}" if name else f"task {task}"


def _where_row(task, split, row) -> str:
    """Returns the name of a row in messages."""
    return _where(task, f"{split} row {row}".strip())


def _read_table(task, split, table) -> MemoryTable:
    """Reads a table of any kind."""
    where = _where(task, split)
    if hasattr(table, "iloc") and hasattr(table, "columns"):
        read_table = _read_frame(task, split, table)
    elif hasattr(table, "as_numpy_iterator"):
        read_table = _read_dataset(task, split, table)
    elif isinstance(table, Iterable) and not isinstance(table, str | bytes):
        read_table = _read_dicts(task, split, table)
    else:
        hint = ""
        if isinstance(table, str):
            hint = "; files are declared in a task file (--corpus=custom)"
        raise ValueError(f"{where}: expected {_KINDS}, got {table!r:.80}{hint}")
    if not any(map(len, read_table.columns.values())):
        raise ValueError(f"{where}: expected rows, got an empty table")
    return read_table


def _read_frame(task, split, frame) -> MemoryTable:
    """Reads a pandas DataFrame."""
    where = _where(task, split)
    names = list(frame.columns)
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"{where}: two columns are named {repeated[0]!r}")
    categories = {
        name: frame[name].cat.categories.tolist()
        for name in names
        if hasattr(frame[name], "cat")
    }
    columns = {name: frame[name].tolist() for name in names}
    return MemoryTable(task, split, columns, frame.index.tolist(), categories)


def _read_dataset(task, split, dataset) -> MemoryTable:
    """Reads a `tf.data.Dataset` of dicts of scalars."""
    where = _where(task, split)
    spec = dataset.element_spec
    if not isinstance(spec, Mapping):
        raise ValueError(
            f"{where}: expected a tf.data.Dataset of dicts from column to "
            f"scalar, got elements {spec!r:.80}; map(lambda text, label: "
            '{"text": text, "label": label}) makes dicts of pairs'
        )
    if int(dataset.cardinality()) == -1:
        raise ValueError(
            f"{where}: the tf.data.Dataset is infinite: leave out repeat()"
        )
    return _read_dicts(task, split, dataset.as_numpy_iterator())


def _read_dicts(task, split, rows) -> MemoryTable:
    """Reads dicts from column to value, one for each row."""
    rows = list(rows)
    columns: dict[Hashable, list] = {}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(
                f"{_where_row(task, split, number)}: expected a dict from "
                "column to value, "
                f"got {row!r:.80}; a task's table is {_KINDS}"
            )
        columns |= {name: [] for name in row if name not in columns}
    for name, values in columns.items():
        values += [row.get(name, _MISSING) for row in rows]
    return MemoryTable(task, split, columns)


def _lenient(value):
    """Returns a scalar as a Python object, other values unchanged."""
    try:
        return _to_scalar("", "", value)
    except ValueError:
        return None if value is _MISSING else value


def _to_scalar(where, column, value):
    """Returns a value as text, number or truth value; None if it is missing."""
    if value is _MISSING:
        raise ValueError(
            f"{where}: column {column!r} is missing; None is a missing value"
        )
    if isinstance(value, np.ndarray) and value.ndim:
        raise ValueError(
            f"{where}: expected one value in column {column!r}, got an array "
            f"of shape {value.shape}; unbatch() divides the batches of a "
            "tf.data.Dataset into rows"
        )
    if isinstance(value, np.generic | np.ndarray):
        value = value.item()
    if values_lib.is_absent(value):
        return None
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{where}: expected UTF-8 in column {column!r}, got byte 0x"
                f"{value[error.start]:02x}"
            ) from None
    if isinstance(value, str):
        tabular_files.check_surrogates(where, value)
    return value
