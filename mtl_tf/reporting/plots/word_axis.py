"""An axis of the words of a text."""

import math
from collections.abc import Sequence

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

# Inches: for a word, next to all words, and the limits of a picture's width.
_WORD_WIDTH, _MARGIN = 0.36, 1.5
_MIN_WIDTH, _MAX_WIDTH = 5.0, 40.0
# Least distance of two slanted words.
_DISTANCE = 0.24
# Maximum number of characters of a word.
_CHARACTERS = 16


def width(num_words: int) -> float:
    """Returns the width of a picture, in inches."""
    return min(max(_MIN_WIDTH, _WORD_WIDTH * num_words + _MARGIN), _MAX_WIDTH)


def draw(axis, words: Sequence[str], unknown: Sequence[bool]) -> None:
    """Writes words below an axis, those out of vocabulary in gray.

    Args:
      axis: an axis whose x coordinate of the first word is 0, of the next 1.
      words: the words.
      unknown: whether each is out of vocabulary.
    """
    # Only some words of a long text: all of them would overlap.
    room = width(len(words)) - _MARGIN
    step = math.ceil(len(words) * _DISTANCE / room)
    short = names_lib.shorten(words, _CHARACTERS)
    axis.set_xticks(
        range(0, len(words), step),
        [short[word] for word in words[::step]],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    for label, is_unknown in zip(
        axis.get_xticklabels(), unknown[::step], strict=True
    ):
        label.set_color(style.DARK_GRAY if is_unknown else style.BLACK)
    axis.set_xlim(-0.5, len(words) - 0.5)


def note(unknown: Sequence[bool]) -> str:
    """Explains the gray words; empty without any."""
    return "gray: not in the vocabulary" if any(unknown) else ""
