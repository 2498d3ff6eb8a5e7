"""Curves of a run by epoch."""

import os
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory

CURVES_FILE = os.path.join("figures", "curves.png")
# The color-blind safe palette of Okabe & Ito.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, SKY = "#D55E00", "#CC79A7", "#56B4E9"
GRAY = "#BBBBBB"
# Colors of curves and series, in order.
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)


def draw_curves(run_dir: str) -> str:
    """Draws `curves` of a run into a file.

    Args:
      run_dir: directory of a run with a history and results.

    Returns:
      Path of the PNG.
    """
    path = os.path.join(run_dir, CURVES_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    best_epoch = run_directory.read_results(run_dir)["best_epoch"]
    curves(history_lib.read_history(run_dir), best_epoch).savefig(path, dpi=120)
    return path


def curves(history: Sequence[Mapping], best_epoch: int) -> figure.Figure:
    """Draws dev scores, losses and the discriminator by epoch.

    Args:
      history: lines of the history, at least one.
      best_epoch: epoch of the best checkpoint.
    """
    logs = history[0]["terms"]
    panels = [_draw_dev, _draw_losses]
    if "loss/orthogonality" in logs or "loss/adversarial" in logs:
        panels.append(_draw_weighted_losses)
    if "discriminator/cross_entropy" in logs:
        panels.append(_draw_discriminator)
    columns = len(panels) if len(panels) < 4 else 2
    rows = len(panels) // columns
    picture = figure.Figure(
        figsize=(3.7 * columns, 3.7 * rows), layout="constrained"
    )
    axes = picture.subplots(rows, columns, squeeze=False).flat
    for draw, axis in zip(panels, axes, strict=True):
        draw(axis, history)
        axis.axvline(
            best_epoch, color=GRAY, linestyle=":", linewidth=1, zorder=0
        )
        finish(axis)
    picture.supxlabel(
        f"dotted: best epoch ({best_epoch})", x=0.99, fontsize=7, ha="right"
    )
    return picture


def finish(axis) -> None:
    """Formats the axes and the legend of curves by epoch.

    Args:
      axis: axis on which the curves are already drawn.
    """
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.spines[["top", "right"]].set_visible(False)
    # Below the axis, since the curves may fill all of it.
    axis.legend(
        fontsize="small",
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        # In font sizes: room for the axis title and its numbers.
        borderaxespad=5,
        ncols=2,
        columnspacing=1,
    )


def marker(points: int) -> str | None:
    """Returns the marker of a curve, as a single point has no line.

    Args:
      points: number of points.
    """
    return "." if points == 1 else None


def legend_label(name: str) -> str:
    """Makes the legend entry of a name; Matplotlib skips names like `_x`."""
    return f" {name}"


def _draw_losses(axis, history):
    """Draws unweighted losses."""
    axis.set_title("training loss, mean over task batches")
    _draw_logs(
        axis,
        history,
        {
            "loss/task": (BLACK, "-", "task"),
            "loss/orthogonality": (ORANGE, "--", "orthogonality"),
        },
    )
    axis.set_ylim(bottom=0)


def _draw_weighted_losses(axis, history):
    """Draws the terms of the total loss, whose sizes may differ greatly."""
    axis.set_title("weighted loss, sum over task batches")
    _draw_logs(
        axis,
        history,
        {
            "loss_weighted/task": (BLACK, "-", "task"),
            "loss_weighted/orthogonality": (ORANGE, "--", "orthogonality"),
            "loss_weighted/adversarial": (BLUE, "-.", "adversarial"),
        },
    )
    axis.set_yscale("log")


def _draw_discriminator(axis, history):
    """Draws the task discriminator's cross-entropy and accuracy."""
    axis.set_title("task discriminator")
    _draw_logs(
        axis,
        history,
        {
            "discriminator/cross_entropy": (BLUE, "-", "cross-entropy (nats)"),
            "discriminator/task_prior_entropy": (
                BLUE,
                ":",
                "entropy of the tasks",
            ),
            "discriminator/accuracy": (GREEN, "--", "accuracy"),
            "discriminator/chance": (GREEN, ":", "chance"),
        },
    )
    axis.set_ylim(bottom=0)


def _draw_logs(axis, history, styles):
    """Draws logged values, if the run has them.

    Args:
      axis: the axis.
      history: lines of the history.
      styles: (color, line style, label) by name of the value.
    """
    for name, (color, style, label) in styles.items():
        if name in history[0]["terms"]:
            axis.plot(
                [line["epoch"] for line in history],
                [line["terms"][name] for line in history],
                style,
                marker=marker(len(history)),
                color=color,
                label=label,
            )


def _draw_dev(axis, history):
    """Draws the dev accuracy of each task and their average."""
    axis.set_title("dev accuracy")
    epochs = [line["epoch"] for line in history]
    for index, task in enumerate(history[0]["dev"]["tasks"]):
        axis.plot(
            epochs,
            [line["dev"]["tasks"][task]["accuracy"] for line in history],
            color=GRAY,
            linewidth=0.8,
            marker=marker(len(history)),
            label=None if index else "each task",
        )
    axis.plot(
        epochs,
        [average_accuracy(line) for line in history],
        color=BLACK,
        marker=marker(len(history)),
        label="average",
    )


def average_accuracy(line: Mapping) -> float:
    """Averages the dev accuracy over tasks, of a line of the history."""
    tasks = line["dev"]["tasks"].values()
    return sum(task["accuracy"] for task in tasks) / len(tasks)
