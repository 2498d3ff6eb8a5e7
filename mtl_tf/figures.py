"""Pictures of a run, from its history."""

import os

from matplotlib import figure

from mtl_tf import summaries

CURVES_FILE = os.path.join("figures", "curves.png")
# Okabe & Ito's palette, which the colour-blind can tell apart.
_BLACK, _BLUE, _ORANGE, _GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"


def draw_curves(run_dir: str) -> str:
    """Draws dev scores, losses and the discriminator by epoch.

    Args:
      run_dir: directory of a run with a history.

    Returns:
      Path of the PNG.
    """
    history = summaries.read_history(run_dir)
    adversarial = "discriminator/cross_entropy" in history[0]["terms"]
    panels = 3 if adversarial else 2
    picture = figure.Figure(figsize=(3.7 * panels, 3.4), layout="constrained")
    axes = picture.subplots(1, panels)
    _draw_dev(axes[0], history)
    axes[1].set_title("training loss, mean over groups")
    _draw_terms(
        axes[1],
        history,
        {
            "loss/task": (_BLACK, "-", "task"),
            "loss/orthogonality": (_ORANGE, "--", "orthogonality"),
        },
    )
    if adversarial:
        axes[2].set_title("task discriminator")
        _draw_terms(
            axes[2],
            history,
            {
                "discriminator/cross_entropy": (
                    _BLUE,
                    "-",
                    "cross-entropy (nats)",
                ),
                "discriminator/mix_entropy": (
                    _BLUE,
                    ":",
                    "entropy of the task mix",
                ),
                "discriminator/accuracy": (_GREEN, "-", "accuracy"),
                "discriminator/chance": (_GREEN, ":", "chance"),
            },
        )
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize="small", frameon=False)
    path = os.path.join(run_dir, CURVES_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    picture.savefig(path, dpi=120)
    return path


def _draw_terms(axis, history, styles):
    """Terms of the history that there are, each (color, style, label)."""
    for term, (color, style, label) in styles.items():
        if term in history[0]["terms"]:
            axis.plot(
                [line["epoch"] for line in history],
                [line["terms"][term] for line in history],
                style,
                color=color,
                label=label,
            )
    axis.set_ylim(bottom=0)


def _draw_dev(axis, history):
    """The dev scores that checkpoints are chosen by, and of each task."""
    axis.set_title("dev accuracy")
    epochs = [line["epoch"] for line in history]
    for place, task in enumerate(history[0]["dev"]["tasks"]):
        axis.plot(
            epochs,
            [line["dev"]["tasks"][task]["accuracy"] for line in history],
            color="#BBBBBB",
            linewidth=0.8,
            label=None if place else "each task",
        )
    axis.plot(
        epochs,
        [
            sum(t["accuracy"] for t in line["dev"]["tasks"].values())
            / len(line["dev"]["tasks"])
            for line in history
        ],
        color=_BLACK,
        label="average",
    )
