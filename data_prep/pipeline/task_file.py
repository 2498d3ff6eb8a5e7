"""Reader of the task file of a `custom` corpus; `custom` describes it."""

import codecs
import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping, Sequence

from mtl_tf.data import tabular_files
from mtl_tf.data import tasks
from mtl_tf.data import values
from mtl_tf.utils import suggestions

_FILE_KEYS = ("file", *tasks.SPLITS)
_TOP_KEYS = ("license", "tasks")
_TASK_KEYS = (
    *("labels", "metric", "type", "columns", "format", "delimiter", "absent"),
    "split",
)
COLUMNS = ("seq1", "seq2", "label", "group", "id", "split")


@dataclasses.dataclass(frozen=True)
class TaskTable:
    """The table of a task in a task file.

    Attributes:
      task: the task.
      columns: name or index of the column of each field of a row.
      files: (path, format) by key: `file` or a split; empty for tables in
        memory.
      split: fractions of the splits of `file`, or empty. If `columns` has a
        column of splits, they divide the rows of train.
      delimiter: delimiter of the columns; empty for that of the format.
      absent: texts that mean a missing value.
    """

    task: tasks.Task
    columns: dict[str, str | int]
    files: dict[str, tuple[str, str]]
    split: dict[str, float]
    delimiter: str = ""
    absent: frozenset[str] = frozenset()


def read(task_file: str) -> tuple[list[TaskTable], str]:
    """Reads a task file.

    Args:
      task_file: path of the TOML file.

    Returns:
      The tables of the tasks, and the license.

    Raises:
      ValueError: if the file is missing or invalid.
    """
    try:
        with open(task_file, "rb") as file:
            # Windows editors write a byte order mark.
            text = file.read().removeprefix(codecs.BOM_UTF8).decode("utf-8")
        content = tomllib.loads(text)
    except FileNotFoundError:
        raise ValueError(f"there is no task file {task_file}") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{task_file}: expected UTF-8, got byte 0x"
            f"{error.object[error.start]:02x}: save it as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{task_file}: not TOML: {error}") from None
    check_keys(task_file, content, _TOP_KEYS)
    declared = content.get("tasks")
    if not isinstance(declared, dict) or not declared:
        raise ValueError(f"{task_file}: expected a table [tasks.NAME] per task")
    folder = os.path.dirname(task_file)
    tables = []
    for name, table in declared.items():
        where = f"{task_file}: [tasks.{_shorten(name)}]"
        if not isinstance(table, dict):
            raise ValueError(f"{where}: expected a table, got {table!r}")
        tables.append(_check_task(where, folder, name, table))
    try:
        tasks.check_names(declared)
    except ValueError as error:
        raise ValueError(f"{task_file}: {error}") from None
    return tables, str(content.get("license", "not stated in the task file"))


def _shorten(name) -> str:
    """Returns the name of a task as in TOML, shortened."""
    if re.fullmatch(r"[\w-]{1,60}", name, re.ASCII):
        return name
    return tasks.show_name(name)


def _check_task(where, folder, name, table) -> TaskTable:
    kind = table.get("type", "classification")
    if kind != "classification":
        raise ValueError(
            f"{where}: type = {kind!r} is not supported: expected one label "
            "per row (classification), no regression targets or several labels "
            "(multi-label targets)"
        )
    check_keys(where, table, _TASK_KEYS + _FILE_KEYS)
    for key in ("metric", "format", "delimiter", *_FILE_KEYS):
        if key in table and not isinstance(table[key], str):
            raise ValueError(
                f"{where}: {key}: expected text in quotes, got {table[key]!r}"
            )
    split = _check_split(where, table)
    files = {}
    for key in _FILE_KEYS:
        if key in table:
            path = os.path.join(folder, os.path.expanduser(table[key]))
            try:
                file_format = table.get("format") or tabular_files.guess_format(
                    path
                )
            except ValueError as error:
                raise ValueError(f"{where}: {key}: {error}") from None
            files[key] = (path, file_format)
    return declare(where, name, table, files, split)


def declare(
    where: str,
    name: str,
    table: Mapping,
    files: Mapping[str, tuple[str, str]],
    split: Mapping[str, float],
) -> TaskTable:
    """Makes the declaration of a task from its settings.

    Args:
      where: the task in messages.
      name: name of the task.
      table: the settings: labels, metric, columns, delimiter and absent.
      files: (path, format) by key; empty for tables in memory.
      split: fractions of the splits.

    Raises:
      ValueError: if a setting is invalid.
    """
    labels = table.get("labels")
    if not isinstance(labels, list) or not all(
        isinstance(x, (str, int, float)) for x in labels
    ):
        raise ValueError(
            f"{where}: labels: expected a list of label names in order, got "
            f"{labels!r}"
        )
    columns = _check_columns(where, table, files)
    label_names = tuple(values.label_name(where, x) for x in labels)
    try:
        task = tasks.Task(
            name,
            label_names,
            table.get("metric", "accuracy"),
            pair="seq1" in columns,
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    _check_spellings(where, task.labels)
    return TaskTable(
        task=task,
        columns=columns,
        files=dict(files),
        split=dict(split),
        delimiter=_check_delimiter(where, table, files),
        absent=_check_absent(where, table, task.labels),
    )


def _check_spellings(where, labels) -> None:
    """Raises a ValueError for labels that are equal in files (1 and 1.0)."""
    spelled: dict[str, str] = {}
    for label in labels:
        value = values.canonical(label)
        if value is not None and spelled.setdefault(value, label) != label:
            raise ValueError(
                f"{where}: labels: {spelled[value]!r} and {label!r} are the "
                "same value"
            )


def _check_delimiter(where, table, files) -> str:
    delimiter = table.get("delimiter", "")
    try:
        for _, file_format in files.values():
            tabular_files.check_delimiter(file_format, delimiter)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return delimiter


def _check_absent(where, table, labels) -> frozenset[str]:
    absent = table.get("absent", [])
    if not isinstance(absent, list) or not all(
        isinstance(x, (str, int, float)) for x in absent
    ):
        raise ValueError(
            f'{where}: absent: expected a list of texts such as ["NA"], got '
            f"{absent!r}"
        )
    absent = frozenset(values.to_text(where, "absent", x) for x in absent)
    for label in labels:
        if values.is_named(label, absent):
            raise ValueError(
                f"{where}: absent: {label!r} is a label of this task"
            )
    return absent


def _check_split(where, table) -> dict[str, float]:
    """Returns the fraction of each split of `file`, and checks the origins."""
    split = table.get("split", {})
    if not isinstance(split, dict):
        raise ValueError(
            f"{where}: split: expected fractions such as {{dev = 0.1, test = "
            f"0.2}}, got {split!r}"
        )
    check_keys(f"{where} split", split, ("dev", "test"))
    if split and "file" not in table and "train" in table:
        raise ValueError(
            f"{where}: split applies to the rows of `file`: use `file` instead "
            f"of `train`: file = {table['train']!r}"
        )
    columns = table.get("columns", {})
    has_column = isinstance(columns, dict) and "split" in columns
    if has_column:
        _check_split_column(where, table)
    elif bool(split) != ("file" in table):
        raise ValueError(
            f"{where}: expected file and split together (a file, and the "
            "fractions of dev and test), or one file each for train, dev and "
            "test"
        )
    fractions = check_fractions(where, split)
    for name in () if has_column else tasks.LABELED_SPLITS:
        origins = (name in table) + (name in fractions)
        if origins != 1:
            raise ValueError(
                f"{where}: expected one origin of {name} rows, got {origins}: "
                f"either {name} = FILE, or file = FILE with its fraction in "
                "split"
            )
    return fractions


def _check_split_column(where, table) -> None:
    """Raises a ValueError unless all rows of a task are in `file`."""
    others = [x for x in tasks.LABELED_SPLITS if x in table]
    if "file" not in table or others:
        got = f"{others[0]} = {table[others[0]]!r}" if others else "no file"
        raise ValueError(
            f"{where}: columns: `split` names the split of each row of file = "
            f"FILE, got {got}"
        )


def check_fractions(where: str, split: Mapping) -> dict[str, float]:
    """Checks the fractions of dev and test, and adds that of train.

    Args:
      where: the task in messages.
      split: the fractions; empty if rows are not divided.

    Raises:
      ValueError: if they are not numbers above 0 whose sum is below 1.
    """
    if any(
        isinstance(x, bool) or not isinstance(x, (int, float)) or not 0 < x < 1
        for x in split.values()
    ) or (split and sum(split.values()) >= 1):
        raise ValueError(
            f"{where}: split: expected fractions above 0 whose sum is below 1, "
            f"since train has the remaining rows, got {dict(split)}"
        )
    return {"train": 1 - sum(split.values()), **split} if split else {}


def _check_columns(where, table, files) -> dict[str, str | int]:
    columns = table.get("columns", {})
    if not isinstance(columns, dict):
        raise ValueError(
            f"{where}: columns: expected names such as "
            f'{{seq2 = "text", label = "label"}}, got {columns!r}'
        )
    check_keys(f"{where} columns", columns, COLUMNS)
    if isinstance(columns.get("label"), list):
        raise ValueError(
            f"{where}: columns: expected one column of labels, got "
            f"{columns['label']!r}: several labels per row (multi-label "
            "targets) are not supported; each may be a task with its column"
        )
    columns = {"seq2": "text", "label": "label", **columns}
    is_index = [
        isinstance(x, int) and not isinstance(x, bool) and x >= 0
        for x in columns.values()
    ]
    if not all(is_index) and not all(
        isinstance(x, str) for x in columns.values()
    ):
        raise ValueError(
            f"{where}: columns: expected either names or indices from 0 for "
            f"all of them, got {columns}"
        )
    formats = {file_format for _, file_format in files.values()}
    unknown = formats.difference(tabular_files.FORMATS)
    if unknown:
        raise ValueError(
            f"{where}: expected a format among "
            f"{', '.join(tabular_files.FORMATS)}, got {min(unknown)!r}"
        )
    if all(is_index) and "jsonl" in formats:
        raise ValueError(
            f"{where}: columns of JSONL files need names, got indices"
        )
    return columns


def check_keys(where: str, table: Mapping, known: Sequence[str]) -> None:
    """Raises a ValueError for the first key that is not known."""
    for key in table:
        if key not in known:
            raise ValueError(
                f"{where}: unknown key {key!r}"
                f"{suggestions.nearest(key, known)}; the keys are "
                f"{', '.join(known)}"
            )
