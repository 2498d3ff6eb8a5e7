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
    epochs = [line["epoch"] for line in history]

    def term(name):
        return [line["terms"][name] for line in history]

    adversarial = "discriminator/cross_entropy" in history[0]["terms"]
    picture = figure.Figure(
        figsize=(11 if adversarial else 7.5, 3.4), layout="constrained"
    )
    axes = picture.subplots(1, 3 if adversarial else 2)
    _draw_dev(axes[0], epochs, history)
    axes[1].set_title("training loss, mean over groups")
    for name, color, style in (
        ("task", _BLACK, "-"),
        ("orthogonality", _ORANGE, "--"),
    ):
        if f"loss/{name}" in history[0]["terms"]:
            axes[1].plot(
                epochs, term(f"loss/{name}"), style, color=color, label=name
            )
    if adversarial:
        axes[2].set_title("task discriminator")
        axes[2].plot(
            epochs,
            term("discriminator/cross_entropy"),
            color=_BLUE,
            label="cross-entropy (nats)",
        )
        axes[2].plot(
            epochs,
            term("discriminator/mix_entropy"),
            ":",
            color=_BLUE,
            label="entropy of the task mix",
        )
        axes[2].plot(
            epochs,
            term("discriminator/accuracy"),
            color=_GREEN,
            label="accuracy",
        )
        axes[2].plot(
            epochs,
            term("discriminator/chance"),
            ":",
            color=_GREEN,
            label="chance",
        )
    for axis in axes:
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(fontsize="small", frameon=False)
    for axis in axes[1:]:
        axis.set_ylim(bottom=0)
    path = os.path.join(run_dir, CURVES_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    picture.savefig(path, dpi=120)
    return path


def _draw_dev(axis, epochs, history):
    """The dev scores that checkpoints are chosen by, and of each task."""
    axis.set_title("dev accuracy")
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
