"""Rows of a task from the rows of its tables: labels, splits and findings.

The tables are files (`custom`) or in memory (`in_memory`).
"""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence

from absl import logging

from data_prep.pipeline import findings
from data_prep.pipeline import source
from data_prep.pipeline import splits
from data_prep.pipeline import task_file as task_file_lib
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import tasks
from mtl_tf.data import values as values_lib

BLANK_LINE = "blank line"
NO_LABEL = "no label"
NO_TEXT = "no text"
_LABEL_SEPARATORS = (",", ";", "|", " ", "+")
# A list in a column, as pandas writes it.
_LIST = re.compile(r"\[.*\]|[({].*,.*[)}]", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class RawTable:
    """One table of a task.

    Attributes:
      key: the split of the rows, or another name if they are to be divided.
      rows: the rows, with the columns that `columns_of` returns; None for a
        blank line.
      name: name of the table in messages.
      is_tsv: whether it is a TSV file, in which quotes are characters.
    """

    key: str
    rows: Iterable[tabular_files.TableRow | None]
    name: str
    is_tsv: bool = False


def columns_of(
    table: task_file_lib.TaskTable, key: str
) -> dict[str, str | int]:
    """Returns the columns that are read from one table of a task.

    Args:
      table: the declaration of the task.
      key: the split of the rows, or another name if they are to be divided.
    """
    columns = dict(table.columns)
    if key in tasks.SPLITS:
        columns.pop("split", None)
    if key == "unlabeled":
        # The groups of unlabeled texts are not used, either.
        del columns["label"]
        columns.pop("group", None)
    return columns


def assemble(
    table: task_file_lib.TaskTable, tables: Iterable[RawTable], seed: int
) -> source.TaskRows:
    """Collects the rows of a task from its tables.

    Args:
      table: the declaration of the task.
      tables: its tables.
      seed: seed of the splits.

    Raises:
      ValueError: if a row is invalid, or a table has no rows; the message names
        the row or the table.
    """
    splits_rows: dict[str, list[records.Row]] = {}
    raw: dict[str, dict[str, int]] = {"rows": {}, "empty_texts": {}}
    skipped: collections.Counter[str] = collections.Counter()
    suspects: list[tuple[str, str]] = []
    tsv_rows: list[records.Row] = []
    where_by_id: dict[str, str] = {}
    for raw_table in tables:
        key = raw_table.key
        by_split = _read_table(table, raw_table, skipped, suspects, where_by_id)
        rows = [row for split_rows in by_split.values() for row in split_rows]
        raw["rows"][key] = len(rows)
        raw["empty_texts"][key] = sum(not row.seq2.strip() for row in rows)
        for split, split_rows in by_split.items():
            splits_rows.setdefault(split, []).extend(split_rows)
        if raw_table.is_tsv:
            tsv_rows += rows
    name = table.task.name
    _log_skipped(name, skipped)
    return source.TaskRows(
        table.task,
        _divide(table, splits_rows, seed),
        dict(skipped),
        raw,
        findings=(
            *_find_quotes(name, tsv_rows),
            *_find_missing_values(name, suspects),
        ),
    )


def _read_table(
    table, raw_table, skipped, suspects, where_by_id
) -> dict[str, list[records.Row]]:
    """Reads the rows of one table.

    Args:
      table: the declaration of the task.
      raw_table: the table.
      skipped: number of rows by reason; those that are skipped are added.
      suspects: texts that may mean a missing value, with the ids of their rows;
        those of the table are added.
      where_by_id: the first row with an id; those of the table are added.

    Returns:
      The rows by split, or by the key of the table if they are to be divided.
    """
    by_split: dict[str, list[records.Row]] = collections.defaultdict(list)
    for record in raw_table.rows:
        if record is None:
            skipped[BLANK_LINE] += 1
            continue
        split = _split_of(table, raw_table.key, record)
        reason = _reason_to_skip(table, split, record)
        if reason:
            skipped[reason] += 1
            continue
        row = _to_row(table, raw_table.key, split, record)
        by_split[split].append(row)
        _check_id(
            record.values.get("id"),
            record.where,
            where_by_id.setdefault(row.id, record.where),
        )
        suspects += [
            (text, row.id)
            for text in _texts_that_look_absent(record, table.absent)
        ]
    if not by_split:
        reasons = f"; skipped: {dict(skipped)}" if skipped else ""
        raise ValueError(
            f"{raw_table.name}: task {table.task.name}: expected rows, got none"
            f"{reasons}"
        )
    return by_split


def _split_of(table, key, record) -> str:
    """Returns the split of a row: that of its table, or the one it names."""
    if "split" not in record.values:
        return key
    value = record.values["split"]
    split = splits.split_name(value)
    if split is None:
        shown = "nothing" if values_lib.is_absent(value) else f"{value!r:.80}"
        raise ValueError(
            f"{record.where}: expected a split in column "
            f"{table.columns['split']!r}, one of {', '.join(tasks.SPLITS)}, "
            f"got {shown}"
        )
    if split in table.split and split != "train":
        raise ValueError(
            f"{record.where}: this row is in {split}, of which `split` has a "
            f"share, too: remove {split} from `split`"
        )
    return split


def _divide(table, splits_rows, seed) -> dict[str, list[records.Row]]:
    """Divides rows that have no split, or those of train, by their shares."""
    if "split" in table.columns:
        for split in tasks.LABELED_SPLITS:
            has_share = split != "train" and split in table.split
            if split not in splits_rows and not has_share:
                counts = {x: len(rows) for x, rows in splits_rows.items()}
                raise ValueError(
                    f"task {table.task.name}: no row is in {split}: column "
                    f"{table.columns['split']!r} has {counts}"
                    + (
                        f"; a share in `split`, such as {{{split} = 0.1}}, "
                        "divides train"
                        if split != "train"
                        else ""
                    )
                )
    if not table.split:
        return splits_rows
    if "split" in table.columns:
        divided = "train"
    else:
        (divided,) = splits_rows.keys() - set(tasks.SPLITS)
    return splits_rows | _split(table, splits_rows.pop(divided), seed)


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


def _reason_to_skip(table, split, record) -> str | None:
    """Returns why a row is skipped, None if it is kept."""
    if values_lib.is_named(record.values["seq2"], table.absent):
        return NO_TEXT
    if split != "unlabeled":
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
            "in `absent`",
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


def _to_row(table, key, split, record) -> records.Row:
    """Makes a row of a split; its default id has the key of the table."""
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
    is_scored = split not in ("train", "unlabeled")
    metric = task.metric if is_scored else "accuracy"
    label = ""
    if split == "unlabeled":
        group = None
    else:
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
