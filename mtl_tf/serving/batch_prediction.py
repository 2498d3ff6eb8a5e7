"""Prediction and evaluation on files of any size.

Rows are read, classified and written in batches and in order, so that memory
does not grow with the file.
"""

import codecs
import collections
import contextlib
import itertools
import json
import os
import re
import sys
import time
from collections.abc import Iterator

import numpy as np
from absl import logging

from mtl_tf.config import command as command_lib
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import tabular_files
from mtl_tf.data import values
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import files
from mtl_tf.utils import interruption

# Rows that are read, classified and written at a time.
BATCH_ROWS = 4096


def predict(
    model: trained_model.TrainedModel, command: command_lib.Command
) -> str:
    """Predicts the label of each row of `command.input`, as JSON lines.

    A line holds `task`, `predicted` and `probabilities` by label, and `id` if
    `command.columns` names its column.

    Args:
      model: the model.
      command: settings `task`, `head`, `input`, `format`, `delimiter`,
        `columns`, and `output`, a file or "" for standard output.

    Returns:
      A message about the output file; "" for standard output.

    Raises:
      ValueError: if there is no such task, it has no such output, or a row is
        invalid, with file and line. The output file is not changed then.
    """
    task = model.task(command.task, command.head)
    _check_output(command)
    start = time.perf_counter()
    count = 0
    with _open_output(command.output) as file:
        # Other encodings may lack characters; JSON escapes them.
        is_utf8 = codecs.lookup(file.encoding or "ascii").name == "utf-8"
        for rows in _batches(_rows(task, command, labeled=False)):
            predictions = _predict(model, task, command, rows)
            for row, prediction in zip(rows, predictions, strict=True):
                if "id" in row.values:
                    prediction = {"id": row.values["id"], **prediction}
                line = json.dumps(prediction, ensure_ascii=not is_utf8)
                file.write(names_lib.visible(line) + "\n")
            count += len(rows)
    seconds = time.perf_counter() - start
    logging.info(
        "%s in %.1f s, %s per second",
        names_lib.counted(count, "text"),
        seconds,
        names_lib.rate(count, seconds),
    )
    if not command.output:
        return ""
    return f"{names_lib.counted(count, 'prediction')} in {command.output}"


def evaluate(
    model: trained_model.TrainedModel, command: command_lib.Command
) -> str:
    """Evaluates the model on the labeled rows of `command.input`.

    Args:
      model: the model.
      command: as for `predict`; `output` is a JSON file for the scores. Rows
        without a label, or with a text or label in `absent`, are skipped.

    Returns:
      The scores, formatted to be printed.

    Raises:
      ValueError: as `predict`; also if there are no rows, or a label is
        unknown.
    """
    task = model.task(command.task, command.head)
    _check_output(command)
    probabilities, gold, groups = [], [], []
    labeled = _with_labels(_rows(task, command, labeled=True), command.absent)
    for rows in _batches(labeled):
        gold += [
            values.label_index(row.where, row.values["label"], task)
            for row in rows
        ]
        groups += [
            values.to_group(row.where, row.values.get("group"), task.metric)
            for row in rows
        ]
        predictions = _predict(model, task, command, rows)
        probabilities.append(predictions.probabilities)
    if not gold:
        raise ValueError(f"{command.input} contains no labeled rows")
    predictions = predictions_lib.Predictions(
        task, np.concatenate(probabilities)
    )
    scores = predictions_lib.score(
        predictions, np.array(gold), np.array(groups)
    )
    if command.output:
        run_directory.write_json(
            command.output,
            {
                "task": task.name,
                "head": command.head,
                "input": command.input,
                **scores,
            },
        )
    is_main = command.head == predictions_lib.MAIN
    head = "" if is_main else f", predicted by {command.head}"
    num_rows = names_lib.counted(scores.pop("n"), "row")
    lines = [f"\nTask {task.name} on {command.input}, {num_rows}{head}\n"]
    width = max(12, *map(len, scores))
    lines += [f"{name:{width}s} {value:.4f}" for name, value in scores.items()]
    return "\n".join(lines) + "\n"


def _predict(model, task, command, rows):
    return model.predict(task.name, _texts(task, rows), command.head)


def _rows(task, command, labeled) -> Iterator[tabular_files.TableRow | None]:
    """Yields the rows of the input with the fields that the task needs."""
    file_format = command.format or _guess_format(command.input)
    if file_format == command_lib.LINES:
        if labeled or task.pair:
            missing = "labels" if labeled else "pairs (seq1, seq2)"
            raise ValueError(
                f"{lines_lib.name_of(command.input)} is read as lines, which "
                f"have no {missing}: set --format to one of "
                f"{', '.join(tabular_files.FORMATS)}, or use a file with that "
                "extension"
            )
        for flag in ("columns", "delimiter"):
            if value := getattr(command, flag):
                value = value if flag == "delimiter" else ",".join(value)
                raise ValueError(
                    f"--{flag}={value}: {command.input} is read as lines, "
                    "which have no columns"
                )
        for number, line in lines_lib.read(command.input):
            where = f"{command.input}:{number}"
            yield tabular_files.TableRow(where, number, {"seq2": line})
        return
    columns = {"seq2": "text"}
    if task.pair:
        columns = {"seq1": "seq1", "seq2": "seq2"}
    if labeled:
        columns["label"] = "label"
        if classification.METRICS[task.metric].by_topic:
            columns["group"] = "group"
    named = command.columns_by_field()
    optional = ("group", "id") if labeled else ("id",)
    for field in named:
        if field not in (*columns, *optional):
            used = dict.fromkeys((*columns, *optional))
            raise ValueError(
                f"--columns names a column for {field}, which task {task.name} "
                f"does not use here; it uses {', '.join(used)}"
            )
    columns |= named
    rows = tabular_files.read(
        command.input, file_format, columns, command.delimiter
    )
    yield from _with_quotes_noted(rows) if file_format == "tsv" else rows


def _with_quotes_noted(rows) -> Iterator[tabular_files.TableRow | None]:
    """Yields the rows; warns if their texts are in quotes as in CSV.

    A model trained on texts without quotes would predict worse.
    """
    count = in_quotes = marked = 0
    for row in rows:
        if row is not None:
            texts = [row.values.get(field) for field in ("seq1", "seq2")]
            texts = [x for x in texts if x]
            count += 1
            in_quotes += any(map(tabular_files.is_quoted, texts))
            marked += any(map(tabular_files.has_marked_quotes, texts))
        yield row
    quoted = count if in_quotes == count else marked
    if quoted:
        logging.warning(
            "--input: %d of %d rows have a text in quotes as in CSV, which are "
            "kept as part of the text: set --format=csv and --delimiter='\\t' "
            "to remove them",
            quoted,
            count,
        )


def _with_labels(rows, absent) -> Iterator[tabular_files.TableRow | None]:
    """Yields the rows with a text and a label.

    Args:
      rows: the rows, None for a blank line.
      absent: texts that mark a missing value.
    """
    skipped = 0
    for row in rows:
        if row is not None:
            named = {
                field
                for field, value in row.values.items()
                if values.is_named(value, absent)
            }
            if "group" in named:
                row.values["group"] = None
            if values.is_no_label(row.values["label"]) or named & {
                "label",
                "seq2",
            }:
                skipped += 1
                continue
        yield row
    if skipped:
        logging.warning("skipped %d rows without a label or text", skipped)


def _guess_format(path):
    if path == lines_lib.STANDARD_INPUT or re.search(
        r"\.txt(\.gz)?$", path, re.I
    ):
        return command_lib.LINES
    return tabular_files.guess_format(path)


def _batches(rows) -> Iterator[list[tabular_files.TableRow]]:
    blank = 0
    suspects: collections.Counter[str] = collections.Counter()
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        interruption.check()
        records = [row for row in batch if row is not None]
        blank += len(batch) - len(records)
        suspects.update(
            value
            for row in records
            for field, value in row.values.items()
            if field != "label" and values.looks_absent(value)
        )
        if records:
            yield records
    if blank:
        logging.warning("skipped %s", names_lib.counted(blank, "blank line"))
    if suspects:
        logging.warning(
            "--input: %s; --absent excludes them from an evaluation",
            values.describe_absent_looks(suspects),
        )


def _texts(task, rows):
    for row in rows:
        for field in ("seq1", "seq2"):
            if not isinstance(row.values.get(field), str | None):
                raise ValueError(
                    f"{row.where}: expected a text for {field}, got "
                    f"{row.values[field]!r:.80}"
                )
    # null is an empty text, as in a prepared corpus.
    if task.pair:
        return [
            (row.values["seq1"] or "", row.values["seq2"] or "") for row in rows
        ]
    return [row.values["seq2"] or "" for row in rows]


def _check_output(command):
    """Checks that the output does not overwrite the input."""
    both = [command.input, command.output]
    if all(map(os.path.exists, both)) and os.path.samefile(*both):
        raise ValueError(
            f"--input and --output are the same file: {command.input}"
        )


@contextlib.contextmanager
def _open_output(path):
    """Opens a file for an atomic write, or standard output."""
    if not path:
        yield sys.stdout
        return
    with files.atomic_write(path) as file:
        yield file
