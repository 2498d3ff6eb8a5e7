"""A map of texts by their features."""

import math

import matplotlib
import numpy as np
from matplotlib import figure
from sklearn import decomposition

from mtl_tf import figures
from mtl_tf import names as names_lib

# Not by colour alone; as many as do not divide the colours, so that each of
# `_LOOKS` names has a pair of the two of its own.
_MARKERS = "osD^vP*X"
_LOOKS = len(_MARKERS) * len(figures.COLORS)
# Characters that a line of a legend has room for, and what a marker takes.
_LINE, _MARKER = 52, 4


# Names are as they are: `$` begins no formula.
@matplotlib.rc_context({"text.parse_math": False})
def draw(
    features: np.ndarray, task: np.ndarray, label: np.ndarray
) -> figure.Figure:
    """Draws texts on the two main axes of their features (PCA).

    The titles of the axes say which share of the variance they explain.

    Args:
      features: float32 [texts, width], at least 2 of both.
      task: str [texts], by which the left half is coloured.
      label: str [texts], by which the right half is coloured.
    """
    analysis = decomposition.PCA(2, svd_solver="full")
    # Features that are all the same have no variance to explain.
    with np.errstate(invalid="ignore"):
        points = analysis.fit_transform(features.astype(np.float64))
    shares = np.nan_to_num(analysis.explained_variance_ratio_)
    # Drawn in random order: else the last task would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    rows = max(_legend_shape(_kinds(names))[0] for names in (task, label))
    # Room for the longer legend, so that the panels stay as large.
    picture = figure.Figure(
        figsize=(7.4, 3.7 + 0.175 * rows), layout="constrained"
    )
    axes = picture.subplots(1, 2, sharex=True, sharey=True)
    for axis, title, names in (
        (axes[0], "by task", task),
        (axes[1], "by label", label),
    ):
        _draw_points(axis, points[order], names[order])
        axis.set_title(title)
        axis.set_xlabel(f"axis 1 ({shares[0]:.0%} of variance)")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"axis 2 ({shares[1]:.0%} of variance)")
    return picture


def _kinds(names):
    """Short names for the legend, by name, in order."""
    return names_lib.shorten(sorted(set(names.tolist())))


def _legend_shape(kinds):
    """Rows and columns of a legend that is no wider than its panel.

    None of either where names look alike, of which a legend could tell nothing.
    """
    if len(kinds) > _LOOKS:
        return 0, 0
    longest = max(map(len, kinds.values()))
    columns = min(4, math.ceil(len(kinds) / 2), _LINE // (longest + _MARKER))
    return math.ceil(len(kinds) / columns), columns


def _draw_points(axis, points, names):
    """Points with a colour and a marker for each name, and their legend."""
    kinds = _kinds(names)
    # A marker has one call. So that no name lies above all others, each is
    # drawn in pieces, in turns.
    pieces = 8
    for piece in range(pieces):
        for number, (kind, short) in enumerate(kinds.items()):
            chosen = points[piece::pieces][names[piece::pieces] == kind]
            axis.scatter(
                *chosen.T,
                s=9,
                color=figures.COLORS[number % len(figures.COLORS)],
                marker=_MARKERS[number % len(_MARKERS)],
                alpha=0.6,
                linewidths=0,
                rasterized=True,
                label=None if piece else figures.legend_label(short),
            )
    _, columns = _legend_shape(kinds)
    if not columns:
        return
    axis.legend(
        fontsize=8,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        # Times the font's size: room for the numbers and name of the axis.
        borderaxespad=5,
        ncols=columns,
        markerscale=1.8,
        handletextpad=0.1,
        columnspacing=0.8,
    )
