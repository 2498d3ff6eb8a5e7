"""What maps of points have in common: axes, looks and legends."""

import dataclasses
import math

import numpy as np
from matplotlib import axes
from matplotlib import lines
from sklearn import decomposition

from mtl_tf.reporting.plots import figures
from mtl_tf.utils import display_names as names_lib

# Not by color alone; as many as do not divide the colors, so that no two of
# the names that are shown have the same pair of the two.
_MARKERS = "osD^vP*X"
_OTHER = {"color": figures.GRAY, "marker": "."}
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


@dataclasses.dataclass(frozen=True)
class Series:
    """Points by name; names beyond the most frequent are one series.

    Attributes:
      names: short names for the legend, in order.
      looks: color and marker of each.
      of_points: int [points], index of the series that each point is of.
      count: number of all names.
    """

    names: list[str]
    looks: list[dict[str, str]]
    of_points: np.ndarray
    count: int

    @property
    def note(self) -> str:
        """Returns the names that are shown where not all are."""
        if self.count <= names_lib.SHOWN:
            return ""
        return f"{names_lib.SHOWN} most frequent of {self.count:,}"


def series(names: np.ndarray) -> Series:
    """Groups points by name.

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
        {
            "color": figures.COLORS[number % len(figures.COLORS)],
            "marker": _MARKERS[number % len(_MARKERS)],
        }
        for number in range(len(kept))
    ]
    if len(kept) < len(unique):
        short.append(names_lib.other(len(unique) - len(kept)))
        looks.append(_OTHER)
    places = names_lib.groups(kept, len(unique))
    return Series(short, looks, places[of_points], len(unique))


def legend_shape(names: list[str], line: int) -> tuple[int, int]:
    """Returns rows and columns of a legend.

    Args:
      names: short names, at least one.
      line: characters that a line has room for.
    """
    longest = max(map(len, names))
    columns = min(
        _MOST_COLUMNS,
        math.ceil(len(names) / 2),
        max(1, line // (longest + _MARKER)),
    )
    return math.ceil(len(names) / columns), columns


def draw_legend(axis: axes.Axes, shown: Series, line: int) -> None:
    """Draws a legend below the axis' name.

    Args:
      axis: the axis.
      shown: the series that are drawn on it.
      line: characters that a line has room for.
    """
    _, columns = legend_shape(shown.names, line)
    axis.legend(
        handles=[
            lines.Line2D(
                [],
                [],
                linestyle="",
                markersize=3,
                markeredgewidth=0,
                label=figures.legend_label(name),
                **look,
            )
            for name, look in zip(shown.names, shown.looks, strict=True)
        ],
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
