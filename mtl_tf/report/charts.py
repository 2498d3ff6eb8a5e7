"""Charts of a page, as pictures that the page itself holds."""

import base64
import functools
import io
import math
import warnings
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib import figure
from sklearn import decomposition

from mtl_tf import calibration
from mtl_tf import figures
from mtl_tf.report import artefacts
from mtl_tf.report import details

_COLORS = (
    figures.BLUE,
    figures.ORANGE,
    figures.GREEN,
    figures.RED,
    figures.PURPLE,
    figures.SKY,
    figures.BLACK,
)
# Not by colour alone; as many as do not divide the colours, so that pairs of
# the two last for all tasks there may be.
_MARKERS = "osD^vP*X"
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
        picture.savefig(file, format="svg", dpi=150, metadata={"Date": None})
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/svg+xml;base64,{encoded}"


def training(history: Sequence[Mapping]) -> str:
    """Dev scores, losses and the discriminator of a run by epoch."""
    return data_uri(figures.curves(history))


def dev_accuracy(run: artefacts.Artefacts) -> list[float]:
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
    for number, (name, values) in enumerate(by_name.items()):
        axis.plot(
            range(1, len(values) + 1),
            values,
            color=_COLORS[number % len(_COLORS)],
            linestyle=_LINES[number % len(_LINES)],
            marker="." if len(values) == 1 else None,
            label=_shown(name),
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
    right = np.concatenate([task.right for task in tasks])
    picture = figure.Figure(figsize=(7.4, 4.2), layout="constrained")
    axes = picture.subplots(
        2, 2, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    for column, name in enumerate(("raw", "scaled")):
        confidence = np.concatenate([getattr(task, name) for task in tasks])
        found = calibration.reliability_of(confidence, right)
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
            middles, found.count / len(right), 0.9 / bins, color="#777777"
        )
        lower.set_xlabel("confidence")
        for axis in (upper, lower):
            axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(fontsize="small", frameon=False, loc="upper left")
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("texts")
    return picture


@_plain
def feature_map(sample: artefacts.Features) -> str:
    """Texts on the two main axes of their features, by task and by label.

    The titles say which share of the variance the axes explain.
    """
    analysis = decomposition.PCA(2, svd_solver="full")
    # Features that are all the same have no variance to explain.
    with np.errstate(invalid="ignore"):
        points = analysis.fit_transform(sample.features.astype(np.float64))
    shares = np.nan_to_num(analysis.explained_variance_ratio_)
    # Drawn in random order: else the last task would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    picture = figure.Figure(figsize=(7.4, 4.4), layout="constrained")
    axes = picture.subplots(1, 2, sharex=True, sharey=True)
    for axis, title, names in (
        (axes[0], "by task", sample.task),
        (axes[1], "by label", sample.label),
    ):
        _draw_points(axis, points[order], names[order])
        axis.set_title(title)
        axis.set_xlabel(f"axis 1 ({shares[0]:.0%} of variance)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"axis 2 ({shares[1]:.0%} of variance)")
    return picture


def _draw_points(axis, points, names):
    """Points with a colour and a marker for each name, and a legend below."""
    kinds = sorted(set(names.tolist()))
    # A marker has one call. So that no name lies above all others, each is
    # drawn in pieces, in turns.
    pieces = 8
    for piece in range(pieces):
        for number, kind in enumerate(kinds):
            chosen = points[piece::pieces][names[piece::pieces] == kind]
            axis.scatter(
                *chosen.T,
                s=9,
                color=_COLORS[number % len(_COLORS)],
                marker=_MARKERS[number % len(_MARKERS)],
                alpha=0.6,
                linewidths=0,
                rasterized=True,
                label=None if piece else _shown(kind),
            )
    axis.legend(
        fontsize=8,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=min(4, math.ceil(len(kinds) / 2)),
        markerscale=1.8,
        handletextpad=0.1,
        columnspacing=0.8,
    )


def _shown(name):
    """A name for a legend, which leaves out those that begin with `_`."""
    return f" {name}"
