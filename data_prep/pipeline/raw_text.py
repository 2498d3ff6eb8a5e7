"""What raw texts need before they are anybody's rows."""

import html
import re

_ENTITY = re.compile(r"&#?\w+;")


def unescape(text: str) -> str:
    """A text with its HTML entities (`&amp;`, `&#39;`) as characters.

    Entities end with a semicolon here: `html.unescape` alone would also take
    the `&not` of `this&nothing` for one.
    """
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)
