"""Table 3 of Liu, Qiu & Huang (ACL 2017): transfer to held-out tasks."""

import statistics
from collections.abc import Sequence

from mtl_tf.studies import leave_one_out
from reproduction import jobs as jobs_lib
from reproduction import tables

_NAME = "asp_mtl_table3"
# Tasks of one job: the page grows by four tasks at a time.
_HELD_OUT = (
    ("books", "dvd", "electronics", "kitchen_housewares"),
    ("apparel", "baby", "camera_photo", "health_personal_care"),
    ("imdb", "magazines", "MR", "music"),
    ("software", "sports_outdoors", "toys_games", "video"),
)
_SOURCES = ("sp", "asp")
_TRANSFERS = ("single_channel", "bi_channel")
_SINGLE_TASK = "single_task"
# The row of a study that is the mean over its tasks.
_AVERAGE = "average"
_SCORES = ("test", "test_deduplicated", "published")
_HEAD = ("task", "single task", "SP, SC", "SP, BC", "ASP, SC", "ASP, BC")


def table() -> tables.Table:
    """Makes the table, whose jobs are studies of four held-out tasks."""
    return tables.Table(_NAME, _jobs, _markdown)


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_NAME}/{source}_{index}",
            "fdu_mtl",
            (
                "--mode=leave_one_out",
                f"--flagfile=preset:{source}_mtl",
                *("--max_tokens=200", "--epochs=12", "--patience=3"),
                *(f"--seed={seed}", f"--held_out={','.join(held_out)}"),
            ),
            outcome=f"{leave_one_out.TABLE_NAME}.csv",
        )
        for index, held_out in enumerate(_HELD_OUT)
        for source in _SOURCES
    ]


def _markdown(records):
    """Formats errors in percent of the tasks that both sources have."""
    sp, asp = (
        {
            (row["task"], row["model"]): row
            for name, record in records.items()
            if name.startswith(f"{_NAME}/{source}_")
            for row in record.rows
        }
        for source in _SOURCES
    )
    by_task = {}
    for task in dict.fromkeys(task for task, _ in sp):
        if task == _AVERAGE or (task, _SINGLE_TASK) not in asp:
            continue
        baseline = sp[task, _SINGLE_TASK]
        if baseline["test"] != asp[task, _SINGLE_TASK]["test"]:
            raise ValueError(f"{task}: the studies' single-task runs differ")
        transfers = [
            study[task, model] for study in (sp, asp) for model in _TRANSFERS
        ]
        by_task[task] = [baseline, *transfers]
    if not by_task:
        return "No task has ended yet."
    columns = zip(*by_task.values(), strict=True)
    by_task[_AVERAGE] = [_average(rows) for rows in columns]
    return tables.grid(
        _HEAD, ([task, *map(_cell, rows)] for task, rows in by_task.items())
    )


def _average(rows: Sequence[dict]) -> dict:
    """Averages the scores of a model over tasks; none if one is missing."""
    return {
        name: statistics.mean(map(float, scores)) if all(scores) else ""
        for name in _SCORES
        for scores in [[row[name] for row in rows]]
    }


def _cell(row):
    """Formats an error, the de-duplicated one, and the paper's."""
    error, deduplicated, published = (
        f"{100 - 100 * float(score):.1f}" if score else tables.MISSING
        for score in (row[name] for name in _SCORES)
    )
    return f"{error} ({deduplicated}; {published})"
