"""Suggestions for misspelled names."""

import difflib
import json
import re
from collections.abc import Iterable

from mtl_tf.utils import display_names as names_lib


def nearest(word: str, known: Iterable[str]) -> str:
    """Returns ` (did you mean A, B?)` for an error message, or "".

    Case is ignored. Numbers have no suggestions: 14 is not a misspelled 13.
    """
    word = str(word).casefold().strip()
    if re.fullmatch(r"[-+]?[\d.]+", word):
        return ""
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(str(name).casefold().strip(), name)
    close = difflib.get_close_matches(word, by_fold, n=3, cutoff=0.5)
    shown = ", ".join(_show(by_fold[name]) for name in close)
    return f" (did you mean {shown}?)" if close else ""


def _show(name):
    # Blanks at its ends would be invisible.
    if name != name.strip():
        return names_lib.visible(json.dumps(name, ensure_ascii=False))
    return names_lib.visible(name)
