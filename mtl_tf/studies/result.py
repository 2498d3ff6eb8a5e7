"""The result of a study: its table, in Python and as text."""

import dataclasses
import typing

if typing.TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a study.

    Attributes:
      rows: the rows of its table, dicts of plain values with the same keys.
      text: what the command prints: the scores, and the paths of the files.
    """

    rows: list[dict]
    text: str

    def to_frame(self) -> "list[dict] | pandas.DataFrame":
        """Returns the rows as a `pandas.DataFrame`, or as a list without it."""
        try:
            import pandas
        except ImportError:
            return self.rows
        return pandas.DataFrame(self.rows)
