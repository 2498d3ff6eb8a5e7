"""The scatter plot of inter-task affinities and gains."""

from collections.abc import Sequence

from matplotlib import figure

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

_MARKERS = "osD^vP*X"


def draw(
    affinities: Sequence[float],
    gains: Sequence[float],
    main_tasks: Sequence[str],
) -> figure.Figure:
    """Draws a point for each pair of a main and an auxiliary task.

    Args:
      affinities: inter-task affinity of each pair.
      gains: gain in points of each pair.
      main_tasks: the main task of each pair.
    """
    names = list(dict.fromkeys(main_tasks))
    short = names_lib.shorten(names)
    with style.context():
        picture = figure.Figure(figsize=(7.4, 3.8), layout="constrained")
        axis = picture.subplots()
        for index, name in enumerate(names):
            rows = [row for row, task in enumerate(main_tasks) if task == name]
            axis.plot(
                [100 * affinities[row] for row in rows],
                [gains[row] for row in rows],
                _MARKERS[index % len(_MARKERS)],
                color=style.COLORS[index % len(style.COLORS)],
                label=short[name],
            )
        for line in (axis.axhline, axis.axvline):
            line(0, color=style.GRAY, linewidth=0.8, zorder=0)
        axis.set_xlabel("affinity (%)")
        axis.set_ylabel("gain on dev (points)")
        picture.legend(
            title="main task", frameon=False, loc="outside right upper"
        )
    return picture
