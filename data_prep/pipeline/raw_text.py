"""Clean-up of raw texts."""

import html
import re

_ENTITY = re.compile(r"&#?\w+;")


def unescape(text: str) -> str:
    """Replaces HTML entities (`&amp;`, `&#39;`) by their characters.

    An entity must end with a semicolon: `html.unescape` alone would also
    replace the `&not` of `this&nothing`.
    """
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)
