"""Colors and fonts of all figures."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import matplotlib

# The color-blind safe palette of Okabe & Ito, and brown in place of its yellow,
# which is too light for lines.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072b2", "#e69f00", "#009e73"
RED, PURPLE, SKY, BROWN = "#d55e00", "#cc79a7", "#56b4e9", "#8b5e3c"
GRAY, DARK_GRAY = "#bbbbbb", "#777777"
# Colors of curves and series, in order. Black is for averages.
COLORS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, BROWN)
LINE_STYLES = ("-", "--", ":", "-.")

# Colors of a page in dark mode, by color in light mode. Figures have no other
# colors.
DARK = {
    BLACK: "#dde3e8",
    BLUE: "#4aa3df",
    ORANGE: "#f0b429",
    GREEN: "#2fc49a",
    RED: "#f0803c",
    PURPLE: "#e39cc3",
    SKY: "#9fd6f7",
    BROWN: "#c49a6c",
    GRAY: "#5d666f",
    DARK_GRAY: "#98a2ab",
}


@contextlib.contextmanager
def context() -> Iterator[None]:
    """Makes the context to draw in, with the fonts of all figures.

    It may also decorate a function that draws.
    """
    with matplotlib.rc_context(
        {
            # `$` in names is text.
            "text.parse_math": False,
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        yield


class Look(NamedTuple):
    """Color and style of a line."""

    color: str
    linestyle: str


def look(index: int) -> Look:
    """Returns the look of a curve.

    Lines are solid as long as there are enough colors. The looks of 28 curves
    are distinct.

    Args:
      index: index of the curve.
    """
    style, color = divmod(index, len(COLORS))
    return Look(COLORS[color], LINE_STYLES[style % len(LINE_STYLES)])
