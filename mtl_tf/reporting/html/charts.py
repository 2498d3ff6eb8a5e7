"""Charts of a page, embedded as data URIs."""

import base64
import functools
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec

import matplotlib
import numpy as np
from matplotlib import figure

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import calibration
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import details
from mtl_tf.reporting.plots import feature_map as feature_map_lib
from mtl_tf.reporting.plots import figures
from mtl_tf.reporting.plots import label_map as label_map_lib
from mtl_tf.reporting.plots import transfer_curves as transfer_curves_lib
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.utils import display_names as names_lib

# A letter and the longest model name.
_LONGEST_NAME = 32
_LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))


_Parameters = ParamSpec("_Parameters")


def _plain(
    draw: Callable[_Parameters, figure.Figure],
) -> Callable[_Parameters, str]:
    """Wraps a drawing function: `$` in names is text; returns a data URI."""

    @functools.wraps(draw)
    def wrapped(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> str:
        with matplotlib.rc_context({"text.parse_math": False}):
            return data_uri(draw(*args, **kwargs))

    return wrapped


def data_uri(picture: figure.Figure) -> str:
    """Encodes a figure as an SVG in a data URI: `data:image/svg+xml;...`."""
    file = io.BytesIO()
    with (
        # Text is smaller than outlines, and browsers have fonts of all scripts.
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "run"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        # Without the date, the page of a run is reproducible.
        picture.savefig(file, format="svg", dpi=140, metadata={"Date": None})
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/svg+xml;base64,{encoded}"


def training(run: artifacts.Artifacts) -> str:
    """Draws dev scores, losses and the discriminator of a run by epoch."""
    return data_uri(figures.curves(run.history, run.results["best_epoch"]))


def dev_accuracy(run: artifacts.Artifacts) -> list[float]:
    """Computes dev accuracy by epoch, averaged over tasks and over parts.

    A part that has stopped early keeps the accuracy of its last epoch.
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
def dev_curves(by_name: Mapping[str, Sequence[float]]) -> figure.Figure:
    """Draws the dev accuracy of several runs by epoch.

    Args:
      by_name: dev accuracies by epoch, by name of the run.
    """
    picture = figure.Figure(figsize=(7.4, 3.6), layout="constrained")
    axis = picture.subplots()
    axis.set_title("dev accuracy")
    short = names_lib.shorten(by_name, _LONGEST_NAME)
    for index, (name, values) in enumerate(by_name.items()):
        axis.plot(
            range(1, len(values) + 1),
            values,
            color=figures.COLORS[index % len(figures.COLORS)],
            linestyle=_LINES[index % len(_LINES)],
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
def reliability(tasks: Sequence[details.Calibration]) -> figure.Figure:
    """Draws accuracy by confidence over the test texts of all tasks.

    The left chart is without temperature scaling, the right one with it. The
    bars below show the share of texts in each bin.

    Args:
      tasks: the calibration of each task.
    """
    correct = np.concatenate([task.correct for task in tasks])
    picture = figure.Figure(figsize=(7.4, 4.2), layout="constrained")
    axes = picture.subplots(
        2, 2, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, name in enumerate(("raw", "scaled")):
        confidence = np.concatenate([getattr(task, name) for task in tasks])
        by_bin = calibration.reliability_from_confidence(confidence, correct)
        bins = len(by_bin.count)
        centers = (np.arange(bins) + 0.5) / bins
        upper, lower = axes[0, column], axes[1, column]
        upper.set_title(
            "uncalibrated" if name == "raw" else "with temperature scaling"
        )
        upper.plot([0, 1], [0, 1], ":", color=figures.BLACK, label="ideal")
        upper.bar(
            centers,
            by_bin.accuracy,
            0.9 / bins,
            color=figures.SKY,
            label="accuracy",
        )
        upper.plot(
            by_bin.confidence,
            by_bin.confidence,
            "o",
            markersize=4,
            color=figures.RED,
            label="mean confidence",
        )
        lower.bar(
            centers, by_bin.count / len(correct), 0.9 / bins, color="#777777"
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
    """Draws texts on the principal axes of their features."""
    return data_uri(
        feature_map_lib.draw(sample.features, sample.task, sample.label)
    )


def label_map(label_vectors: label_vectors_lib.LabelVectors) -> str:
    """Draws the labels of all tasks on the principal axes of their vectors."""
    return data_uri(label_map_lib.draw(label_vectors))


def transfer_curves(run: artifacts.Artifacts, main_task: tasks_lib.Task) -> str:
    """Draws dev scores of main model and label transfer network by epoch."""
    return data_uri(
        transfer_curves_lib.draw(run.history, main_task, run.results)
    )
