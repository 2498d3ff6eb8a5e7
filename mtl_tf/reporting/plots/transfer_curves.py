"""Dev scores of the main model and the label transfer network by epoch.

Augenstein, Ruder & Søgaard 2018, Figure 3.
"""

import os
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import style
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory

TRANSFER_CURVES_FILE = os.path.join("figures", "label_transfer.png")
_MAIN = style.Look(style.BLACK, "-")
_LABEL_TRANSFER = style.Look(style.BLUE, "--")


def has_label_transfer(history: Sequence[Mapping]) -> bool:
    """Checks whether the history has scores of a label transfer network."""
    return any(
        predictions_lib.LABEL_TRANSFER in line["dev"] for line in history
    )


def write(run_dir: str) -> str:
    """Draws the curves of a run into `figures/`.

    Args:
      run_dir: directory of the run.

    Returns:
      Path of the PNG.

    Raises:
      ValueError: if the history has no scores of a label transfer network.
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

    A dot marks the best epoch of a phase. The next phase starts from its
    checkpoint.

    Args:
      history: lines of the history, at least one.
      main_task: the task whose labels the label transfer network predicts.
      results: content of `results.json`.
    """
    metric = main_task.metric
    main, label_transfer = {}, {}
    for line in history:
        scores = line["dev"]["tasks"][main_task.name]
        main[line["epoch"]] = scores[metric]
        scores = line["dev"].get(predictions_lib.LABEL_TRANSFER, {})
        if metric in scores:
            label_transfer[line["epoch"]] = scores[metric]
    best_epochs = {p["best_epoch"] for p in results["phases"].values()}
    with style.context():
        picture = figure.Figure(figsize=(7.6, 4), layout="constrained")
        axis = picture.subplots()
        lines.draw(
            axis,
            "",
            [
                lines.Curve(name, values, look)
                for name, values, look in (
                    ("main model", main, _MAIN),
                    ("label transfer network", label_transfer, _LABEL_TRANSFER),
                )
                if values
            ],
        )
        for curve in axis.lines:
            _mark_best(curve, best_epochs)
        # Half an epoch wider than the data, as phases are separated between
        # epochs.
        axis.set_xlim(history[0]["epoch"] - 0.5, history[-1]["epoch"] + 0.5)
        _mark_phases(axis, history)
        axis.set_ylabel(f"dev {metric} of {main_task.name}")
        picture.supxlabel(
            "dots: best epoch of a phase", x=0.99, fontsize=7, ha="right"
        )
    return picture


def _mark_best(curve, best_epochs):
    """Draws dots at the best epochs of a curve."""
    epochs = list(curve.get_xdata())
    curve.set(
        marker="o",
        markersize=5,
        # A single point has no line, so it always has a dot.
        markevery=[
            index
            for index, epoch in enumerate(epochs)
            if epoch in best_epochs or len(epochs) == 1
        ],
    )


def _mark_phases(axis, history):
    """Draws lines between phases, and writes their names above."""
    first_epochs = {}
    for line in history:
        first_epochs.setdefault(line["phase"], line["epoch"])
    for index, (name, epoch) in enumerate(first_epochs.items()):
        left = epoch - 0.5
        if index:
            axis.axvline(left, color=style.GRAY, linewidth=1, zorder=0)
        axis.annotate(
            name.replace("_", " "),
            (left, 1),
            # In two rows, as names may be longer than their phases.
            (3, 3 + 11 * (index % 2)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=8,
        )
