"""Names and numbers in the form in which people read them."""

import itertools
import json
import re
from collections.abc import Iterable

import numpy as np

# Characters that are invisible or change how others are shown: control
# characters, line ends, marks of writing direction, and blank letters.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Some scripts and emoji, but not Latin, need them to join or vary characters.
_JOINERS = re.compile("[\u200c\u200d]")
_VARIANTS = re.compile("[\u180b-\u180d\u180f\U000e0100-\U000e01ef]")
_JOINED = re.compile("[^\x00-\u02ff\u180b-\u180f\u2000-\u206f\ufeff]")
# Maximum number of names in a figure or table; others are shown as one.
SHOWN = 20

# Names that cannot be mistaken for two names, or for a name and a number.
_CLEAR = re.compile(r'(?![-+]?[\d.]+(e[-+]?\d+)?$)[^\s,"]+', re.IGNORECASE)


def visible(text: str, keep: str = "") -> str:
    r"""Escapes the characters of a text that are invisible or hide others.

    Line ends, control characters, marks of direction and invisible characters
    are escaped as in JSON, such as `\n` and `\u202e`, so that JSON keeps its
    meaning. Joiners of scripts and emoji are kept.

    Args:
      text: the text.
      keep: characters that are not escaped.

    Returns:
      The text on one line.
    """

    def escape(match):
        character = match.group()
        before = text[max(0, match.start() - 1) : match.start()]
        after = text[match.end() : match.end() + 1]
        if character in keep or (
            _JOINED.match(before)
            and (
                _VARIANTS.match(character)
                or (_JOINERS.match(character) and _JOINED.match(after))
            )
        ):
            return character
        # JSON does not escape DEL.
        return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]

    return _INVISIBLE.sub(escape, text)


def ellipsize(text: str, length: int) -> str:
    """Cuts a text after some characters, and marks the cut with dots."""
    return text if len(text) <= length else f"{text[:length]}..."


def counted(number: float, noun: str) -> str:
    """Formats a number of things: `1 task`, `2 tasks`, `1,000 labels`."""
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def rate(number: float, seconds: float) -> str:
    """Formats a rate per second: `0.4`, `7.5`, `1,234`; `-` for no time."""
    if not seconds:
        return "-"
    per_second = number / seconds
    # Two digits of small rates; 9.96 rounds to 10.
    return f"{per_second:.2g}" if per_second < 9.95 else f"{per_second:,.0f}"


def most_frequent(counts: np.ndarray, most: int = SHOWN) -> np.ndarray:
    """Returns the indices of the most frequent names, in the names' order.

    Args:
      counts: int [names], frequency of each name.
      most: maximum number of indices; ties are broken by order.
    """
    return np.sort(np.argsort(-counts, kind="stable")[:most])


def groups(kept: np.ndarray, count: int) -> np.ndarray:
    """Returns the position of each name among those kept, int [count].

    All other names share the position after the last one.
    """
    positions = np.full(count, len(kept))
    positions[kept] = np.arange(len(kept))
    return positions


def other(count: int) -> str:
    """Returns the common name of the names that are not shown."""
    return f"other ({count:,})"


def shorten(names: Iterable[str], length: int = 20) -> dict[str, str]:
    """Shortens names to fit into a figure; distinct names stay distinct.

    Names are escaped by `visible`. A long name keeps its start and its end,
    with an ellipsis between them; if that form is taken, it keeps its start
    alone, or a number replaces the end.

    Args:
      names: the names.
      length: maximum number of characters of a short name.

    Returns:
      Short names by name.
    """
    shown = {name: visible(name) for name in names}
    # Names that need no change come first and keep their form.
    order = sorted(shown, key=lambda x: (len(shown[x]) > length, shown[x] != x))
    short = {}
    used = set()
    for name in order:
        full, tail = shown[name], length // 3
        fits = len(full) <= length
        numbers = map(str, itertools.count(2))
        # After a start alone, a number would seem to be part of the name.
        cut_ends = itertools.chain([full[-tail:], ""], numbers)
        ends = numbers if fits else cut_ends
        cuts = (f"{full[: length - 1 - len(end)]}…{end}" for end in ends)
        forms = itertools.chain([full], cuts) if fits else cuts
        short[name] = next(form for form in forms if form not in used)
        used.add(short[name])
    return short


def quote(name: str) -> str:
    """Quotes a name as JSON, unless it is clear in a list of counts.

    A clear name has no blank, comma, quotation mark or invisible character and
    is not a number: `say "hi", twice 16, 7 4` could be read in several ways.
    """
    if _CLEAR.fullmatch(name) and visible(name) == name:
        return name
    return visible(json.dumps(name, ensure_ascii=False))
