"""Declarations of tasks from tables in memory, with what is not declared.

The settings of a task are those of a task file: labels, metric, columns, split
and absent. Labels, columns and splits have defaults that depend on the table.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np

from data_prep.pipeline import column_roles
from data_prep.pipeline import label_order
from data_prep.pipeline import memory_tables
from data_prep.pipeline import splits
from data_prep.pipeline import task_file as task_file_lib
from mtl_tf.data import tabular_files
from mtl_tf.data import values as values_lib
from mtl_tf.utils import display_names
from mtl_tf.utils import suggestions

_KEYS = ("labels", "metric", "columns", "split", "absent")
# Of the rows that are divided.
DEFAULT_SHARES = {"dev": 0.15, "test": 0.2}
# Rows that the roles of columns are guessed from.
_SAMPLE = 2_000
# More labels than this are suspicious if few of them repeat.
_MANY_LABELS = 20


def check_settings(
    settings: Mapping[str, Mapping] | None, names: Sequence[str]
) -> dict[str, dict]:
    """Checks the names of tasks and keys in settings.

    Args:
      settings: settings by name of the task.
      names: the names of the tasks.

    Raises:
      ValueError: if a task or a key is unknown.
    """
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise ValueError(
            "settings: expected a dict from the name of a task to its "
            f"settings, got {settings!r:.80}"
        )
    for name, table in settings.items():
        if name not in names:
            raise ValueError(
                f"settings: there is no task {name!r}"
                f"{suggestions.nearest(str(name), names)}; the tasks are "
                f"{', '.join(names)}"
            )
        if not isinstance(table, Mapping):
            raise ValueError(
                f"settings: task {name}: expected a dict of "
                f"{', '.join(_KEYS)}, got {table!r:.80}"
            )
        task_file_lib.check_keys(f"settings: task {name}", table, _KEYS)
    return {name: dict(table) for name, table in settings.items()}


def declare(
    name: str,
    tables: Mapping[str, memory_tables.MemoryTable],
    settings: Mapping,
) -> tuple[task_file_lib.TaskTable, dict[str, memory_tables.MemoryTable]]:
    """Makes the declaration of a task.

    Args:
      name: name of the task.
      tables: its tables by split, or one table.
      settings: its settings.

    Returns:
      The declaration, and the tables by key as in `task_rows`.

    Raises:
      ValueError: if a setting does not fit the tables, or columns are not
        obvious.
    """
    where = f"task {display_names.visible(str(name))}"
    columns = _columns(name, where, tables, settings.get("columns", {}))
    shares, tables = _shares(where, tables, columns, settings.get("split", {}))
    settings = dict(settings, columns=columns)
    for key in ("labels", "absent"):
        if key in settings:
            settings[key] = _to_list(where, key, settings[key])
    absent = [
        values_lib.to_text(where, "absent", x)
        for x in settings.get("absent", ())
    ]
    if "labels" not in settings:
        settings["labels"] = _labels(where, tables, columns, absent)
    table = task_file_lib.declare(
        where, name, settings, {}, task_file_lib.check_fractions(where, shares)
    )
    return table, dict(tables)


def to_json(table: task_file_lib.TaskTable) -> dict:
    """Returns all settings of a task, for the fingerprint of the corpus."""
    return {
        "labels": list(table.task.labels),
        "metric": table.task.metric,
        "columns": table.columns,
        "split": table.split,
        "absent": sorted(table.absent),
    }


def _to_list(where, key, value) -> list:
    """Returns a list of Python scalars; a tuple or an array is as good."""
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise ValueError(
            f"{where}: {key}: expected a list of names, got {value!r:.80}"
        )
    return [x.item() if isinstance(x, np.generic) else x for x in value]


def _columns(name, where, tables, columns) -> dict[str, Hashable]:
    """Returns the column of each field; finds those that are not declared."""
    if not isinstance(columns, Mapping):
        raise ValueError(
            f"{where}: columns: expected a dict such as "
            f"{{'seq2': 'message', 'label': 'intent'}}, got {columns!r:.80}"
        )
    task_file_lib.check_keys(
        f"{where}: columns", columns, task_file_lib.COLUMNS
    )
    if "split" in columns and memory_tables.TABLE not in tables:
        raise ValueError(
            f"{where}: columns: `split` names the split of each row of one "
            f"table, got tables {', '.join(tables)}"
        )
    columns = dict(columns)
    first = next(table for key, table in tables.items() if key != "unlabeled")
    is_declared = {"seq2", "label"} <= set(columns)
    roles = column_roles.guess(
        column_roles.Column.of(column, first.values(column, _SAMPLE))
        for column in first.columns
        if column not in columns.values()
        and (not is_declared or column_roles.is_split_name(column))
    )
    obvious = {
        "seq2": column_roles.obvious_text(roles),
        "label": column_roles.obvious_label(roles),
    }
    for field, column in obvious.items():
        if field not in columns:
            if column is None:
                raise _not_obvious(name, field, first, columns, roles)
            columns[field] = column.name
    if memory_tables.TABLE in tables:
        for split in roles.split[:1]:
            columns.setdefault("split", split.name)
    _check_columns(where, tables, columns)
    return columns


def _not_obvious(name, field, table, columns, roles) -> ValueError:
    """Makes the error of a column that is not declared and not obvious."""
    described = [
        column_roles.Column.of(column, table.values(column)).describe()
        for column in table.columns
    ]
    proposed = {"seq2": roles.texts[0].name if roles.texts else "TEXT"}
    if roles.pair:
        proposed = {"seq1": roles.pair[0].name, "seq2": roles.pair[1].name}
    proposed["label"] = roles.labels[0].name if roles.labels else "LABEL"
    kind = "texts" if field == "seq2" else "labels"
    return ValueError(
        f"{table.where}: which column has the {kind}? There are "
        f"{', '.join(described)}; name it, for example: settings="
        f"{ {name: {'columns': proposed | columns}} }"
    )


def _check_columns(where, tables, columns) -> None:
    """Raises a ValueError if a table does not have a column."""
    for key, table in tables.items():
        for field, column in columns.items():
            if key == "unlabeled" and field in ("label", "group"):
                continue
            if column not in table.columns:
                names = [str(x) for x in table.columns]
                raise ValueError(
                    f"{table.where}: there is no column {column!r} for {field}"
                    f"{suggestions.nearest(str(column), names)}; the columns "
                    f"are {', '.join(names)}"
                )


def _shares(where, tables, columns, shares):
    """Returns shares of the splits that tables lack, and the tables by key."""
    if not isinstance(shares, Mapping):
        raise ValueError(
            f"{where}: split: expected shares such as {{'dev': 0.1, 'test': "
            f"0.2}}, got {shares!r:.80}"
        )
    task_file_lib.check_keys(f"{where}: split", shares, ("dev", "test"))
    present = set(tables)
    if "split" in columns:
        names = tables[memory_tables.TABLE].values(columns["split"])
        present = {splits.split_name(x) for x in names}
    lacking = [x for x in ("dev", "test") if x not in present]
    shares = dict(shares) or {x: DEFAULT_SHARES[x] for x in lacking}
    if set(shares) != set(lacking):
        origin = ""
        if "split" in columns:
            origin = f"; column {columns['split']!r} has the others"
        raise ValueError(
            f"{where}: split: expected shares of {lacking}, the splits without "
            f"rows, got {shares}{origin}"
        )
    if shares and "train" in tables:
        tables = {
            memory_tables.TABLE if key == "train" else key: table
            for key, table in tables.items()
        }
    return shares, tables


def _labels(where, tables, columns, absent) -> list[str]:
    """Returns the labels of all rows, in the order of their categories."""
    spelled: dict[str, str] = {}
    categories: list[str] = []
    num_rows = 0
    fields = {x: columns[x] for x in ("label", "split") if x in columns}
    for key, table in tables.items():
        if key == "unlabeled":
            continue
        rows = table.rows(fields)
        num_rows += len(rows)
        for row in _different(rows):
            _add_label(row, absent, spelled)
        categories += [
            values_lib.label_name(where, x)
            for x in table.categories.get(columns["label"], ())
        ]
    labels = list(spelled.values())
    if len(labels) > max(_MANY_LABELS, num_rows // 2):
        raise ValueError(
            f"{where}: column {columns['label']!r} has {len(labels)} different "
            f"labels in {num_rows} rows: name the column of labels in "
            "`columns`, or list the labels in `labels`"
        )
    if set(labels) <= set(categories):
        return [x for x in dict.fromkeys(categories) if x in spelled.values()]
    return label_order.in_order(labels)


def _different(rows) -> Iterator[tabular_files.TableRow]:
    """Yields the first of all rows with the same values."""
    seen = set()
    for row in rows:
        # True equals 1, but is another label.
        key = tuple((type(x), x) for x in row.values.values())
        try:
            is_new = key not in seen
            seen.add(key)
        except TypeError:  # a list, which is refused later
            is_new = True
        if is_new:
            yield row


def _add_label(row: tabular_files.TableRow, absent, spelled) -> None:
    """Adds the label of a row, unless it is missing."""
    label = row.values["label"]
    if (
        values_lib.is_no_label(label)
        or values_lib.is_named(label, absent)
        or splits.split_name(row.values.get("split")) == "unlabeled"
    ):
        return
    name = values_lib.label_name(row.where, label)
    spelled.setdefault(values_lib.canonical(name) or name, name)
