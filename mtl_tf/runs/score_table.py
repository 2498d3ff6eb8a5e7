"""The table of scores that a command prints."""

from collections.abc import Iterable, Mapping, Sequence

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib


def num_tasks_note(average: Mapping | None, num_tasks: int) -> str:
    """Returns how many tasks a mean is over, where that is not all of them.

    Args:
      average: means of a split as `averages` returns them.
      num_tasks: number of all tasks.
    """
    # Means over seeds are floats.
    over = round((average or {}).get("num_tasks", num_tasks))
    return f"{over} of {num_tasks} tasks" if over < num_tasks else ""


def caption(tasks: Iterable[tasks_lib.Task]) -> str:
    """What `table` is in: `Test scores in percent`, and what is not."""
    return f"Test scores {classification.units(task.metric for task in tasks)}"


def deduplication_note(
    tasks: Iterable[tasks_lib.Task], results: Mapping
) -> str:
    """Returns which tasks have no de-duplicated score; nothing if all have one.

    Args:
      tasks: the tasks.
      results: what `results.json` holds.
    """
    lacking = [
        task.name
        for task in tasks
        if results_lib.scores_of(
            results["tasks"][task.name][results_lib.MAIN],
            results_lib.DEDUPLICATED,
        )
        is None
    ]
    if not lacking:
        return ""
    return (
        f"No de-duplicated score of {', '.join(lacking)}: all test texts are "
        "in train or dev too."
    )


def table(
    results: Mapping,
    tasks: Sequence[tasks_lib.Task],
    name: str,
    baseline: Mapping | None = None,
) -> str:
    """Test scores, a line a task, and their average (see `average_name`).

    Args:
      results: what `results.json` holds.
      tasks: the tasks, with their metrics.
      name: heading of this run's column.
      baseline: results of the single-task models that stand beside it.
    """
    return _lines(_columns(results, tasks, name, baseline))


def markdown_table(
    results: Mapping, tasks: Sequence[tasks_lib.Task], name: str
) -> str:
    """Returns `table` in Markdown."""
    columns = _columns(results, tasks, name)
    for place, cells in enumerate(columns):
        cells.insert(1, "---" if place < 2 else "---:")
    rows = zip(*columns, strict=True)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _columns(results, tasks, name, baseline=None):
    """The columns of a table, each with its heading and a cell a line."""
    deciding = [
        *(task.metric for task in tasks),
        results_lib.average_metric(tasks),
    ]

    def column(heading, source, output, split=results_lib.TEST):
        found = [source["tasks"].get(task.name) for task in tasks]
        # Over these tasks, whichever others the baseline has.
        found.append(
            results_lib.averages(dict(enumerate(found))) if all(found) else None
        )
        cells = [heading]
        scores = None
        for by_output, metric in zip(found, deciding, strict=True):
            there = by_output and output in by_output
            scores = (
                results_lib.scores_of(by_output[output], split)
                if there
                else None
            )
            value = (scores or {}).get(metric)
            cells.append(
                "-"
                if value is None
                else classification.METRICS[metric].show(value)
            )
        note = num_tasks_note(scores, len(tasks))
        cells[-1] += f" ({note})" if note else ""
        return cells

    counts = [
        results["tasks"][t.name][results_lib.MAIN][results_lib.TEST]["n"]
        for t in tasks
    ]
    columns = [
        [
            "task",
            *(task.name for task in tasks),
            results_lib.average_name(tasks),
        ],
        ["metric", *deciding],
        ["test", *(f"{count:.0f}" for count in counts), ""],
        column("majority", results, results_lib.MAJORITY),
    ]
    if baseline:
        columns.append(column("single-task", baseline, results_lib.MAIN))
    columns.append(column(name, results, results_lib.MAIN))
    if any(
        results_lib.LABEL_TRANSFER in scores
        for scores in results["tasks"].values()
    ):
        # Of the main task.
        columns.append(
            column("label transfer", results, results_lib.LABEL_TRANSFER)
        )
    if results_lib.DEDUPLICATED in results["average"][results_lib.MAIN]:
        columns.append(
            column(
                f"{name}, de-dup.",
                results,
                results_lib.MAIN,
                results_lib.DEDUPLICATED,
            )
        )
    return columns


def _lines(columns):
    """The first two columns to the left, the others to the right."""
    padded = []
    for place, cells in enumerate(columns):
        width = max(map(len, cells))
        pad = str.ljust if place < 2 else str.rjust
        padded.append([pad(cell, width) for cell in cells])
    lines = ["  ".join(row) for row in zip(*padded, strict=True)]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
