"""Your own tasks, `custom`: a TOML task file, and TSV, CSV or JSONL files.

    license = "CC0"                      # optional, recorded in corpus.json

    [tasks.requests]                     # one table per task
    labels = ["billing", "delivery"]     # in order
    metric = "macro_f1"                  # optional; default: accuracy
    file = "requests.tsv"                # is split:
    split = {dev = 0.1, test = 0.2}      # train has the remaining rows
    columns = {seq2 = "message", label = "intent"}

    [tasks.answers]
    labels = ["no", "yes"]
    train = "answers/train.jsonl"        # or one file per split
    dev = "answers/dev.jsonl"
    test = "answers/test.jsonl"
    unlabeled = "answers/more.jsonl"     # optional
    columns = {seq1 = "question", seq2 = "answer", label = "label"}

Paths are relative to the task file. `columns` names the columns of

    seq2    the text that is classified; default: "text"
    label   default: "label"
    seq1    the optional first text of a pair
    group   optional; rows with the same group stay in one split
    id      optional

Column indices from 0 instead of names mean files without a header. The format
is that of the extension, or `format`. `delimiter` is the delimiter of tables
that do not use a tab or comma. `file` is split by label; repeated texts stay in
one split.

A missing value is JSON's null, an empty text, or one of the texts in `absent`,
such as ["NA"]. Rows without a label, and rows whose text is in `absent`, are
skipped and counted; a text that is empty or null is kept as the empty text, and
counted.

Each row has one label. Regression targets and several labels per row are not
supported.
"""

import collections
import os
import re
from collections.abc import Sequence

from absl import logging

from data_prep.pipeline import findings
from data_prep.pipeline import source
from data_prep.pipeline import splits
from data_prep.pipeline import task_file as task_file_lib
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import values as values_lib

READER_VERSION = 3
BLANK_LINE = "blank line"
NO_LABEL = "no label"
NO_TEXT = "no text"
_LABEL_SEPARATORS = (",", ";", "|", " ", "+")
# A list in a column, as pandas writes it.
_LIST = re.compile(r"\[.*\]|[({].*,.*[)}]", re.DOTALL)


def make_source(task_file: str, seed: int = 0) -> source.Source:
    """Makes the source of the corpus that a task file declares.

    Args:
      task_file: path of the TOML file.
      seed: seed of random splits.

    Raises:
      ValueError: if the file is missing or invalid.
    """
    tables_by_task, license = task_file_lib.read(task_file)
    folder = os.path.dirname(task_file)
    files = {os.path.basename(task_file): task_file}
    for table in tables_by_task:
        for path, _ in table.files.values():
            files[os.path.relpath(path, folder or ".")] = path
    settings = {"seed": seed} if any(t.split for t in tables_by_task) else {}

    def read():
        return [_read_task(table, seed) for table in tables_by_task]

    return source.Source(
        "custom", READER_VERSION, files, settings, license, read
    )


def _read_task(table: task_file_lib.TaskTable, seed: int) -> source.TaskRows:
    """Reads the files of a task, and splits `file`."""
    name = table.task.name
    splits_rows: dict[str, list[records.Row]] = {}
    raw: dict[str, dict[str, int]] = {"rows": {}, "empty_texts": {}}
    skipped: collections.Counter[str] = collections.Counter()
    suspects, tsv_rows = [], []
    where_by_id: dict[str, str] = {}
    for key, (path, file_format) in table.files.items():
        columns = dict(table.columns)
        if key == "unlabeled":
            # The groups of unlabeled texts are not used, either.
            del columns["label"]
            columns.pop("group", None)
        all_records = tabular_files.read(
            path, file_format, columns, table.delimiter
        )
        rows = []
        for record in all_records:
            if record is None:
                skipped[BLANK_LINE] += 1
                continue
            reason = _reason_to_skip(table, record)
            if reason:
                skipped[reason] += 1
                continue
            rows.append(_to_row(table, key, record))
            _check_id(
                record.values.get("id"),
                record.where,
                where_by_id.setdefault(rows[-1].id, record.where),
            )
            suspects += [
                (text, rows[-1].id)
                for text in _texts_that_look_absent(record, table.absent)
            ]
        if not rows:
            reasons = f"; skipped: {dict(skipped)}" if skipped else ""
            raise ValueError(
                f"{path}: task {name}: expected rows, got none{reasons}"
            )
        raw["rows"][key] = len(rows)
        raw["empty_texts"][key] = sum(not row.seq2.strip() for row in rows)
        splits_rows[key] = rows
        if file_format == "tsv":
            tsv_rows += rows
    _log_skipped(name, skipped)
    if table.split:
        splits_rows |= _split(table, splits_rows.pop("file"), seed)
    return source.TaskRows(
        table.task,
        splits_rows,
        dict(skipped),
        raw,
        findings=(
            *_find_quotes(name, tsv_rows),
            *_find_missing_values(name, suspects),
        ),
    )


def _split(table, rows, seed) -> dict[str, list[records.Row]]:
    """Splits the rows of `file`; repeated texts and groups stay together."""
    keys = [
        [(splits.text_key(row.seq1), splits.text_key(row.seq2))]
        + ([row.group] if row.group else [])
        for row in rows
    ]
    try:
        assigned = splits.split(
            [row.label for row in rows], keys, table.split, seed
        )
    except ValueError as error:
        raise ValueError(f"task {table.task.name}: {error}") from None
    return {
        split: [
            row for row, x in zip(rows, assigned, strict=True) if x == split
        ]
        for split in table.split
    }


def _find_quotes(name, rows) -> tuple[findings.Finding, ...]:
    """Finds texts of TSV files that were quoted by a writer of CSV.

    Such a writer quotes texts with quotes, which it escapes, or all texts.
    """
    texts = [(row.id, x) for row in rows for x in (row.seq1, row.seq2)]
    in_quotes = dict.fromkeys(
        row_id for row_id, x in texts if tabular_files.is_quoted(x)
    )
    with_escapes = dict.fromkeys(
        row_id for row_id, x in texts if tabular_files.has_marked_quotes(x)
    )
    quoted = list(in_quotes if len(in_quotes) == len(rows) else with_escapes)
    if not quoted:
        return ()
    hint = ""
    if any('\\"' in x for row_id, x in texts if row_id in with_escapes):
        hint = (
            '; if \\" is an escaped quote, write the file again with doubled '
            "quotes"
        )
    return (
        findings.Finding(
            "quotes_in_tsv",
            name,
            len(quoted),
            f"{len(quoted)} of {len(rows)} rows of TSV files have a text in "
            'quotes as in CSV ("She said ""yes"" to me"), which are kept: set '
            'format = "csv" and delimiter = "\\t" if they do not belong to the '
            f"text{hint}",
            tuple(quoted[:2]),
        ),
    )


def _reason_to_skip(table, record) -> str | None:
    """Returns why a row is skipped, None if it is kept."""
    if values_lib.is_named(record.values["seq2"], table.absent):
        return NO_TEXT
    if "label" in record.values:
        label = record.values["label"]
        if values_lib.is_no_label(label) or values_lib.is_named(
            label, table.absent
        ):
            return NO_LABEL
    return None


def _texts_that_look_absent(record, absent) -> Sequence[str]:
    """Returns texts of a row that may mean a missing value."""
    return [
        value
        for field, value in record.values.items()
        if field != "label"
        and values_lib.looks_absent(value)
        and not values_lib.is_named(value, absent)
    ]


def _find_missing_values(name, suspects) -> tuple[findings.Finding, ...]:
    """Finds texts that may mean a missing value."""
    if not suspects:
        return ()
    counts = collections.Counter(text for text, _ in suspects)
    return (
        findings.Finding(
            "looks_absent",
            name,
            len(suspects),
            f"{values_lib.describe_absent_looks(counts)}; list those that do "
            "in `absent` in the task file",
            tuple(row_id for _, row_id in suspects[:2]),
        ),
    )


def _log_skipped(task, skipped) -> None:
    for reason in (NO_LABEL, NO_TEXT):
        if skipped[reason]:
            logging.warning(
                "task %s: %d rows are skipped: %s",
                task,
                skipped[reason],
                reason,
            )


def _to_row(table, key, record) -> records.Row:
    task = table.task
    texts = {}
    for field in ("seq1", "seq2", "id"):
        value = record.values.get(field)
        if field != "id" and not isinstance(value, str | None):
            raise ValueError(
                f"{record.where}: expected a text for {field}, got {value!r}"
            )
        if values_lib.is_named(value, table.absent):
            value = None
        texts[field] = values_lib.to_text(record.where, field, value)
    row_id = texts["id"] or f"{key}-{record.line}"
    group = record.values.get("group")
    if values_lib.is_named(group, table.absent):
        group = None
    # Metrics need the groups of scored rows only.
    is_scored = key not in ("train", "unlabeled")
    metric = task.metric if is_scored else "accuracy"
    label = ""
    if key != "unlabeled":
        may_be_header = record.line == 1 and isinstance(
            table.columns["label"], int
        )
        label = _check_label(
            record.where, task, record.values["label"], may_be_header
        )
    return records.Row(
        f"{task.name}-{row_id}",
        texts["seq1"],
        texts["seq2"],
        label,
        values_lib.to_group(record.where, group, metric),
    )


def _check_id(row_id, where, first) -> None:
    """Raises a ValueError if an id was first used by another row.

    Args:
      row_id: the id in the file.
      where: file and line of the row.
      first: file and line of the first row with this id.
    """
    if first != where:
        raise ValueError(
            f"{where}: id {row_id!r} repeats {first}: ids must differ over all "
            "files of a task; without `id` in `columns`, ids are made of line "
            "numbers"
        )


def _check_label(where, task, label, may_be_header) -> str:
    label = values_lib.label_name(where, label, task.labels)
    if label in task.labels:
        return label
    several = _LIST.fullmatch(label) is not None
    for separator in _LABEL_SEPARATORS:
        names = [name.strip() for name in label.split(separator)]
        several |= len(names) > 1 and all(x in task.labels for x in names)
    if several:
        raise ValueError(
            f"{where}: expected one label of task {task.name}, got {label!r}: "
            "several labels per row (multi-label targets) are not supported"
        )
    try:
        return task.labels[values_lib.label_index(where, label, task)]
    except ValueError as error:
        hint = (
            "; if this is a header, name the columns" if may_be_header else ""
        )
        raise ValueError(f"{error}{hint}") from None
