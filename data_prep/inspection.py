"""Description of a prepared corpus, for `--inspect`."""

import itertools
from collections.abc import Iterator

import numpy as np

from data_prep.pipeline import findings
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.utils import display_names

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
_NUM_EXAMPLES = 2
_MAX_CHARACTERS = 160


def describe(corpus: tasks.Corpus, length: int) -> Iterator[str]:
    """Yields lines with the rows, labels, lengths and examples of each task.

    Args:
      corpus: a prepared corpus.
      length: number of tokens; the share of longer texts is printed.
    """
    vocabulary = corpus.declaration["vocabulary"]
    yield (
        f"corpus {display_names.visible(corpus.name)}: "
        f"{display_names.counted(len(corpus.tasks), 'task')}, vocabulary of "
        f"{display_names.counted(vocabulary['size'], 'token')} (that occur at "
        f"least {display_names.counted(vocabulary['min_count'], 'time')})"
    )
    for task in corpus.tasks:
        entry = corpus.declaration["tasks"][task.name]
        yield ""
        yield f"{task.name} ({'pairs' if entry['pair'] else 'single texts'})"
        for reason, rows in entry["skipped"].items():
            yield f"  skipped: {display_names.counted(rows, 'row')}, {reason}"
        if entry["duplicates"]["test"]:
            yield (
                "  test rows that are also in train or dev: "
                f"{entry['duplicates']['test']}"
            )
        for split, rows in entry["splits"].items():
            shown = display_names.counted(rows, "row")
            yield f"  {split}: {shown}{_labels(entry, split)}"
            yield from _lengths(corpus, task.name, split, entry["pair"], length)
        yield from _findings(corpus, task.name)
        yield from _examples(corpus, task.name)


def _labels(entry, split) -> str:
    counts = entry["label_counts"].get(split)
    if not counts:
        return ""
    return ": " + ", ".join(
        f"{display_names.quote(label)} {n}" for label, n in counts.items()
    )


def _lengths(corpus, task, split, pair, length) -> Iterator[str]:
    token_ids = records.TokenIds.read(corpus.data_dir, task, split)
    lengths = np.diff(token_ids.offsets).reshape(-1, 2)
    for index, name in enumerate(("seq1", "seq2")):
        if name == "seq2" or pair:
            column = lengths[:, index]
            quantiles = np.quantile(column, _QUANTILES, method="nearest")
            yield (
                f"    tokens of {name}: "
                + ", ".join(
                    f"{q:.0%} {n}"
                    for q, n in zip(_QUANTILES, quantiles, strict=True)
                )
                + f"; {np.mean(column > length):.1%} longer than {length}"
            )


def _findings(corpus, task) -> Iterator[str]:
    task_findings = [
        findings.Finding.from_json(x)
        for x in corpus.declaration["findings"]
        if x["task"] == task
    ]
    ids = {row_id for finding in task_findings for row_id in finding.examples}
    rows = _rows_by_id(corpus, task, ids)
    for finding in task_findings:
        yield f"  warning: {finding.message}"
        # A row that the reader found may have been removed from train.
        for row_id in filter(rows.get, finding.examples):
            for line in _format_row(*rows[row_id]):
                yield f"    {line}"


def _rows_by_id(corpus, task, ids) -> dict[str, tuple[records.Row, str]]:
    """Returns rows of a task with their splits, by id."""
    rows: dict[str, tuple[records.Row, str]] = {}
    for split in corpus.rows[task]:
        if len(rows) == len(ids):
            break
        for row in records.read_rows(corpus.data_dir, task, split):
            if row.id in ids:
                rows[row.id] = row, split
    return rows


def _examples(corpus, task) -> Iterator[str]:
    rows = records.read_rows(corpus.data_dir, task, "train")
    for row in itertools.islice(rows, _NUM_EXAMPLES):
        for line in _format_row(row):
            yield f"  {line}"


def _format_row(row, split="") -> Iterator[str]:
    where = f" ({split})" if split else ""
    label = display_names.visible(row.label)
    yield f"{display_names.visible(row.id)}{where}: {label}"
    for name in ("seq1", "seq2"):
        text = getattr(row, name)
        if text:
            ellipsis = "..." if len(text) > _MAX_CHARACTERS else ""
            shown = display_names.visible(text[:_MAX_CHARACTERS])
            yield f"  {name}: {shown}{ellipsis}"
