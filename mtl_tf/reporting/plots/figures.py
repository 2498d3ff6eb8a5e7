"""Pictures of a run, from its history."""

import os
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory

CURVES_FILE = os.path.join("figures", "curves.png")
# Okabe & Ito's palette, which the color-blind can tell apart.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, SKY = "#D55E00", "#CC79A7", "#56B4E9"
GRAY = "#BBBBBB"
# For as many curves or kinds of points as there may be.
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BLACK)


def draw_curves(run_dir: str) -> str:
    """Draws dev scores, losses and the discriminator by epoch.

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
    """Dev scores, losses and the discriminator by epoch.

    Args:
      history: lines of the history, at least one.
      best_epoch: the epoch whose checkpoint is evaluated.
    """
    terms = history[0]["terms"]
    panels = [_draw_dev, _draw_losses]
    if "loss/orthogonality" in terms or "loss/adversarial" in terms:
        panels.append(_draw_weighted_losses)
    if "discriminator/cross_entropy" in terms:
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
    # One line of text, for all panels.
    picture.supxlabel(
        f"dotted: best epoch ({best_epoch})", x=0.99, fontsize=7, ha="right"
    )
    return picture


def finish(axis) -> None:
    """What all curves by epoch have in common; they are drawn already."""
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.spines[["top", "right"]].set_visible(False)
    # Below: within, there is not always a place without a curve.
    axis.legend(
        fontsize="small",
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        # Times the font's size: room for the numbers and name of the axis.
        borderaxespad=5,
        ncols=2,
        columnspacing=1,
    )


def marker(points: int) -> str | None:
    """The marker of a curve: a single point makes no line."""
    return "." if points == 1 else None


def legend_label(name: str) -> str:
    """A name for a legend, which leaves out those that begin with `_`."""
    return f" {name}"


def _draw_losses(axis, history):
    axis.set_title("training loss, mean over groups")
    _draw_terms(
        axis,
        history,
        {
            "loss/task": (BLACK, "-", "task"),
            "loss/orthogonality": (ORANGE, "--", "orthogonality"),
        },
    )
    axis.set_ylim(bottom=0)


def _draw_weighted_losses(axis, history):
    """The terms as they enter the sum: they can be far apart."""
    axis.set_title("weighted loss, sum over groups")
    _draw_terms(
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
    axis.set_title("task discriminator")
    _draw_terms(
        axis,
        history,
        {
            "discriminator/cross_entropy": (BLUE, "-", "cross-entropy (nats)"),
            "discriminator/task_prior_entropy": (
                BLUE,
                ":",
                "entropy of the task mix",
            ),
            "discriminator/accuracy": (GREEN, "--", "accuracy"),
            "discriminator/chance": (GREEN, ":", "chance"),
        },
    )
    axis.set_ylim(bottom=0)


def _draw_terms(axis, history, styles):
    """Terms of the history that there are, each (color, style, label)."""
    for term, (color, style, label) in styles.items():
        if term in history[0]["terms"]:
            axis.plot(
                [line["epoch"] for line in history],
                [line["terms"][term] for line in history],
                style,
                marker=marker(len(history)),
                color=color,
                label=label,
            )


def _draw_dev(axis, history):
    """Dev accuracies, of each task and their average."""
    axis.set_title("dev accuracy")
    epochs = [line["epoch"] for line in history]
    for place, task in enumerate(history[0]["dev"]["tasks"]):
        axis.plot(
            epochs,
            [line["dev"]["tasks"][task]["accuracy"] for line in history],
            color=GRAY,
            linewidth=0.8,
            marker=marker(len(history)),
            label=None if place else "each task",
        )
    axis.plot(
        epochs,
        [average_accuracy(line) for line in history],
        color=BLACK,
        marker=marker(len(history)),
        label="average",
    )


def average_accuracy(line: Mapping) -> float:
    """Mean dev accuracy over tasks of a line of the history."""
    tasks = line["dev"]["tasks"].values()
    return sum(task["accuracy"] for task in tasks) / len(tasks)
