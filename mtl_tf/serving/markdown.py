"""Markdown: tables, and text without markup."""

import re
from collections.abc import Iterable, Sequence

from mtl_tf.utils import display_names


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Iterable[int] = (),
) -> str:
    """Formats a table.

    Args:
      heads: column heads.
      rows: rows of cells, escaped.
      numeric: indices of columns of numbers, which are aligned to the right.
    """
    numeric = set(numeric)
    rule = ["---:" if n in numeric else "---" for n in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rule, *rows))


def escape(text: str) -> str:
    """Escapes characters with a meaning in Markdown, its tables and HTML."""
    # Underscores within words have none.
    return re.sub(
        r"[\\`*{}\[\]<>|~&$]|(?<!\w)_|_(?!\w)",
        r"\\\g<0>",
        display_names.visible(" ".join(text.split())),
    )
