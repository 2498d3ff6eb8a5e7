"""A map of texts by their features."""

from collections.abc import Mapping

import numpy as np
from matplotlib import figure
from matplotlib import markers

from mtl_tf.reporting.plots import scatter
from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

# Number of characters that fit in a line of a legend.
_LEGEND_CHARACTERS = 66
# Size of a panel without its legend, in inches.
_WIDTH, _HEIGHT = 5.4, 3.9


def draw(
    features: np.ndarray, names: Mapping[str, np.ndarray]
) -> figure.Figure:
    """Draws texts on the two principal axes of their features.

    The axis titles contain the share of explained variance.

    Args:
      features: float32 [texts, hidden_size], at least 2 of both.
      names: str [texts], tasks or labels, by title of the panel that they
        color.
    """
    points, shares = scatter.project(features)
    # In random order, since the last task would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    by_title = {
        title: scatter.make_series(of_texts)
        for title, of_texts in names.items()
    }
    rows = max(
        scatter.legend_shape(series.names, _LEGEND_CHARACTERS)[0]
        for series in by_title.values()
    )
    with style.context():
        # The height grows with the longer legend, not the panels shrink.
        picture = figure.Figure(
            figsize=(_WIDTH * len(names), _HEIGHT + 0.175 * rows),
            layout="constrained",
        )
        axes = picture.subplots(
            1, len(names), sharex=True, sharey=True, squeeze=False
        )[0]
        for axis, (title, series) in zip(axes, by_title.items(), strict=True):
            of_points = series.of_points[order]
            # Points of the remaining names are drawn first.
            first = np.argsort(of_points != names_lib.SHOWN, kind="stable")
            _draw_points(axis, points[order][first], series, of_points[first])
            scatter.draw_legend(axis, series, _LEGEND_CHARACTERS)
            axis.set_title(
                f"{title}, {series.note}" if series.note else title, loc="left"
            )
            axis.set_xlabel(scatter.axis_title(0, shares))
        axes[0].set_ylabel(scatter.axis_title(1, shares))
    return picture


def _draw_points(axis, points, series, of_points):
    """Draws points of all series in one collection, to keep their order.

    Args:
      axis: the axis.
      points: float64 [points, 2].
      series: names and looks.
      of_points: int [points], index of each point's series.
    """
    paths = []
    for look in series.looks:
        marker = markers.MarkerStyle(look.marker)
        paths.append(marker.get_path().transformed(marker.get_transform()))
    collection = axis.scatter(
        *points.T,
        s=9,
        color=[series.looks[index].color for index in of_points],
        alpha=0.6,
        linewidths=0,
        rasterized=True,
    )
    # Equal points have equal pixels, which compress better.
    collection.set_snap(True)
    collection.set_paths([paths[index] for index in of_points])
