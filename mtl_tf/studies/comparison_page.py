"""The page of a comparison, and its picture."""

import os

from mtl_tf.config import train_sizes as train_sizes_lib
from mtl_tf.metrics import classification
from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.html import rendering
from mtl_tf.reporting.plots import learning_curve
from mtl_tf.reporting.plots import picture_files
from mtl_tf.runs import descriptions
from mtl_tf.studies import comparison_scores
from mtl_tf.studies import comparison_table
from mtl_tf.studies import study_directory

PAGE_FILE = "comparison.html"
PICTURE_FILE = "learning_curve.png"
TABLE_NAME = "scores"


def write(comparison: comparison_scores.Comparison) -> str:
    """Writes `scores.csv`, `learning_curve.png` and `comparison.html`.

    Returns:
      The path of the page.
    """
    plan = comparison.plan
    study_directory.write_table(
        plan.study_dir, TABLE_NAME, comparison_table.summary(comparison)
    )
    tasks = comparison_table.scored_tasks(comparison)
    average = [comparison_scores.AVERAGE]
    names = [task.name for task in tasks]
    picture = _picture(comparison, average)
    picture_files.write(picture, os.path.join(plan.study_dir, PICTURE_FILE))
    by_task = comparison_table.make_rows(comparison, names)
    return rendering.write(
        "comparison.html",
        os.path.join(plan.study_dir, PAGE_FILE),
        {
            "comparison": comparison,
            "plan": plan,
            "table": comparison_table,
            "average": comparison_table.make_rows(comparison, average),
            "by_task": by_task,
            "chart": inline_svg.embed(
                picture, "average", "scores by number of labeled examples"
            ),
            "task_chart": inline_svg.embed(
                _picture(comparison, names),
                "tasks",
                "scores by number of labeled examples, task by task",
            )
            if len(names) > 1
            else "",
            "costs": _costs(comparison),
            "settings": descriptions.settings(list(plan.models.values()))[0],
            "num_runs": len(list(plan.cells())),
        },
    )


def _picture(comparison, names):
    """Draws the learning curves of tasks, or of the average."""
    rows = comparison_table.make_rows(comparison, names)
    tasks = comparison_table.scored_tasks(comparison)
    sizes = [x.size_name for x in rows[: len(comparison.plan.train_sizes)]]
    panels = []
    for name in names:
        of_task = [row for row in rows if row.task == name]
        metric = classification.METRICS[of_task[0].metric]
        scale = 100 if metric.percent else 1
        curves = []
        for model in comparison.plan.models:
            scores = [row.scores[model] for row in of_task]
            curves.append(
                learning_curve.Curve(
                    model,
                    [scale * x.mean for x in scores],
                    [scale * x.interval[0] for x in scores],
                    [scale * x.interval[1] for x in scores],
                )
            )
        title = name
        if name == comparison_scores.AVERAGE:
            title = f"average over {len(tasks)} tasks"
        panels.append((title, curves))
    units = classification.units([rows[0].metric])
    return learning_curve.draw(panels, sizes, f"test {rows[0].metric}, {units}")


def _costs(comparison):
    """Returns mean seconds and steps of a run, by model and training size."""
    costs = []
    for model in comparison.plan.models:
        for size in comparison.plan.train_sizes:
            name = train_sizes_lib.name(size)
            rows = {
                row["run_dir"]: row
                for row in comparison.rows
                if (row["model"], row["train_size"]) == (model, name)
            }.values()
            costs.append(
                {
                    "model": model,
                    "size": name,
                    "seconds": sum(x["seconds"] for x in rows) / len(rows),
                    "steps": sum(x["steps"] for x in rows) / len(rows),
                }
            )
    return costs
