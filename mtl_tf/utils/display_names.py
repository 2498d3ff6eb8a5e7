"""Names and numbers of tasks, labels and others, where people read them."""

import itertools
import json
import re
from collections.abc import Iterable

import numpy as np

# What shows nothing, or changes how its neighbors are shown: control
# characters, line ends, marks of the direction of writing, and what fonts leave
# out.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# Some scripts and emoji need them between or behind two characters; not Latin.
_JOINERS = re.compile("[\u200c\u200d]")
_VARIANTS = re.compile("[\u180b-\u180d\u180f\U000e0100-\U000e01ef]")
_JOINED = re.compile("[^\x00-\u02ff\u180b-\u180f\u2000-\u206f\ufeff]")
# As many names as a picture or a table shows; all others are taken together.
SHOWN = 20

# The rest could be taken for two names, or for a name and a number.
_CLEAR = re.compile(r'(?![-+]?[\d.]+(e[-+]?\d+)?$)[^\s,"]+', re.IGNORECASE)


def visible(text: str, keep: str = "") -> str:
    r"""Returns text on one line in which no character hides or moves others.

    Line ends, control characters, marks of direction and invisible characters
    are spelled as in JSON, such as `\n` and `\u202e`. Within JSON that says the
    same. What scripts and emoji join their characters with stays.

    Args:
      text: the text.
      keep: characters that stay as they are.
    """

    def spell(match):
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
        # JSON leaves DEL as it is.
        return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]

    return _INVISIBLE.sub(spell, text)


def counted(number: float, noun: str) -> str:
    """Returns a number of things: `1 task`, `2 tasks`, `1,000 labels`."""
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def rate(number: float, seconds: float) -> str:
    """Returns how many there are in a second: `0.4`, `7.5`, `1,234`.

    Nothing can be told of no time: `-`.
    """
    if not seconds:
        return "-"
    a_second = number / seconds
    # Two digits of what is small; 9.96 is 10.
    return f"{a_second:.2g}" if a_second < 9.95 else f"{a_second:,.0f}"


def most_frequent(counts: np.ndarray, most: int = SHOWN) -> np.ndarray:
    """Returns the indices of the most frequent names, in the names' order.

    Args:
      counts: int [names], how often there is each of them.
      most: how many, at most. Of names as frequent the first are taken.
    """
    return np.sort(np.argsort(-counts, kind="stable")[:most])


def groups(kept: np.ndarray, count: int) -> np.ndarray:
    """Returns the place of each name among those kept, int [count].

    All other names have the place after them.
    """
    places = np.full(count, len(kept))
    places[kept] = np.arange(len(kept))
    return places


def other(count: int) -> str:
    """Returns what the names that are not shown are called together."""
    return f"other ({count:,})"


def shorten(names: Iterable[str], length: int = 20) -> dict[str, str]:
    """Names that fit into a picture, by name; distinct ones stay distinct.

    They are as `visible` has them. A long name keeps its beginning and its end,
    with an ellipsis between; where another is the same then, it keeps its
    beginning alone, or a number takes the place of the end.

    Args:
      names: the names.
      length: characters of a short name, at most.
    """
    shown = {name: visible(name) for name in names}
    # First those that are shown as they are: they keep their form.
    order = sorted(shown, key=lambda x: (len(shown[x]) > length, shown[x] != x))
    short = {}
    taken = set()
    for name in order:
        whole, tail = shown[name], length // 3
        fits = len(whole) <= length
        numbers = map(str, itertools.count(2))
        # Behind another beginning, a number would seem to belong to the name.
        cut_ends = itertools.chain([whole[-tail:], ""], numbers)
        ends = numbers if fits else cut_ends
        cuts = (f"{whole[: length - 1 - len(end)]}…{end}" for end in ends)
        forms = itertools.chain([whole], cuts) if fits else cuts
        short[name] = next(form for form in forms if form not in taken)
        taken.add(short[name])
    return short


def quote(name: str) -> str:
    """A name as it is where it is clear in a list of counts, else as JSON.

    Clear is what holds no blank, comma, quotation mark or invisible character
    and is no number: `say "hi", twice 16, 7 4` could be read in several ways.
    """
    if _CLEAR.fullmatch(name) and visible(name) == name:
        return name
    return visible(json.dumps(name, ensure_ascii=False))
