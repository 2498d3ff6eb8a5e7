"""What maps of points have in common: axes, looks and legends."""

import math
from collections.abc import Iterable

import numpy as np
from matplotlib import axes
from sklearn import decomposition

from mtl_tf import figures
from mtl_tf import names as names_lib

# Not by colour alone; as many as do not divide the colours, so that each of
# `LOOKS` names has a pair of the two of its own.
_MARKERS = "osD^vP*X"
LOOKS = len(_MARKERS) * len(figures.COLORS)
# Characters of a legend's line that a marker takes.
_MARKER = 4
_MOST_COLUMNS = 4


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points on the two main axes of vectors (PCA).

    Args:
      vectors: float32 [points, width], at least 2 of both.

    Returns:
      The points, float64 [points, 2], and the share of the variance that each
      axis explains, float64 [2]; 0 where there is no variance.
    """
    analysis = decomposition.PCA(2, svd_solver="full")
    # Vectors that are all the same have no variance to explain.
    with np.errstate(invalid="ignore"):
        points = analysis.fit_transform(vectors.astype(np.float64))
    return points, np.nan_to_num(analysis.explained_variance_ratio_)


def axis_name(number: int, shares: np.ndarray) -> str:
    """The title of the first (0) or second (1) axis, with its share."""
    return f"axis {number + 1} ({shares[number]:.0%} of variance)"


def look(number: int) -> dict[str, str]:
    """Colour and marker of the name with this number."""
    return {
        "color": figures.COLORS[number % len(figures.COLORS)],
        "marker": _MARKERS[number % len(_MARKERS)],
    }


def kinds(names: Iterable[str]) -> dict[str, str]:
    """Short names for the legend, by name, in order."""
    return names_lib.shorten(sorted(set(names)))


def legend_shape(short: dict[str, str], line: int) -> tuple[int, int]:
    """Rows and columns of a legend.

    None of either where names look alike, of which a legend could tell nothing.

    Args:
      short: what `kinds` returns.
      line: characters that a line has room for.
    """
    if len(short) > LOOKS:
        return 0, 0
    longest = max(map(len, short.values()))
    columns = min(
        _MOST_COLUMNS,
        math.ceil(len(short) / 2),
        max(1, line // (longest + _MARKER)),
    )
    return math.ceil(len(short) / columns), columns


def draw_legend(axis: axes.Axes, columns: int) -> None:
    """A legend below the axis' name; none without columns."""
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
