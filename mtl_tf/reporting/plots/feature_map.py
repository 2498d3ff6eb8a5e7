"""A map of texts by their features."""

import matplotlib
import numpy as np
from matplotlib import figure
from matplotlib import markers

from mtl_tf.reporting.plots import scatter
from mtl_tf.utils import display_names as names_lib

# Characters that a line of a legend has room for, below its panel.
_LINE = 52


# Names are as they are: `$` begins no formula.
@matplotlib.rc_context({"text.parse_math": False})
def draw(
    features: np.ndarray, task: np.ndarray, label: np.ndarray
) -> figure.Figure:
    """Draws texts on the two main axes of their features (PCA).

    The titles of the axes say which share of the variance they explain.

    Args:
      features: float32 [texts, width], at least 2 of both.
      task: str [texts], by which the left half is colored.
      label: str [texts], by which the right half is colored.
    """
    points, shares = scatter.project(features)
    # Drawn in random order: else the last task would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    by_task, by_label = scatter.series(task), scatter.series(label)
    rows = max(
        scatter.legend_shape(shown.names, _LINE)[0]
        for shown in (by_task, by_label)
    )
    # Room for the longer legend, so that the panels stay as large.
    picture = figure.Figure(
        figsize=(7.4, 3.7 + 0.175 * rows), layout="constrained"
    )
    axes = picture.subplots(1, 2, sharex=True, sharey=True)
    for axis, title, shown in (
        (axes[0], "by task", by_task),
        (axes[1], "by label", by_label),
    ):
        of_points = shown.of_points[order]
        # What is in the series of all other names is below.
        below = np.argsort(of_points != names_lib.SHOWN, kind="stable")
        _draw_points(axis, points[order][below], shown, of_points[below])
        scatter.draw_legend(axis, shown, _LINE)
        axis.set_title(f"{title}, {shown.note}" if shown.note else title)
        axis.set_xlabel(scatter.axis_name(0, shares))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(scatter.axis_name(1, shares))
    return picture


def _draw_points(axis, points, shown, of_points):
    """Draws all points in one collection, so that no name hides the others.

    Args:
      axis: the axis.
      points: float64 [points, 2].
      shown: the series.
      of_points: int [points], index of each point's series.
    """
    paths = []
    for look in shown.looks:
        marker = markers.MarkerStyle(look["marker"])
        paths.append(marker.get_path().transformed(marker.get_transform()))
    drawn = axis.scatter(
        *points.T,
        s=9,
        color=[shown.looks[number]["color"] for number in of_points],
        alpha=0.6,
        linewidths=0,
        rasterized=True,
    )
    # Points of a look are alike, pixel by pixel: a page with them is smaller.
    drawn.set_snap(True)
    drawn.set_paths([paths[number] for number in of_points])
