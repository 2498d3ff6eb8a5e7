"""Tables of studies from Python."""

import typing
from collections.abc import Sequence

if typing.TYPE_CHECKING:
    import pandas


def to_frame(rows: Sequence[dict]) -> "list[dict] | pandas.DataFrame":
    """Returns rows as a `pandas.DataFrame`, or as they are without pandas.

    Args:
      rows: dicts of plain values with the same keys.
    """
    try:
        import pandas
    except ImportError:
        return list(rows)
    return pandas.DataFrame(rows)
