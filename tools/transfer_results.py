"""Writes the results of the transfer to held-out tasks into the documentation.

    python -m tools.transfer_results SP_STUDY ASP_STUDY

takes the directories of two studies by `--mode=leave_one_out` on FDU-MTL, from
`configs/sp_mtl.flags` and `configs/asp_mtl.flags`.
"""

import csv
import pathlib
import statistics
import sys

from tools import marked_pages

PAGE = marked_pages.ROOT / "docs" / "results" / "transfer.md"
MARKS = ("<!-- transfer -->", "<!-- end of transfer -->")
AVERAGE = "average"
_SCORES = ("test", "test_deduplicated", "published")
_SINGLE_TASK = "single_task"
_TRANSFERS = ("single_channel", "bi_channel")
_HEAD = (
    "| task | single task | SP, SC | SP, BC | ASP, SC | ASP, BC |",
    "|---|---:|---:|---:|---:|---:|",
)


def make_table(sp_rows: list[dict], asp_rows: list[dict]) -> str:
    """Formats errors in percent from the two studies' `leave_one_out.csv`.

    A cell has the error on all test texts, that on de-duplicated ones, and the
    paper's. The tasks are those of both studies.

    Args:
      sp_rows: rows of the study of SP-MTL.
      asp_rows: rows of the study of ASP-MTL.

    Raises:
      ValueError: if the single-task runs of a task differ.
    """
    sp, asp = (
        {(row["task"], row["model"]): row for row in rows}
        for rows in (sp_rows, asp_rows)
    )
    by_task = {}
    for task in dict.fromkeys(task for task, _ in sp):
        if task == AVERAGE or (task, _SINGLE_TASK) not in asp:
            continue
        baseline = sp[task, _SINGLE_TASK]
        if baseline["test"] != asp[task, _SINGLE_TASK]["test"]:
            raise ValueError(f"{task}: the studies' single-task runs differ")
        by_task[task] = [
            baseline,
            *(
                study[task, model]
                for study in (sp, asp)
                for model in _TRANSFERS
            ),
        ]
    columns = zip(*by_task.values(), strict=True)
    by_task[AVERAGE] = [_average(rows) for rows in columns]
    return "\n".join(
        [
            *_HEAD,
            *(
                f"| {' | '.join([task, *map(_format, rows)])} |"
                for task, rows in by_task.items()
            ),
        ]
    )


def _average(rows):
    """Averages the scores of a model over tasks; none if one is missing."""
    return {
        name: statistics.mean(map(float, scores)) if all(scores) else ""
        for name in _SCORES
        for scores in [[row[name] for row in rows]]
    }


def _format(row):
    """Returns a cell: error, de-duplicated error, and the paper's."""
    scores = [row[name] for name in _SCORES]
    error, deduplicated, published = (
        f"{100 - 100 * float(score):.1f}" if score else "–" for score in scores
    )
    return f"{error} ({deduplicated}; {published})"


def write(*study_dirs: str) -> None:
    """Writes the table of two studies into the page."""
    studies = []
    for folder in study_dirs:
        path = pathlib.Path(folder) / "leave_one_out.csv"
        with path.open(encoding="utf-8", newline="") as file:
            studies.append(list(csv.DictReader(file)))
    marked_pages.replace(PAGE, *MARKS, make_table(*studies))


if __name__ == "__main__":
    write(*sys.argv[1:])
