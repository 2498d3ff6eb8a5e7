"""Names of tasks and labels, where people read them."""

import itertools
import json
import re
from collections.abc import Iterable

import numpy as np

# As many names as a picture or a table shows; all others are taken together.
SHOWN = 20

# The rest could be taken for two names, or for a name and a number.
_CLEAR = re.compile(r'(?![-+]?[\d.]+(e[-+]?\d+)?$)[^\s,"]+', re.IGNORECASE)


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

    A long name keeps its beginning and its end, with an ellipsis between; where
    another is the same then, a number takes the place of the end.

    Args:
      names: the names.
      length: characters of a short name, at most.
    """
    names = list(dict.fromkeys(names))
    short = {name: name for name in names if len(name) <= length}
    taken = set(short)
    for name in names:
        if name not in short:
            tail = length // 3
            ends = itertools.chain([name[-tail:]], map(str, itertools.count(2)))
            cuts = (f"{name[: length - 1 - len(end)]}…{end}" for end in ends)
            short[name] = next(cut for cut in cuts if cut not in taken)
            taken.add(short[name])
    return short


def quote(name: str) -> str:
    """A name as it is where it is clear in a list of counts, else as JSON.

    Clear is what holds no blank, comma or quotation mark and is no number:
    `say "hi", twice 16, 7 4` could be read in several ways.
    """
    if _CLEAR.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=False)
