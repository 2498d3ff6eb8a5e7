"""Curves by epoch, with their names at their ends instead of a legend."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import axes
from matplotlib import ticker
from sklearn import isotonic

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

# Prefix of the ids of lines in an SVG; the rest is the name of the curve.
ID_PREFIX = "curve: "
# In inches: height of a line of text, and of what surrounds a panel's axes.
_TEXT_HEIGHT, _MARGINS = 0.16, 0.9
_MIN_HEIGHT = 3.3
_NAME_LENGTH = 28
# Positions of names, as multiples of the width of the axes.
_NAME_POSITION = 1.07


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve by epoch.

    Attributes:
      name: its name.
      values: values by epoch, at least one.
      look: color and style of its line.
      width: width of its line.
    """

    name: str
    values: Mapping[int, float]
    look: style.Look
    width: float = 1.3


def by_epoch(values: Sequence[float]) -> dict[int, float]:
    """Maps epochs, which start at 1, to values."""
    return dict(enumerate(values, start=1))


def make_curves(values: Mapping[str, Mapping[int, float]]) -> list[Curve]:
    """Makes curves with distinct looks.

    Args:
      values: values by epoch, by name of the curve.
    """
    return [
        Curve(name, of_curve, style.look(index))
        for index, (name, of_curve) in enumerate(values.items())
    ]


def height(num_curves: int) -> float:
    """Returns the height of a panel, in inches, that names have room in."""
    return max(_MIN_HEIGHT, _MARGINS + _TEXT_HEIGHT * num_curves)


def draw(
    axis: axes.Axes, title: str, curves: Sequence[Curve], scale: str = "data"
) -> None:
    """Draws curves in a panel, with their names to the right.

    Args:
      axis: an empty axis.
      title: title of the panel.
      curves: the curves, at least one.
      scale: `data` (the range of the values), `zero` (from 0) or `log`, which
        leaves out values that are not positive.
    """
    axis.set_title(title, loc="left")
    if scale == "log":
        curves = _positive(curves)
    for curve in curves:
        (line,) = axis.plot(
            list(curve.values),
            list(curve.values.values()),
            color=curve.look.color,
            linestyle=curve.look.linestyle,
            linewidth=curve.width,
            # At the end, and for a single point, which has no line.
            marker="o",
            markersize=3,
            markevery=[-1],
            clip_on=False,
            label=curve.name,
        )
        line.set_gid(f"{ID_PREFIX}{names_lib.visible(curve.name)}")
    if scale == "zero":
        axis.set_ylim(bottom=0)
    elif scale == "log":
        axis.set_yscale("log")
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(
        ticker.MaxNLocator(integer=True, min_n_ticks=1)
    )
    if curves:
        last = max(max(curve.values) for curve in curves)
        first = min(min(curve.values) for curve in curves)
        axis.set_xlim(first, max(last, first + 1))
        _draw_names(axis, curves)


def _positive(curves):
    """Leaves out values that a logarithmic scale does not have."""
    positive = [
        dataclasses.replace(
            curve, values={x: y for x, y in curve.values.items() if y > 0}
        )
        for curve in curves
    ]
    return [curve for curve in positive if curve.values]


def _draw_names(axis, curves):
    """Writes the names of curves, connected to their last points."""
    short = names_lib.shorten([x.name for x in curves], _NAME_LENGTH)
    ends = [list(curve.values.items())[-1] for curve in curves]
    last = max(epoch for epoch, _ in ends)
    # Limits must not change, as positions are relative to them.
    axis.set_ylim(axis.get_ylim())
    to_axes = axis.transData + axis.transAxes.inverted()
    heights = spread(
        to_axes.transform(ends)[:, 1],
        _TEXT_HEIGHT / (height(len(curves)) - _MARGINS),
    )
    for curve, end, at in zip(curves, ends, heights, strict=True):
        axis.annotate(
            short[curve.name],
            end,
            (_NAME_POSITION, at),
            textcoords="axes fraction",
            fontsize=8.5,
            fontweight="bold" if curve.width > 2 else "normal",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": curve.look.color,
                "linestyle": curve.look.linestyle,
                "linewidth": 0.9,
                # A curve that ends early must not seem to continue.
                "alpha": 1 if end[0] == last else 0.3,
                "shrinkA": 0,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def spread(positions: np.ndarray, gap: float) -> np.ndarray:
    """Moves positions apart, each as little as possible.

    The result minimizes the sum of squared distances to the positions, keeps
    their order, and lies between 0 and 1 if that range has room for all.

    Args:
      positions: float64 [names].
      gap: the least distance of two positions.

    Returns:
      The new positions, float64 [names].
    """
    order = np.argsort(positions, kind="stable")
    # Without the gaps, the new positions only have to be in order.
    gaps = gap * np.arange(len(positions))
    moved = isotonic.isotonic_regression(
        positions[order] - gaps,
        y_min=0,
        y_max=max(0, 1 - gaps[-1]),
    )
    result = np.empty(len(positions))
    result[order] = moved + gaps
    return result
