"""Shared parts of scatter plots: principal axes, series and legends."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from matplotlib import axes
from matplotlib import lines
from sklearn import decomposition

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

# Their number is coprime to that of the colors, so that all shown names have
# distinct pairs of color and marker.
_MARKERS = "osD^vP*X"
# Width of a marker in a legend, in characters.
_MARKER_CHARACTERS = 4
_MAX_COLUMNS = 4


def project(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects vectors on their two principal axes (PCA).

    Args:
      vectors: float32 [points, size], at least 2 of both.

    Returns:
      The points, float64 [points, 2], and the share of the variance that each
      axis explains, float64 [2]; 0 for vectors without variance.
    """
    pca = decomposition.PCA(2, svd_solver="full")
    # Equal vectors have no variance to explain.
    with np.errstate(invalid="ignore"):
        points = pca.fit_transform(vectors.astype(np.float64))
    return points, np.nan_to_num(pca.explained_variance_ratio_)


def axis_title(index: int, shares: np.ndarray) -> str:
    """Makes the title of a principal axis.

    Args:
      index: index of the axis, 0 or 1.
      shares: float64 [2], shares of the variance.
    """
    return f"axis {index + 1} ({shares[index]:.0%} of variance)"


class Look(NamedTuple):
    """Color and marker of a series."""

    color: str
    marker: str


_OTHER = Look(style.DARK_GRAY, ".")


@dataclasses.dataclass(frozen=True)
class Series:
    """Series of points by name; the least frequent names share the last one.

    Attributes:
      names: short names for the legend, in order.
      looks: color and marker of each series.
      of_points: int [points], index of the series of each point.
      count: number of distinct names.
    """

    names: list[str]
    looks: list[Look]
    of_points: np.ndarray
    count: int

    @property
    def note(self) -> str:
        """A note on the shown names; empty if all are shown."""
        if self.count <= names_lib.SHOWN:
            return ""
        return f"{names_lib.SHOWN} most frequent of {self.count:,}"


def make_series(names: np.ndarray) -> Series:
    """Groups points into series by name.

    Args:
      names: str [points].
    """
    unique, of_points, counts = np.unique(
        names, return_inverse=True, return_counts=True
    )
    kept = names_lib.most_frequent(counts)
    by_name = names_lib.shorten(unique[kept].tolist())
    short = [by_name[name] for name in unique[kept].tolist()]
    looks = [
        Look(
            style.COLORS[index % len(style.COLORS)],
            _MARKERS[index % len(_MARKERS)],
        )
        for index in range(len(kept))
    ]
    if len(kept) < len(unique):
        short.append(names_lib.other(len(unique) - len(kept)))
        looks.append(_OTHER)
    positions = names_lib.groups(kept, len(unique))
    return Series(short, looks, positions[of_points], len(unique))


def legend_shape(names: list[str], line_length: int) -> tuple[int, int]:
    """Computes the numbers of rows and columns of a legend.

    Args:
      names: short names, at least one.
      line_length: number of characters that fit in a line.
    """
    longest = max(map(len, names))
    columns = min(
        _MAX_COLUMNS,
        math.ceil(len(names) / 2),
        max(1, line_length // (longest + _MARKER_CHARACTERS)),
    )
    return math.ceil(len(names) / columns), columns


def draw_legend(axis: axes.Axes, series: Series, line_length: int) -> None:
    """Draws a legend below the title of the horizontal axis.

    Args:
      axis: the axis.
      series: the series on the axis.
      line_length: number of characters that fit in a line.
    """
    _, columns = legend_shape(series.names, line_length)
    axis.legend(
        handles=[
            lines.Line2D(
                [],
                [],
                color=look.color,
                marker=look.marker,
                linestyle="",
                markersize=3,
                markeredgewidth=0,
                # Matplotlib skips names like `_x`.
                label=f" {name}",
            )
            for name, look in zip(series.names, series.looks, strict=True)
        ],
        fontsize=8,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        # In font sizes: room for the axis title and its numbers.
        borderaxespad=5,
        ncols=columns,
        markerscale=1.8,
        handletextpad=0.1,
        columnspacing=0.8,
    )
