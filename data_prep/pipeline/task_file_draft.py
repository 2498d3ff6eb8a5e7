"""Drafts of task files, for `--init`: what tables show, to be edited."""

import collections
import dataclasses
import json
import os
import re
import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from data_prep.pipeline import column_roles
from data_prep.pipeline import label_order
from data_prep.pipeline import memory_tasks
from data_prep.pipeline import splits
from data_prep.pipeline import table_layout
from mtl_tf.data import tasks
from mtl_tf.data import values as values_lib
from mtl_tf.utils import display_names
from mtl_tf.utils import files as files_lib

_HEAD = """\
# Tasks of a corpus, guessed from tables by data_prep.main --init: correct what
# is wrong. A column has one of the roles seq2 (the text that is classified),
# seq1 (the first text of a pair), label, group, id and split.
"""
_WIDTH = 78
# Labels differ much in frequency if the first has as many times the rows of the
# last.
_IMBALANCE = 3
# Labels that are whole numbers, such as 1 to 5 stars.
_MAX_GRADES = 11
_FEW_ROWS = 10
# A split by group needs many small groups.
_MIN_GROUPS = 20
_MAX_GROUP_SHARE = 0.1
# Metrics of certain labels.
_METRICS = {
    "favor_against_f1": {"favor", "against"},
    "fnc_score": {"agree", "disagree", "discuss", "unrelated"},
}


@dataclasses.dataclass(frozen=True)
class Draft:
    """A draft of a task.

    Attributes:
      name: name of the task.
      text: its table in the task file.
      summary: a line about it.
    """

    name: str
    text: str
    summary: str


@dataclasses.dataclass(frozen=True)
class _TaskFiles:
    """The files of a task, their layouts, and the roles of their columns."""

    name: str
    paths: Mapping[str, str]
    layout: table_layout.Layout
    roles: column_roles.Roles
    label: column_roles.Column


def draft(paths: Sequence[str], folder: str) -> list[Draft]:
    """Makes drafts of the tasks of tables, one for each file.

    Files of one folder whose names differ in the name of a split, such as
    `answers/train.csv` and `answers/dev.csv`, are one task.

    Args:
      paths: the files.
      folder: the folder of the task file; paths are relative to it.

    Raises:
      ValueError: if a file is invalid, or has no column of texts or of labels.
    """
    names: set[str] = set()
    drafts = []
    for stem, files in _by_task(paths):
        name = _task_name(stem, names)
        names.add(name.lower())
        drafts.append(_draft_task(_read(name, files), folder))
    return drafts


def write(drafts: Sequence[Draft], path: str) -> None:
    """Writes a task file; never replaces a file.

    Args:
      drafts: the drafts of its tasks.
      path: the file.

    Raises:
      ValueError: if it exists.
    """
    if os.path.lexists(path):
        raise ValueError(
            f"{path} exists, and is not replaced: name another file with "
            "--task_file, or move it away"
        )
    with files_lib.atomic_write(path) as file:
        file.write(_HEAD)
        file.writelines(f"\n{task.text}" for task in drafts)


def next_command(drafts: Sequence[Draft], path: str) -> str:
    """Returns the command that prepares the corpus of a task file.

    Args:
      drafts: the drafts of its tasks.
      path: the task file.
    """
    name = drafts[0].name if len(drafts) == 1 else "mine"
    return (
        "python -m data_prep.main --corpus=custom "
        f"--task_file={shlex.quote(path)} --out_dir=data/{name} --inspect"
    )


def _by_task(paths) -> list[tuple[str, dict[str, str]]]:
    """Returns the files of each task by split, or `file`, after its name."""
    by_stem: dict[tuple[str, str], dict[str, str]] = collections.defaultdict(
        dict
    )
    single = []
    for path in paths:
        stem = _stem(path)
        before, _, last = re.sub(r"[-_.](?=[a-zA-Z]+$)", "\n", stem).rpartition(
            "\n"
        )
        split = splits.split_name(last)
        folder = os.path.dirname(os.path.abspath(path))
        key = folder, before or os.path.basename(folder)
        if split and split not in by_stem[key]:
            by_stem[key][split] = path
        else:
            single.append((stem, path))
    grouped = []
    for (_, stem), files in by_stem.items():
        if "train" in files and len(files) > 1:
            in_order = {x: files[x] for x in tasks.SPLITS if x in files}
            grouped.append((stem, in_order))
        else:
            single += [(_stem(path), path) for path in files.values()]
    result = [(stem, {"file": path}) for stem, path in single] + grouped
    return sorted(
        result, key=lambda item: min(map(paths.index, item[1].values()))
    )


def _stem(path) -> str:
    """Returns the name of a file without its extension."""
    return re.sub(r"(\.\w+?)?(\.gz)?$", "", os.path.basename(path))


def _task_name(stem, used) -> str:
    """Returns a valid name of a task that is not used."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")
    name = name[: tasks.MAX_NAME_LENGTH - 10]
    try:
        tasks.Task(name, ("no", "yes"))
    except ValueError:
        name = f"task_{name}" if name else "task"
    unique, number = name, 1
    while unique.lower() in used:
        number += 1
        unique = f"{name}_{number}"
    return unique


def _read(name, paths) -> _TaskFiles:
    """Reads the files of a task, and guesses the roles of their columns."""
    layouts = {key: table_layout.detect(path) for key, path in paths.items()}
    key = "file" if "file" in paths else "train"
    layout = layouts[key]
    roles = column_roles.guess(layout.columns)
    described = ", ".join(column.describe() for column in layout.columns)
    for kind, columns in (("texts", roles.texts), ("labels", roles.labels)):
        if not columns:
            raise ValueError(
                f"{paths[key]}: expected a column of {kind}, got {described}; "
                "labels are texts or whole numbers, and each has several rows"
            )
    for other, x in layouts.items():
        if (x.file_format, x.delimiter) != (
            layout.file_format,
            layout.delimiter,
        ):
            raise ValueError(
                f"{paths[other]}: expected the format and delimiter of "
                f"{paths[key]}, the table train of the same task"
            )
    label = roles.labels[0]
    counts = collections.Counter(label.counts)
    for other, x in layouts.items():
        if other not in (key, "unlabeled"):
            for column in x.columns:
                if column.name == label.name:
                    counts.update(column.counts)
    label = dataclasses.replace(label, counts=counts)
    return _TaskFiles(name, paths, layout, roles, label)


def _draft_task(files: _TaskFiles, folder) -> Draft:
    """Makes the draft of a task."""
    metric, reason = _metric(files.label.counts)
    labels = label_order.in_order(files.label.counts)
    num_rows = files.label.counts.total()
    rows = display_names.counted(num_rows, "labeled row")
    lines = [
        f"[tasks.{files.name}]",
        *_labels(labels, files.label.counts),
        *_comment(reason),
        f"metric = {_quote(metric)}",
    ]
    for key, path in files.paths.items():
        relative = os.path.relpath(path, folder or ".").replace(os.sep, "/")
        lines.append(f"{key} = {_quote(relative)}")
        if key == "train" and {"dev", "test"} - set(files.paths):
            lines[-1] = f"file = {_quote(relative)}"
    lines += _split(files)
    lines += _layout(files.layout)
    lines += _columns(files)
    return Draft(
        files.name,
        "\n".join(lines) + "\n",
        f"{files.name}: {rows}, {len(labels)} labels, metric {metric}",
    )


def _labels(labels, counts) -> list[str]:
    """Returns the lines of the labels, with comments about them."""
    are_numbers = label_order.are_numbers(labels)
    lines = ["labels = ["]
    for label in labels:
        shown = label if are_numbers else _quote(label)
        lines.append(
            f"    {shown},  # {counts[label]} rows".replace(" 1 rows", " 1 row")
        )
    lines.append("]")
    rare = [x for x in labels if counts[x] < _FEW_ROWS]
    if rare:
        lines += _comment(
            f"Fewer than {_FEW_ROWS} rows, whose scores are noise: "
            f"{_list(rare)}."
        )
    folded = collections.Counter(x.strip().casefold() for x in labels)
    variants = [x for x in labels if folded[x.strip().casefold()] > 1]
    if variants:
        lines += _comment(
            f"These differ in case or blanks alone: {_list(variants)}."
        )
    absent = [x for x in labels if values_lib.looks_absent(x)]
    if absent:
        lines += _comment(
            "Labels that may mean a missing value; if they do, remove them "
            f"above, and add: absent = [{_list(absent)}]"
        )
    return lines


def _metric(counts) -> tuple[str, str]:
    """Returns a metric that suits labels, and the reason."""
    folded = {label.casefold() for label in counts}
    for name, needed in _METRICS.items():
        if needed <= folded:
            return name, f"{name} is the usual metric of such labels."
    labels = label_order.in_order(counts)
    if label_order.are_numbers(labels) and 3 <= len(labels) <= _MAX_GRADES:
        return "macro_mae", (
            f"The labels are whole numbers, {labels[0]} to {labels[-1]}: if "
            "their order means something, an error of two steps is worse than "
            'one of one (lower is better). If they are codes: "macro_f1".'
        )
    first, last = max(counts.values()), min(counts.values())
    if first >= _IMBALANCE * last:
        return "macro_f1", (
            f"The most frequent label has {first} rows, the rarest {last}: "
            "accuracy would hardly notice errors on rare labels."
        )
    return "accuracy", (
        'The labels are about equally frequent. Or "macro_f1", the mean over '
        "labels."
    )


def _split(files) -> list[str]:
    """Returns the lines of shares of splits that have no rows."""
    present = set(files.paths)
    if files.roles.split and "file" in files.paths:
        present = {splits.split_name(x) for x in files.roles.split[0].counts}
    shares = [
        f"{split} = {share}"
        for split, share in memory_tasks.DEFAULT_SHARES.items()
        if split not in present
    ]
    if not shares:
        return []
    return [f"split = {{{', '.join(shares)}}}  # shares; the rest is train"]


def _layout(layout) -> list[str]:
    """Returns the lines of the format and the delimiter."""
    lines = []
    if layout.is_guessed:
        lines.append(f"format = {_quote(layout.file_format)}")
    if layout.delimiter:
        lines.append(f"delimiter = {_quote(layout.delimiter)}")
    return lines


def _columns(files) -> list[str]:
    """Returns the line of the columns, and comments about others."""
    roles = files.roles
    columns = {"seq2": roles.texts[0]}
    if roles.pair:
        columns = dict(zip(("seq1", "seq2"), roles.pair, strict=True))
    columns["label"] = files.label
    if files.layout.has_header:
        # Rows with one first text would be in several splits, a leak.
        groups = [*roles.group[:1], *roles.pair[:1]]
        groups = [x for x in groups if _may_be_group(x)]
        if groups:
            columns["group"] = groups[0]
        if "file" in files.paths:
            if roles.row_id:
                columns["id"] = roles.row_id[0]
            if roles.split:
                columns["split"] = roles.split[0]
    shown = ", ".join(
        f"{field} = "
        + (_quote(x.name) if isinstance(x.name, str) else str(x.name))
        for field, x in columns.items()
    )
    lines = [f"columns = {{{shown}}}"]
    if not files.layout.has_header:
        lines.insert(
            0,
            "# The file seems to have no header: columns are numbers, from 0.",
        )
    used = [column.name for column in columns.values()]
    others = [x.describe() for x in files.layout.columns if x.name not in used]
    if others:
        lines += _comment(f"Columns that are not used: {', '.join(others)}.")
    return lines


def _may_be_group(column) -> bool:
    """Returns whether the values of a column repeat, but none often."""
    return (
        _MIN_GROUPS <= len(column.counts) < column.num_values
        and max(column.counts.values()) <= _MAX_GROUP_SHARE * column.num_rows
    )


def _quote(text: str) -> str:
    """Returns a text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(names: Iterable[str]) -> str:
    return ", ".join(_quote(name) for name in names)


def _comment(text: str) -> list[str]:
    """Returns the lines of a comment."""
    text = display_names.visible(text)
    return [
        f"# {line}"
        for line in textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False)
    ]
