"""Files of texts of any size: answers to each, or scores of them all.

A file is read, answered and written in batches, in its order, so that memory
does not grow with it.
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

# Rows that are read, answered and written at once.
BATCH_ROWS = 4096


def predict(
    model: trained_model.TrainedModel, command: command_lib.Command
) -> str:
    """Answers each row of `command.input`, as JSON lines in its order.

    A line holds `task`, `predicted` and `probabilities` by label, and `id`
    where `command.columns` names a column for it.

    Args:
      model: the model.
      command: `task`, `head`, `input`, `format`, `delimiter`, `columns`,
        and `output`, a file or nothing for standard output.

    Returns:
      What to say when it is done; nothing if standard output has the answers.

    Raises:
      ValueError: if there is no such task, it has no such output, or a row is
        not as expected; with file and line. There is no output file then, or
        the one from before.
    """
    task = model.task(command.task, command.head)
    _check_output(command)
    began = time.perf_counter()
    count = 0
    with _open_output(command.output) as file:
        # JSON is UTF-8: in another encoding it has escapes.
        is_utf8 = codecs.lookup(file.encoding or "ascii").name == "utf-8"
        for rows in _batches(_rows(task, command, labeled=False)):
            answers = _answer(model, task, command, rows)
            for row, answer in zip(rows, answers, strict=True):
                if "id" in row.values:
                    answer = {"id": row.values["id"], **answer}
                line = json.dumps(answer, ensure_ascii=not is_utf8)
                file.write(names_lib.visible(line) + "\n")
            count += len(rows)
    seconds = time.perf_counter() - began
    logging.info(
        "%s in %.1f s: %s a second",
        names_lib.counted(count, "text"),
        seconds,
        names_lib.rate(count, seconds),
    )
    if not command.output:
        return ""
    return f"{names_lib.counted(count, 'answer')} in {command.output}"


def evaluate(
    model: trained_model.TrainedModel, command: command_lib.Command
) -> str:
    """Scores the model on the labeled rows of `command.input`.

    Args:
      model: the model.
      command: as for `predict`; `output` gets the scores as JSON. Rows without
        a label, or with one of the texts `absent` as text or label, are left
        out.

    Returns:
      The scores, to be printed.

    Raises:
      ValueError: as `predict`, if there are no rows, or a label that the task
        does not have.
    """
    task = model.task(command.task, command.head)
    _check_output(command)
    probabilities, gold, groups = [], [], []
    scored = _with_labels(_rows(task, command, labeled=True), command.absent)
    for rows in _batches(scored):
        gold += [
            values.label_index(row.where, row.values["label"], task)
            for row in rows
        ]
        groups += [
            values.to_group(row.where, row.values.get("group"), task.metric)
            for row in rows
        ]
        answers = _answer(model, task, command, rows)
        probabilities.append(answers.probabilities)
    if not gold:
        raise ValueError(f"{command.input} holds no rows to score")
    answers = predictions_lib.Predictions(task, np.concatenate(probabilities))
    scores = predictions_lib.score(answers, np.array(gold), np.array(groups))
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
    by = ""
    if command.head != predictions_lib.MAIN:
        by = f", answered by {command.head}"
    rows = scores.pop("n")
    rows = names_lib.counted(rows, "row")
    lines = [f"\nTask {task.name} on {command.input}, {rows}{by}\n"]
    width = max(12, *map(len, scores))
    lines += [f"{name:{width}s} {value:.4f}" for name, value in scores.items()]
    return "\n".join(lines) + "\n"


def _answer(model, task, command, rows):
    return model.predict(task.name, _texts(task, rows), command.head)


def _rows(task, command, labeled) -> Iterator[tabular_files.Record | None]:
    """The rows of the input, with the fields that the task needs."""
    file_format = command.format or _guess_format(command.input)
    if file_format == command_lib.LINES:
        if labeled or task.pair:
            lacking = "labels" if labeled else "pairs (seq1, seq2)"
            raise ValueError(
                f"{lines_lib.name_of(command.input)} is read as lines, which "
                f"hold no {lacking}: {', '.join(tabular_files.FORMATS)} do; "
                "name the --format, or give a file with its extension"
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
            yield tabular_files.Record(where, number, {"seq2": line})
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
            known = dict.fromkeys((*columns, *optional))
            raise ValueError(
                f"--columns names a column of {field}: task {task.name} "
                f"is not asked for one ({', '.join(known)} are)"
            )
    columns |= named
    rows = tabular_files.read(
        command.input, file_format, columns, command.delimiter
    )
    yield from _with_quotes_noted(rows) if file_format == "tsv" else rows


def _with_quotes_noted(rows) -> Iterator[tabular_files.Record | None]:
    """Passes rows on; warns if a writer of CSV has put their texts in quotes.

    A model that was trained on texts without them is not to answer others in
    silence.
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
    found = count if in_quotes == count else marked
    if found:
        logging.warning(
            "--input: %d of %d rows have a text in quotes, as CSV writes it, "
            "and the quotes stay in the text: set --format=csv and "
            "--delimiter='\\t' if they do not belong to it",
            found,
            count,
        )


def _with_labels(rows, absent) -> Iterator[tabular_files.Record | None]:
    """Leaves out rows that have no label, or a text that means there is none.

    Args:
      rows: the rows, None for a blank line.
      absent: texts that mean an absent value.
    """
    left_out = 0
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
                left_out += 1
                continue
        yield row
    if left_out:
        logging.warning(
            "%d rows without a label or text were left out", left_out
        )


def _guess_format(path):
    if path == lines_lib.STANDARD_INPUT or re.search(
        r"\.txt(\.gz)?$", path, re.I
    ):
        return command_lib.LINES
    return tabular_files.guess_format(path)


def _batches(rows) -> Iterator[list[tabular_files.Record]]:
    blank, suspects = 0, collections.Counter()
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH_ROWS)):
        interruption.check()
        there = [row for row in batch if row is not None]
        blank += len(batch) - len(there)
        suspects.update(
            value
            for row in there
            for field, value in row.values.items()
            if field != "label" and values.looks_absent(value)
        )
        if there:
            yield there
    if blank:
        logging.warning(
            "passed over %s", names_lib.counted(blank, "blank line")
        )
    if suspects:
        logging.warning(
            "--input: %s; --absent leaves them out of an evaluation",
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
    # null is an empty text, as in what was prepared.
    if task.pair:
        return [
            (row.values["seq1"] or "", row.values["seq2"] or "") for row in rows
        ]
    return [row.values["seq2"] or "" for row in rows]


def _check_output(command):
    """Before what is read is written over."""
    both = [command.input, command.output]
    if all(map(os.path.exists, both)) and os.path.samefile(*both):
        raise ValueError(f"--input and --output are one file: {command.input}")


@contextlib.contextmanager
def _open_output(path):
    """Opens a file as a whole, or standard output."""
    if not path:
        yield sys.stdout
        return
    with files.atomic_write(path) as file:
        yield file
