"""Writes the results of a new task into the documentation.

    python -m tools.new_task_results STUDY

takes the directory of the comparison of `configs/vader_new_task.flags`.
"""

import csv
import pathlib
import shutil
import sys

from tools import marked_pages

PAGE = marked_pages.ROOT / "docs" / "results" / "new_task.md"
PAGES = (PAGE, marked_pages.ROOT / "README.md")
PICTURE = marked_pages.ROOT / "docs" / "images" / "learning_curve.png"
MARKS = ("<!-- new task -->", "<!-- end of new task -->")
MARKS_OF_TASKS = ("<!-- new tasks -->", "<!-- end of new tasks -->")
_HEAD = "| labels | seeds | alone | together | gain | 95 % interval |"
_RULE = "|---:|---:|---:|---:|---:|---:|"
AVERAGE = "average"


def make_table(rows: list[dict], task: str) -> str:
    """Formats the scores of a task, or of the average, from `scores.csv`."""
    lines = [_HEAD, _RULE]
    of_task = [row for row in rows if row["task"] == task]
    for alone, together in zip(of_task[::2], of_task[1::2], strict=True):
        low, high = (_percent(together[f"gain_{x}"]) for x in ("low", "high"))
        cells = [
            alone["train_size"],
            alone["seeds"],
            _percent(alone["test"]),
            _percent(together["test"]),
            f"{100 * float(together['gain']):+z.1f}",
            f"{low} to {high}",
        ]
        lines.append(f"| {' | '.join(cells)} |".replace("-", "−"))
    return "\n".join(lines)


def make_task_tables(rows: list[dict]) -> str:
    """Formats the scores of all tasks."""
    tasks = dict.fromkeys(row["task"] for row in rows if row["task"] != AVERAGE)
    return "\n\n".join(f"{x}:\n\n{make_table(rows, x)}" for x in tasks)


def write(study_dir: str) -> None:
    """Writes the tables into all pages, and copies the picture."""
    folder = pathlib.Path(study_dir)
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for page in PAGES:
        marked_pages.replace(page, *MARKS, make_table(rows, AVERAGE))
    marked_pages.replace(PAGE, *MARKS_OF_TASKS, make_task_tables(rows))
    shutil.copy(folder / PICTURE.name, PICTURE)


def _percent(value):
    return f"{100 * float(value):.1f}"


if __name__ == "__main__":
    write(sys.argv[1])
