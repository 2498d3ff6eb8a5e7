"""Dev scores of the main model and the label transfer network by epoch.

Augenstein, Ruder & Søgaard 2018, Figure 3.
"""

import os
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.reporting.plots import figures
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory

TRANSFER_CURVES_FILE = os.path.join("figures", "label_transfer.png")


def has_label_transfer(history: Sequence[Mapping]) -> bool:
    """Whether a label transfer network has been trained, by the history."""
    return any(
        predictions_lib.LABEL_TRANSFER in line["dev"] for line in history
    )


def write(run_dir: str) -> str:
    """Draws the curves of a run into `figures/`; returns the path of the PNG.

    Raises:
      ValueError: if its history knows no label transfer network.
    """
    history = history_lib.read_history(run_dir)
    if not has_label_transfer(history):
        raise ValueError(
            f"{os.path.join(run_dir, history_lib.HISTORY_FILE)} has no dev "
            "score of a label transfer network: the run has none, or stopped "
            "before its phase"
        )
    run = run_directory.Run.read(run_dir)
    (main_task,) = run.corpus.select([run.config.main_task])
    path = os.path.join(run_dir, TRANSFER_CURVES_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    results = run_directory.read_results(run_dir)
    draw(history, main_task, results).savefig(path, dpi=120)
    return path


def draw(
    history: Sequence[Mapping], main_task: tasks_lib.Task, results: Mapping
) -> figure.Figure:
    """Draws the main task's dev scores by epoch, over all phases.

    A dot marks the best epoch of a phase, whose weights the next begins with.

    Args:
      history: lines of the history, at least one.
      main_task: the task whose labels the label transfer network predicts.
      results: what `results.json` says.
    """
    picture = figure.Figure(figsize=(7.4, 4.2), layout="constrained")
    axis = picture.subplots()
    metric = main_task.metric
    curves = {
        "main model": (
            figures.BLACK,
            "-",
            [line["dev"]["tasks"][main_task.name][metric] for line in history],
        ),
        "label transfer network": (
            figures.BLUE,
            "--",
            [
                line["dev"].get(predictions_lib.LABEL_TRANSFER, {}).get(metric)
                for line in history
            ],
        ),
    }
    best = {phase["best_epoch"] for phase in results["phases"].values()}
    for name, (color, style, values) in curves.items():
        shown = {
            line["epoch"]: value
            for line, value in zip(history, values, strict=True)
            if value is not None
        }
        axis.plot(
            list(shown),
            list(shown.values()),
            style,
            marker="o",
            markersize=6,
            # One point makes no line.
            markevery=[
                place
                for place, epoch in enumerate(shown)
                if epoch in best or len(shown) == 1
            ],
            color=color,
            label=name,
        )
    # Half an epoch around, as around the lines between phases.
    axis.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
    _mark_phases(axis, history)
    axis.set_ylabel(f"dev {metric} of {main_task.name}")
    figures.finish(axis)
    picture.supxlabel(
        "dots: best epoch of a phase", x=0.99, fontsize=7, ha="right"
    )
    return picture


def _mark_phases(axis, history):
    """Draws lines between phases, and writes their names above."""
    first = {}
    for line in history:
        first.setdefault(line["phase"], line["epoch"])
    for number, (name, epoch) in enumerate(first.items()):
        left = epoch - 0.5
        if number:
            axis.axvline(left, color=figures.GRAY, linewidth=1, zorder=0)
        axis.annotate(
            name.replace("_", " "),
            (left, 1),
            # Names of short phases stand above each other.
            (3, 3 + 11 * (number % 2)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=8,
        )
