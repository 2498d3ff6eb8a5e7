"""Rows of a task from the rows of its tables: labels, splits and findings.

The tables are files (`custom`) or in memory (`in_memory`). They are read row by
row, and the rows are kept in files.
"""

import collections
import dataclasses
import os
import re
from collections.abc import Iterable, Sequence

from absl import logging

from data_prep.pipeline import blocks
from data_prep.pipeline import hashed_splits
from data_prep.pipeline import row_files
from data_prep.pipeline import row_ids
from data_prep.pipeline import splits
from data_prep.pipeline import table_findings
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
    table: task_file_lib.TaskTable,
    tables: Iterable[RawTable],
    seed: int,
    folder: str,
) -> blocks.TaskShards:
    """Collects the rows of a task from its tables, in files.

    Args:
      table: the declaration of the task.
      tables: its tables.
      seed: seed of the splits.
      folder: folder for the rows.

    Raises:
      ValueError: if a row is invalid, or a table has no rows; the message names
        the row or the table.
    """
    reader = _Reader(table, folder)
    for raw_table in tables:
        reader.read(raw_table)
    reader.ids.check()
    name = table.task.name
    _log_skipped(name, reader.skipped)
    splits_rows = _divide(table, reader.splits, seed, folder)
    return blocks.TaskShards(
        table.task,
        {split: rows.shards() for split, rows in splits_rows.items()},
        sum(map(len, splits_rows.values())),
        dict(reader.skipped),
        reader.raw,
        findings=(
            *reader.quoted_texts.findings(name),
            *reader.missing_values.findings(name),
        ),
    )


class _Reader:
    """Rows of the tables of a task, and what is counted in them.

    Attributes:
      splits: the rows by split, or by the key of their table if they are to be
        divided.
      raw: counts of rows and empty texts, by key of the table.
      skipped: number of rows that are skipped, by reason.
      ids: ids of the rows.
      quoted_texts: texts of TSV files in quotes.
      missing_values: texts that may mean a missing value.
    """

    def __init__(self, table, folder):
        self._table = table
        self._folder = folder
        self.splits: dict[str, row_files.RowFiles] = {}
        self.raw: dict[str, dict[str, int]] = {"rows": {}, "empty_texts": {}}
        self.skipped: collections.Counter[str] = collections.Counter()
        self.ids = row_ids.RowIds(os.path.join(folder, "ids"))
        self.quoted_texts = table_findings.QuotedTexts()
        self.missing_values = table_findings.MissingValues()

    def read(self, raw_table: RawTable) -> None:
        """Reads the rows of one table."""
        table, key = self._table, raw_table.key
        num_rows = num_empty = 0
        for record in raw_table.rows:
            if record is None:
                self.skipped[BLANK_LINE] += 1
                continue
            split = _split_of(table, key, record)
            reason = _reason_to_skip(table, split, record)
            if reason:
                self.skipped[reason] += 1
                continue
            row = _to_row(table, key, split, record)
            self._add(split, row)
            num_rows += 1
            num_empty += not row.seq2.strip()
            # Ids that are made of line numbers differ.
            if "id" in table.columns:
                value = record.values.get("id")
                self.ids.add(row.id, record.where, value)
            for text in _texts_that_look_absent(record, table.absent):
                self.missing_values.add(text, row.id)
            if raw_table.is_tsv:
                self.quoted_texts.add(key, split, row)
        if not num_rows:
            reasons = f"; skipped: {dict(self.skipped)}" if self.skipped else ""
            raise ValueError(
                f"{raw_table.name}: task {table.task.name}: expected rows, got "
                f"none{reasons}"
            )
        self.raw["rows"][key] = num_rows
        self.raw["empty_texts"][key] = num_empty

    def _add(self, split, row):
        if split not in self.splits:
            folder = os.path.join(self._folder, split)
            self.splits[split] = row_files.RowFiles(folder)
        self.splits[split].append(row)


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


def _divide(table, splits_rows, seed, folder) -> dict[str, row_files.RowFiles]:
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
    rows = splits_rows.pop(divided)
    folder = os.path.join(folder, "divided")
    return splits_rows | _split(table, rows, seed, folder)


def _split(table, rows, seed, folder) -> dict[str, row_files.RowFiles]:
    """Splits the rows of `file`; repeated texts and groups stay together."""
    parts = {
        split: row_files.RowFiles(os.path.join(folder, split))
        for split in table.split
    }
    try:
        assigned = _assign(table, rows, seed, os.path.join(folder, "keys"))
        for row, split in zip(rows, assigned, strict=True):
            parts[split].append(row)
        for split, part in parts.items():
            splits.check_not_empty(split, len(part), len(rows), table.split)
    except ValueError as error:
        raise ValueError(f"task {table.task.name}: {error}") from None
    return parts


def _assign(table, rows, seed, folder) -> Iterable[str]:
    """Returns the split of each row."""
    if len(rows) > splits.MAX_STRATIFIED_ROWS:

        def keys():
            for row in rows:
                texts = splits.text_key(row.seq1), splits.text_key(row.seq2)
                yield "\n".join(texts), row.group

        return hashed_splits.assign(keys, len(rows), table.split, seed, folder)
    labels, row_keys = [], []
    for row in rows:
        labels.append(row.label)
        texts = splits.text_key(row.seq1), splits.text_key(row.seq2)
        row_keys.append([texts, *([row.group] if row.group else [])])
    return splits.split(labels, row_keys, table.split, seed)


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
