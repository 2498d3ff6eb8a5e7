"""Learning curves: scores by number of labeled training examples."""

import dataclasses
from collections.abc import Sequence

from matplotlib import axes
from matplotlib import figure

from mtl_tf.reporting.plots import style

# In inches.
_WIDTH, _HEIGHT = 5.4, 3.6
_PANEL_WIDTH, _PANEL_HEIGHT = 3.6, 2.7
_COLUMNS, _LEGEND_COLUMNS = 2, 3


@dataclasses.dataclass(frozen=True)
class Curve:
    """The scores of a model by training size.

    Attributes:
      name: name of the model.
      scores: scores by training size, in ascending order of the sizes.
      lows: lower ends of their intervals.
      highs: upper ends of their intervals.
    """

    name: str
    scores: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]


def draw(
    panels: Sequence[tuple[str, Sequence[Curve]]],
    sizes: Sequence[str],
    label: str,
) -> figure.Figure:
    """Draws learning curves, one panel or a grid of them.

    Training sizes are equally spaced, since each is usually a multiple of the
    one before.

    Args:
      panels: titles and curves; the same models in each.
      sizes: training sizes in words, as many as scores.
      label: label of the axis of scores.
    """
    columns = min(_COLUMNS, len(panels))
    num_rows = -(-len(panels) // columns)
    size = (_WIDTH, _HEIGHT)
    if len(panels) > 1:
        size = (_PANEL_WIDTH * columns, _PANEL_HEIGHT * num_rows)
    with style.context():
        picture = figure.Figure(figsize=size, layout="constrained")
        grid = picture.subplots(num_rows, columns, squeeze=False)
        for axis, (title, curves) in zip(grid.flat, panels, strict=False):
            _draw_panel(axis, title, curves, sizes)
        for axis in grid.flat[len(panels) :]:
            axis.set_axis_off()
        for row in grid:
            row[0].set_ylabel(label)
        handles, names = grid[0, 0].get_legend_handles_labels()
        picture.legend(
            handles,
            names,
            loc="outside upper left",
            ncols=_LEGEND_COLUMNS,
            frameon=False,
        )
    return picture


def _draw_panel(axis: axes.Axes, title, curves, sizes):
    """Draws the curves of a panel with their intervals."""
    axis.set_title(title, loc="left")
    positions = range(len(sizes))
    # Intervals side by side, as they would hide each other.
    step = 0.06
    for index, curve in enumerate(curves):
        look = style.look(index)
        shift = step * (index - (len(curves) - 1) / 2)
        axis.errorbar(
            [x + shift for x in positions],
            curve.scores,
            yerr=[
                [
                    s - low
                    for s, low in zip(curve.scores, curve.lows, strict=True)
                ],
                [h - s for s, h in zip(curve.scores, curve.highs, strict=True)],
            ],
            color=look.color,
            linestyle=look.linestyle,
            linewidth=1.6,
            elinewidth=1,
            marker="o",
            markersize=4,
            label=curve.name,
        )
    axis.set_xticks(list(positions), sizes)
    axis.set_xlabel("labeled examples")
