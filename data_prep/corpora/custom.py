"""Tasks of one's own, `custom`: a task file in TOML beside TSV, CSV, JSONL.

    license = "CC0"                      # optional, kept in corpus.json

    [tasks.requests]                     # a table a task
    labels = ["billing", "delivery"]     # in order
    metric = "macro_f1"                  # optional; accuracy if left out
    file = "requests.tsv"                # divided here:
    split = {dev = 0.1, test = 0.2}      # the rest is train
    columns = {seq2 = "message", label = "intent"}

    [tasks.answers]
    labels = ["no", "yes"]
    train = "answers/train.jsonl"        # or a file a split
    dev = "answers/dev.jsonl"
    test = "answers/test.jsonl"
    unlabeled = "answers/more.jsonl"     # optional
    columns = {seq1 = "question", seq2 = "answer", label = "label"}

Paths are relative to the task file. `columns` names the columns of `seq2` (the
text that is classified; "text" if left out), `label` ("label"), and where there
are such, `seq1` (what seq2 is read against: then the task has pairs), `group`
(rows that share it stay in one split) and `id`. Numbers instead of names, from
0, mean files without a header. The extension names the format, unless `format`
does. A file that is divided here is divided by label, and texts that repeat
stay in one split. `delimiter` is what divides the columns of a table, where it
is no tab or comma.

An absent value is JSON's null or an empty text, or one of the texts in
`absent`, such as ["NA"]. Rows without a label are left out and counted, and so
are those whose text is one of `absent`; a text that is empty or null stays, as
the empty text, and is counted.

Each row has one label. Regression and several labels a row are refused.
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
# A list, as pandas writes it into a column.
_LIST = re.compile(r"\[.*\]|[({].*,.*[)}]", re.DOTALL)


def make_source(task_file: str, seed: int = 0) -> source.Source:
    """The corpus that a task file declares.

    Args:
      task_file: path of the TOML file.
      seed: of the splits made here.

    Raises:
      ValueError: if the file is missing or what it says makes no corpus.
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
    name = table.task.name
    found, raw = {}, {"rows": {}, "empty_texts": {}}
    skipped, suspects = collections.Counter(), []
    tab_separated, places = [], {}
    for key, (path, file_format) in table.files.items():
        columns = dict(table.columns)
        if key == "unlabeled":
            # Nothing reads the topics of unlabeled texts, either.
            del columns["label"]
            columns.pop("group", None)
        lines = tabular_files.read(path, file_format, columns, table.delimiter)
        rows = []
        for record in lines:
            reason = _reason_to_skip(table, record)
            if reason:
                skipped[reason] += 1
                continue
            rows.append(_to_row(table, key, record))
            _check_id(rows[-1].id, record, places)
            suspects += [
                (text, rows[-1].id)
                for text in _texts_that_look_absent(record, table.absent)
            ]
        if not rows:
            left_out = f"; left out: {dict(skipped)}" if skipped else ""
            raise ValueError(
                f"{path}: task {name}: expected rows, got none{left_out}"
            )
        raw["rows"][key] = len(rows)
        raw["empty_texts"][key] = sum(not row.seq2.strip() for row in rows)
        found[key] = rows
        if file_format == "tsv":
            tab_separated += rows
    _warn_of_losses(name, skipped)
    if table.split:
        rows = found.pop("file")
        keys = [
            [(splits.text_key(row.seq1), splits.text_key(row.seq2))]
            + ([row.group] if row.group else [])
            for row in rows
        ]
        try:
            chosen = splits.split(
                [row.label for row in rows], keys, table.split, seed
            )
        except ValueError as error:
            raise ValueError(f"task {name}: {error}") from None
        for split in table.split:
            found[split] = [
                row for row, x in zip(rows, chosen, strict=True) if x == split
            ]
    return source.TaskRows(
        table.task,
        found,
        dict(skipped),
        raw,
        findings=(
            *_quotes(name, tab_separated),
            *_looks_absent(name, suspects),
        ),
    )


def _quotes(name, rows) -> tuple[findings.Finding, ...]:
    """Finds texts of TSV files that a writer of CSV has put in quotes.

    It does so where a text holds quotes, which it marks, or everywhere.
    """
    texts = [(row.id, x) for row in rows for x in (row.seq1, row.seq2)]
    in_quotes = dict.fromkeys(
        row_id for row_id, x in texts if tabular_files.is_quoted(x)
    )
    marked = dict.fromkeys(
        row_id for row_id, x in texts if tabular_files.has_marked_quotes(x)
    )
    quoted = list(in_quotes if len(in_quotes) == len(rows) else marked)
    if not quoted:
        return ()
    again = ""
    if any('\\"' in x for row_id, x in texts if row_id in marked):
        again = (
            '; where it is \\" that means a quote within, write the file again '
            "with quotes doubled"
        )
    return (
        findings.Finding(
            "quotes_in_tsv",
            name,
            len(quoted),
            f"{len(quoted)} of {len(rows)} rows of TSV files have a text in "
            'quotes, as CSV writes it ("She said ""yes"" to me"), and the '
            'quotes stay in the text: set format = "csv" and delimiter = '
            f'"\\t" if they do not belong to it{again}',
            tuple(quoted[:2]),
        ),
    )


def _reason_to_skip(table, record) -> str | None:
    """Returns why a row is left out, None if it stays."""
    if record is None:
        return BLANK_LINE
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
    return [
        value
        for field, value in record.values.items()
        if field != "label"
        and values_lib.looks_absent(value)
        and not values_lib.is_named(value, absent)
    ]


def _looks_absent(name, suspects) -> tuple[findings.Finding, ...]:
    """Finds texts that may stand for an absent value."""
    if not suspects:
        return ()
    counts = collections.Counter(text for text, _ in suspects)
    return (
        findings.Finding(
            "looks_absent",
            name,
            len(suspects),
            f"{values_lib.describe_absent_looks(counts)}; `absent` in the task "
            "file names those that are none",
            tuple(row_id for _, row_id in suspects[:2]),
        ),
    )


def _warn_of_losses(task, skipped) -> None:
    for reason in (NO_LABEL, NO_TEXT):
        if skipped[reason]:
            logging.warning(
                "task %s: %d rows are left out: %s",
                task,
                skipped[reason],
                reason,
            )


def _to_row(table, key, record) -> records.Row:
    task, fields = table.task, {}
    for field in ("seq1", "seq2", "id"):
        value = record.values.get(field)
        if field != "id" and not isinstance(value, str | None):
            raise ValueError(
                f"{record.where}: expected a text for {field}, got {value!r}"
            )
        if values_lib.is_named(value, table.absent):
            value = None
        fields[field] = values_lib.to_text(record.where, field, value)
    row_id = fields.pop("id") or f"{key}-{record.line}"
    group = record.values.get("group")
    if values_lib.is_named(group, table.absent):
        group = None
    # No metric asks for the topics of train.
    scored = key not in ("train", "unlabeled")
    metric = task.metric if scored else "accuracy"
    fields["group"] = values_lib.to_group(record.where, group, metric)
    label = ""
    if key != "unlabeled":
        may_be_header = record.line == 1 and isinstance(
            table.columns["label"], int
        )
        label = _check_label(
            record.where, task, record.values["label"], may_be_header
        )
    return records.Row(f"{task.name}-{row_id}", label=label, **fields)


def _check_id(row_id, record, places) -> None:
    """Refuses an id that another row of the task has.

    Args:
      row_id: the id.
      record: the row.
      places: place by id of the rows before; this one is added.
    """
    first = places.setdefault(row_id, record.where)
    if first != record.where:
        raise ValueError(
            f"{record.where}: id {record.values.get('id')!r} stands in {first} "
            "already: ids differ over all files of a task; without `id` in "
            "`columns`, rows are named by their lines"
        )


def _check_label(where, task, label, may_be_header) -> str:
    label = values_lib.label_name(where, label, task.labels)
    if label in task.labels:
        return label
    several = _LIST.fullmatch(label) is not None
    for separator in _LABEL_SEPARATORS:
        parts = [part.strip() for part in label.split(separator)]
        several |= len(parts) > 1 and all(x in task.labels for x in parts)
    if several:
        raise ValueError(
            f"{where}: expected one label of task {task.name}, got {label!r}: "
            "several labels a row (multi-label targets) are not supported"
        )
    try:
        return task.labels[values_lib.label_index(where, label, task)]
    except ValueError as error:
        hint = (
            "; if this is a header, name the columns" if may_be_header else ""
        )
        raise ValueError(f"{error}{hint}") from None
