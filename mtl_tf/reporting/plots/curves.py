"""Curves of a run by epoch."""

import math
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import axes as axes_lib
from matplotlib import figure

from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import style
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory

CURVES_FILE = os.path.join("figures", "curves.png")
# Width of a panel, in inches.
PANEL_WIDTH = 5.4
_AVERAGE = style.Look(style.BLACK, "-")
_TRAINING = style.Look(style.ORANGE, "--")
_ORTHOGONALITY = style.Look(style.GREEN, "-")
_ADVERSARIAL = style.Look(style.BLUE, "-.")


def write(run_dir: str) -> str:
    """Draws the curves of a run into `figures/`.

    Args:
      run_dir: directory of a run with a history and results.

    Returns:
      Path of the PNG.
    """
    path = os.path.join(run_dir, CURVES_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    best_epoch = run_directory.read_results(run_dir)["best_epoch"]
    draw(history_lib.read_history(run_dir), best_epoch).savefig(path, dpi=120)
    return path


def draw(history: Sequence[Mapping], best_epoch: int) -> figure.Figure:
    """Draws all panels of a run in one figure, two in a row.

    Args:
      history: lines of the history, at least one.
      best_epoch: epoch of the best checkpoint.
    """
    panels = select_panels(history)
    rows = math.ceil(len(panels) / 2)
    # The first panel has the most curves.
    heights = [panel_height(history)] + [lines.height(1)] * (rows - 1)
    with style.context():
        picture = figure.Figure(
            figsize=(2 * PANEL_WIDTH, sum(heights)), layout="constrained"
        )
        axes = picture.subplots(
            rows, 2, squeeze=False, height_ratios=heights
        ).flatten()
        for panel, axis in zip(panels, axes, strict=False):
            draw_panel(axis, panel, history, best_epoch)
        for axis in axes[len(panels) :]:
            axis.remove()
        picture.supxlabel(
            f"dotted: best epoch ({best_epoch})", x=0.99, fontsize=7, ha="right"
        )
    return picture


Panel = Callable[[axes_lib.Axes, Sequence[Mapping]], None]


def select_panels(history: Sequence[Mapping]) -> list[Panel]:
    """Selects the panels for which the history has values.

    Args:
      history: lines of the history, at least one.
    """
    logs = history[0]["terms"]
    panels = [_draw_dev, _draw_accuracy, _draw_losses]
    if "loss/orthogonality" in logs:
        panels.append(_draw_orthogonality)
    if "loss/orthogonality" in logs or "loss/adversarial" in logs:
        panels.append(_draw_weighted_losses)
    if "discriminator/cross_entropy" in logs:
        panels.append(_draw_discriminator)
    return panels


def panel_height(history: Sequence[Mapping]) -> float:
    """Returns the height of the panel with a curve for each task, in inches."""
    return lines.height(len(history[0]["dev"]["tasks"]) + 1)


def draw_panel(
    axis: axes_lib.Axes,
    panel: Panel,
    history: Sequence[Mapping],
    best_epoch: int,
) -> None:
    """Draws a panel, and marks the best epoch with a dotted line."""
    panel(axis, history)
    axis.axvline(
        best_epoch, color=style.DARK_GRAY, linestyle=":", linewidth=1, zorder=0
    )


def mean_over_tasks(line: Mapping, value: str) -> float:
    """Averages a dev score or loss over tasks.

    Args:
      line: line of the history.
      value: name of the score, or `loss`; nan if a task lacks it.
    """
    tasks = line["dev"]["tasks"].values()
    return float(np.mean([task.get(value, math.nan) for task in tasks]))


def logged(history: Sequence[Mapping], name: str) -> dict[int, float]:
    """Returns the finite values of a log by epoch; empty if there are none."""
    values = {line["epoch"]: line["terms"].get(name) for line in history}
    return {
        epoch: value
        for epoch, value in values.items()
        if value is not None and math.isfinite(value)
    }


def _draw_dev(axis, history):
    """Draws the dev accuracy of each task, and their average."""
    tasks = list(history[0]["dev"]["tasks"])
    curves = lines.make_curves(
        {
            task: {
                line["epoch"]: line["dev"]["tasks"][task]["accuracy"]
                for line in history
            }
            for task in tasks
        }
    )
    if len(tasks) > 1:
        mean = _mean_by_epoch(history, "accuracy")
        curves.append(lines.Curve("average", mean, _AVERAGE, width=2.4))
    lines.draw(axis, "dev accuracy by task", curves)


def _draw_accuracy(axis, history):
    """Draws the accuracy on training and dev."""
    _draw_logs(
        axis,
        history,
        "accuracy on training and dev, all tasks",
        {"training/accuracy": ("training", _TRAINING)},
        dev="accuracy",
    )


def _draw_losses(axis, history):
    """Draws the label loss on training and dev."""
    _draw_logs(
        axis,
        history,
        "label loss in nats on training and dev, mean over tasks",
        {"loss/task": ("training", _TRAINING)},
        dev="loss",
        scale="zero",
    )


def _draw_orthogonality(axis, history):
    """Draws the orthogonality loss, which is small next to the label loss."""
    _draw_logs(
        axis,
        history,
        "orthogonality loss",
        {"loss/orthogonality": ("orthogonality", _ORTHOGONALITY)},
        scale="zero",
    )


def _draw_weighted_losses(axis, history):
    """Draws the terms of the total loss, whose sizes may differ greatly."""
    _draw_logs(
        axis,
        history,
        "weighted terms of the training loss, log scale",
        {
            "loss_weighted/task": ("labels", _AVERAGE),
            "loss_weighted/orthogonality": ("orthogonality", _ORTHOGONALITY),
            "loss_weighted/adversarial": ("adversarial", _ADVERSARIAL),
        },
        scale="log",
    )


def _draw_discriminator(axis, history):
    """Draws the task discriminator's cross-entropy and accuracy."""
    loss, accuracy = style.BLUE, style.GREEN
    _draw_logs(
        axis,
        history,
        "task discriminator on training",
        {
            "discriminator/cross_entropy": (
                "cross-entropy (nats)",
                style.Look(loss, "-"),
            ),
            "discriminator/task_prior_entropy": (
                "entropy of the tasks",
                style.Look(loss, ":"),
            ),
            "discriminator/accuracy": ("accuracy", style.Look(accuracy, "-")),
            "discriminator/chance": ("chance", style.Look(accuracy, ":")),
        },
        scale="zero",
    )


def _draw_logs(axis, history, title, looks, dev="", scale="data"):
    """Draws logged values, as far as the run has them.

    Args:
      axis: the axis.
      history: lines of the history.
      title: title of the panel.
      looks: (name of the curve, look) by name of the value.
      dev: dev score or loss to draw with them, as a mean over tasks.
      scale: scale of the vertical axis, as in `lines.draw`.
    """
    curves = [
        lines.Curve(name, values, look)
        for value, (name, look) in looks.items()
        if (values := logged(history, value))
    ]
    mean = _mean_by_epoch(history, dev) if dev else {}
    if mean:
        curves.append(lines.Curve("dev", mean, _AVERAGE))
    lines.draw(axis, title, curves, scale)


def _mean_by_epoch(history, value):
    """Averages a dev value over tasks, by epoch; empty if a task lacks it."""
    means = {line["epoch"]: mean_over_tasks(line, value) for line in history}
    return {epoch: mean for epoch, mean in means.items() if math.isfinite(mean)}
