"""Findings about the texts of tables, counted row by row."""

import collections
from collections.abc import Iterator

from data_prep.pipeline import findings
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import values as values_lib

_EXAMPLES = 2


class QuotedTexts:
    """Texts of TSV files that were quoted by a writer of CSV.

    Such a writer quotes texts with quotes, which it escapes, or all texts.
    """

    def __init__(self):
        self._num_rows = 0
        self._num_in_quotes = 0
        self._num_with_escapes = 0
        self._has_backslash = False
        # The first rows of each table and split.
        self._in_quotes: dict[tuple[str, str], list[str]] = {}
        self._with_escapes: dict[tuple[str, str], list[str]] = {}

    def add(self, table: str, split: str, row: records.Row) -> None:
        """Adds a row of a TSV file.

        Args:
          table: key of the table.
          split: the split of the row.
          row: the row.
        """
        self._num_rows += 1
        texts = (row.seq1, row.seq2)
        for first in (self._in_quotes, self._with_escapes):
            first.setdefault((table, split), [])
        if any(map(tabular_files.is_quoted, texts)):
            self._num_in_quotes += 1
            _add_first(self._in_quotes[table, split], row.id)
        if any(map(tabular_files.has_marked_quotes, texts)):
            self._num_with_escapes += 1
            _add_first(self._with_escapes[table, split], row.id)
            self._has_backslash |= any('\\"' in text for text in texts)

    def findings(self, task: str) -> Iterator[findings.Finding]:
        """Yields the finding, if there are such texts."""
        count, first = self._num_with_escapes, self._with_escapes
        if self._num_in_quotes == self._num_rows:
            count, first = self._num_in_quotes, self._in_quotes
        if not count:
            return
        hint = ""
        if self._has_backslash:
            hint = (
                '; if \\" is an escaped quote, write the file again with '
                "doubled quotes"
            )
        ids = [row_id for of_split in first.values() for row_id in of_split]
        yield findings.Finding(
            "quotes_in_tsv",
            task,
            count,
            f"{count} of {self._num_rows} rows of TSV files have a text in "
            'quotes as in CSV ("She said ""yes"" to me"), which are kept: set '
            'format = "csv" and delimiter = "\\t" if they do not belong to the '
            f"text{hint}",
            tuple(ids[:_EXAMPLES]),
        )


class MissingValues:
    """Texts that may mean a missing value."""

    def __init__(self):
        self._counts: collections.Counter[str] = collections.Counter()
        self._first: list[str] = []

    def add(self, text: str, row_id: str) -> None:
        """Adds a text of a row."""
        self._counts[text] += 1
        _add_first(self._first, row_id)

    def findings(self, task: str) -> Iterator[findings.Finding]:
        """Yields the finding, if there are such texts."""
        if self._counts:
            yield findings.Finding(
                "looks_absent",
                task,
                self._counts.total(),
                f"{values_lib.describe_absent_looks(self._counts)}; list those "
                "that do in `absent`",
                tuple(self._first),
            )


def _add_first(ids, row_id) -> None:
    if len(ids) < _EXAMPLES:
        ids.append(row_id)
