"""Dev scores of the trials of a sweep against each setting."""

import dataclasses
import math
from collections.abc import Sequence

from matplotlib import figure
from matplotlib import ticker

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

_COLUMNS = 3
_LONGEST_VALUE = 16
# Values of a list whose names fit side by side.
_MAX_LEVEL = 4


@dataclasses.dataclass(frozen=True)
class Setting:
    """A searched setting and its value in each trial.

    Attributes:
      name: the setting.
      values: numbers, or indices into `choices`.
      choices: names of the values; empty for a range of numbers.
      log: whether its axis is logarithmic.
    """

    name: str
    values: Sequence[float]
    choices: Sequence[str] = ()
    log: bool = False


@style.context()
def draw(
    settings: Sequence[Setting],
    scores: Sequence[float],
    colors: Sequence[str],
    urls: Sequence[str],
    score_name: str,
) -> figure.Figure:
    """Draws the dev scores against each setting.

    Args:
      settings: the settings, with the values of all trials.
      scores: dev scores of the trials.
      colors: colors of the trials.
      urls: link of each trial.
      score_name: label of the axis of scores.
    """
    columns = min(_COLUMNS, len(settings))
    rows = math.ceil(len(settings) / columns)
    picture = figure.Figure(
        figsize=(3.4 * columns, 2.9 * rows), layout="constrained"
    )
    axes = picture.subplots(rows, columns, squeeze=False, sharey=True)
    for axis in axes.flat[len(settings) :]:
        axis.set_visible(False)
    for axis, setting in zip(axes.flat, settings, strict=False):
        points = axis.scatter(
            setting.values, scores, c=colors, s=26, alpha=0.85, linewidths=0
        )
        points.set_urls(urls)
        axis.set_xlabel(setting.name)
        axis.spines[["top", "right"]].set_visible(False)
        # Shared axes hide the labels above an empty place in the last row.
        axis.tick_params(labelbottom=True)
        if setting.choices:
            shown = [
                names_lib.ellipsize(x, _LONGEST_VALUE) for x in setting.choices
            ]
            tilted = len(shown) > _MAX_LEVEL or sum(map(len, shown)) > 2 * (
                _LONGEST_VALUE
            )
            axis.set_xticks(
                range(len(shown)),
                shown,
                rotation=30 if tilted else 0,
                ha="right" if tilted else "center",
            )
            axis.set_xlim(-0.5, len(shown) - 0.5)
        elif setting.log:
            axis.set_xscale("log")
            # Powers of ten are formulas by default, and `$` is text here.
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    for row in axes:
        row[0].set_ylabel(score_name)
    return picture
