"""Suggestions for a misspelled name."""

import difflib
from collections.abc import Iterable

from mtl_tf.utils import display_names as names_lib


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean A, B?)` for an error message, or nothing."""
    close = difflib.get_close_matches(str(word), list(known), n=3, cutoff=0.5)
    shown = ", ".join(map(names_lib.visible, close))
    return f" (did you mean {shown}?)" if close else ""
