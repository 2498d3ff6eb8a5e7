"""Charts of a page, as pictures that the page itself holds."""

import base64
import functools
import io
import warnings
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib import figure

from mtl_tf.metrics import calibration
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import details
from mtl_tf.reporting.plots import feature_map as feature_map_lib
from mtl_tf.reporting.plots import figures
from mtl_tf.reporting.plots import label_map as label_map_lib
from mtl_tf.reporting.plots import transfer_curves as transfer_curves_lib
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.utils import display_names as names_lib

# A letter and the longest name of a kind of model.
_LONGEST_NAME = 32
_LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))


def _plain(draw):
    """Draws with names as they are: `$` begins no formula."""

    @functools.wraps(draw)
    def wrapped(*args):
        with matplotlib.rc_context({"text.parse_math": False}):
            return data_uri(draw(*args))

    return wrapped


def data_uri(picture: figure.Figure) -> str:
    """A figure as an SVG within an address: `data:image/svg+xml;...`."""
    file = io.BytesIO()
    with (
        # Text as text: it is small, and the reader's fonts have all scripts.
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "run"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        # Without a date, the same run gives the same page.
        picture.savefig(file, format="svg", dpi=140, metadata={"Date": None})
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/svg+xml;base64,{encoded}"


def training(run: artifacts.Artifacts) -> str:
    """Dev scores, losses and the discriminator of a run by epoch."""
    return data_uri(figures.curves(run.history, run.results["best_epoch"]))


def dev_accuracy(run: artifacts.Artifacts) -> list[float]:
    """Dev accuracy by epoch, mean over tasks, and over the run's parts.

    A part that has stopped counts with its last epoch.
    """
    if not run.parts:
        return [figures.average_accuracy(line) for line in run.history]
    parts = [dev_accuracy(part) for part in run.parts.values()]
    parts = [part for part in parts if part]
    longest = max(map(len, parts), default=0)
    return [
        float(np.mean([part[min(epoch, len(part) - 1)] for part in parts]))
        for epoch in range(longest)
    ]


@_plain
def dev_curves(by_name: Mapping[str, Sequence[float]]) -> str:
    """Dev accuracy by epoch of several runs, by name."""
    picture = figure.Figure(figsize=(7.4, 3.6), layout="constrained")
    axis = picture.subplots()
    axis.set_title("dev accuracy")
    short = names_lib.shorten(by_name, _LONGEST_NAME)
    for number, (name, values) in enumerate(by_name.items()):
        axis.plot(
            range(1, len(values) + 1),
            values,
            color=figures.COLORS[number % len(figures.COLORS)],
            linestyle=_LINES[number % len(_LINES)],
            marker=figures.marker(len(values)),
            label=figures.legend_label(short[name]),
        )
    figures.finish(axis)
    axis.legend(
        fontsize="small",
        frameon=False,
        loc="center left",
        bbox_to_anchor=(1, 0.5),
    )
    return picture


@_plain
def reliability(tasks: Sequence[details.Calibration]) -> str:
    """Accuracy by confidence over the test texts of all tasks.

    Left as the model says it, right with each task's temperature. A bar
    below tells how many texts a bin holds.
    """
    correct = np.concatenate([task.correct for task in tasks])
    picture = figure.Figure(figsize=(7.4, 4.2), layout="constrained")
    axes = picture.subplots(
        2, 2, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, name in enumerate(("raw", "scaled")):
        confidence = np.concatenate([getattr(task, name) for task in tasks])
        found = calibration.reliability_of(confidence, correct)
        bins = len(found.count)
        middles = (np.arange(bins) + 0.5) / bins
        upper, lower = axes[0, column], axes[1, column]
        upper.set_title(
            "as the model says" if name == "raw" else "with temperature"
        )
        upper.plot([0, 1], [0, 1], ":", color=figures.BLACK, label="ideal")
        upper.bar(
            middles,
            found.accuracy,
            0.9 / bins,
            color=figures.SKY,
            label="accuracy",
        )
        upper.plot(
            found.confidence,
            found.confidence,
            "o",
            markersize=4,
            color=figures.RED,
            label="mean confidence",
        )
        lower.bar(
            middles, found.count / len(correct), 0.9 / bins, color="#777777"
        )
        lower.set_xlabel("confidence")
        for axis in (upper, lower):
            axis.spines[["top", "right"]].set_visible(False)
    picture.legend(
        *axes[0, 0].get_legend_handles_labels(),
        fontsize="small",
        frameon=False,
        loc="outside lower center",
        ncols=3,
    )
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("texts")
    return picture


def feature_map(sample: artifacts.Features) -> str:
    """Texts on the two main axes of their features, by task and by label."""
    return data_uri(
        feature_map_lib.draw(sample.features, sample.task, sample.label)
    )


def label_map(label_vectors: label_vectors_lib.LabelVectors) -> str:
    """Labels of all tasks on the two main axes of their vectors."""
    return data_uri(label_map_lib.draw(label_vectors))


def transfer_curves(run: artifacts.Artifacts) -> str:
    """Dev scores of main model and label transfer network by epoch."""
    return data_uri(
        transfer_curves_lib.draw(run.history, run.transfer_task, run.results)
    )
