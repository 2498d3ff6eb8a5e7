"""A map of texts by their features."""

import matplotlib
import numpy as np
from matplotlib import figure

from mtl_tf import figures
from mtl_tf import scatter

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
      task: str [texts], by which the left half is coloured.
      label: str [texts], by which the right half is coloured.
    """
    points, shares = scatter.project(features)
    # Drawn in random order: else the last task would hide the others.
    order = np.random.default_rng(0).permutation(len(points))
    rows = max(
        scatter.legend_shape(scatter.kinds(names.tolist()), _LINE)[0]
        for names in (task, label)
    )
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
        axis.set_xlabel(scatter.axis_name(0, shares))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(scatter.axis_name(1, shares))
    return picture


def _draw_points(axis, points, names):
    """Points with a colour and a marker for each name, and their legend."""
    kinds = scatter.kinds(names.tolist())
    # A marker has one call. So that no name lies above all others, each is
    # drawn in pieces, in turns.
    pieces = 8
    for piece in range(pieces):
        for number, (kind, short) in enumerate(kinds.items()):
            chosen = points[piece::pieces][names[piece::pieces] == kind]
            axis.scatter(
                *chosen.T,
                s=9,
                **scatter.look(number),
                alpha=0.6,
                linewidths=0,
                rasterized=True,
                label=None if piece else figures.legend_label(short),
            )
    _, columns = scatter.legend_shape(kinds, _LINE)
    scatter.draw_legend(axis, columns)
