"""The table of test scores that commands print."""

from collections.abc import Iterable, Mapping, Sequence

import tabulate

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib

# Columns of names; the other columns hold numbers.
_NUM_NAMES = 2
_PLAIN = tabulate.TableFormat(
    lineabove=None,
    linebelowheader=tabulate.Line("", "-", "--", ""),
    linebetweenrows=None,
    linebelow=None,
    headerrow=tabulate.DataRow("", "  ", ""),
    datarow=tabulate.DataRow("", "  ", ""),
    padding=0,
    with_header_hide=None,
)


def num_tasks_note(average: Mapping | None, num_tasks: int) -> str:
    """Returns how many tasks a mean is over; empty if it is over all.

    Args:
      average: means for a split, as `averages` returns them.
      num_tasks: number of all tasks.
    """
    # Means over seeds are floats.
    count = round((average or {}).get("num_tasks", num_tasks))
    return f"{count} of {num_tasks} tasks" if count < num_tasks else ""


def caption(tasks: Iterable[tasks_lib.Task]) -> str:
    """Returns a caption with the units: `Test scores in percent`."""
    return f"Test scores {classification.units(task.metric for task in tasks)}"


def deduplication_note(
    tasks: Iterable[tasks_lib.Task], results: Mapping
) -> str:
    """Returns which tasks have no de-duplicated score; empty if all have one.

    Args:
      tasks: the tasks.
      results: the content of `results.json`.
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
    """Formats test scores, a line per task, and their average.

    Args:
      results: the content of `results.json`.
      tasks: the tasks, with their metrics.
      name: heading of this run's column.
      baseline: results of the single-task models to compare with.
    """
    headings, *rows, average = _rows(results, tasks, name, baseline)
    line = tabulate.SEPARATING_LINE
    return tabulate.tabulate(
        # tabulate would pad headers.
        [headings, line, *rows, line, average],
        tablefmt=_PLAIN,
        colalign=[
            "left" if index < _NUM_NAMES else "right"
            for index in range(len(headings))
        ],
        disable_numparse=True,
    )


def markdown_table(
    results: Mapping, tasks: Sequence[tasks_lib.Task], name: str
) -> str:
    """Formats `table` in Markdown."""
    headings, *rows = _rows(results, tasks, name)
    rule = [
        "---" if index < _NUM_NAMES else "---:"
        for index in range(len(headings))
    ]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in (headings, rule, *rows)
    )


def _rows(results, tasks, name, baseline=None):
    """Returns the rows of a table: headings, tasks, average."""
    metrics = [task.metric for task in tasks]
    metrics.append(results_lib.average_metric(tasks))
    counts = [
        results["tasks"][task.name][results_lib.MAIN][results_lib.TEST]["n"]
        for task in tasks
    ]

    def column(heading, source, output, split=results_lib.TEST):
        return [heading, *_cells(source, tasks, metrics, output, split)]

    columns = [
        [
            "task",
            *(task.name for task in tasks),
            results_lib.average_name(tasks),
        ],
        ["metric", *metrics],
        ["test", *(f"{count:.0f}" for count in counts), ""],
        column("majority", results, results_lib.MAJORITY),
    ]
    if baseline:
        columns.append(column("single-task", baseline, results_lib.MAIN))
    columns.append(column(name, results, results_lib.MAIN))
    if any(
        results_lib.LABEL_TRANSFER in by_output
        for by_output in results["tasks"].values()
    ):
        columns.append(
            column("label transfer", results, results_lib.LABEL_TRANSFER)
        )
    if results_lib.ENSEMBLE in results["average"]:
        columns.append(column("ensemble", results, results_lib.ENSEMBLE))
    if results_lib.DEDUPLICATED in results["average"][results_lib.MAIN]:
        columns.append(
            column(
                f"{name}, de-dup.",
                results,
                results_lib.MAIN,
                results_lib.DEDUPLICATED,
            )
        )
    return [list(row) for row in zip(*columns, strict=True)]


def _cells(results, tasks, metrics, output, split):
    """Formats the scores of the tasks and their average for one column."""
    by_task = [results["tasks"].get(task.name) for task in tasks]
    # Over these tasks: a baseline may have others.
    average = None
    if all(by_task) and all(output in x for x in by_task):
        average = results_lib.averages(dict(enumerate(by_task)), (output,))
    scores = [
        results_lib.scores_of(by_output[output], split)
        if by_output and output in by_output
        else None
        for by_output in (*by_task, average)
    ]
    cells = [
        _cell(scores_of_row, metric)
        for scores_of_row, metric in zip(scores, metrics, strict=True)
    ]
    note = num_tasks_note(scores[-1], len(tasks))
    if note:
        cells[-1] += f" ({note})"
    return cells


def _cell(scores, metric):
    value = (scores or {}).get(metric)
    if value is None:
        return "-"
    return classification.METRICS[metric].show(value)
