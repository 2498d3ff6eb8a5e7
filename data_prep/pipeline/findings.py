"""Findings: what is odd about a corpus, for its user to know.

`checks` finds them, `corpus.json` keeps them, and they are logged when a corpus
is prepared, and shown by `--inspect`.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

# By kind: what `rows` of a finding counts, where many tasks share a line.
KINDS = {
    "few_train_rows": "few training rows",
    "one_label_in_train": "training rows that all have one label",
    "labels_not_in_train": "labels without a training row, never learned",
    "labels_not_scored": "labels of train without a row in dev or test",
    "conflicts_in_train": "texts of train that have several labels",
    "conflicts_with_train": ("test rows whose text has another label in train"),
    "test_in_other_train": ("test rows whose text is in train of another task"),
    "seq2_in_train": (
        "dev and test rows whose seq2 is in train, with another seq1"
    ),
    "unlabeled_is_scored": "dev and test rows that are unlabeled texts, too",
    "quotes_in_tsv": "texts of TSV files in quotes, as CSV has them",
    "looks_absent": "values such as nan or NULL, kept as texts",
    "no_blanks": "texts without blanks between words",
    "unknown_words": "unknown words in dev and test",
}
MOST_LINES = 12


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something odd about a task.

    Attributes:
      kind: one of `KINDS`.
      task: name of the task.
      count: how many there are: rows, or what `KINDS` names.
      message: the finding in words, with its counts.
      examples: ids of rows that show it, two at most.
      by_task: counts by other tasks, where the finding is about these.
    """

    kind: str
    task: str
    count: int
    message: str
    examples: tuple[str, ...] = ()
    by_task: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping) -> "Finding":
        """Returns the finding that `to_json` made this of."""
        return cls(**{**value, "examples": tuple(value["examples"])})

    def to_json(self) -> dict:
        """Returns the finding as JSON values, for `corpus.json`."""
        return {**dataclasses.asdict(self), "examples": list(self.examples)}


def summarize(found: Sequence[Finding]) -> list[str]:
    """Returns a line for each finding, or for each kind if there are many.

    Args:
      found: the findings of a corpus.

    Returns:
      At most a line for each of `KINDS`, or `MOST_LINES` lines.
    """
    if len(found) <= MOST_LINES:
        return [f"task {x.task}: {x.message}" for x in found]
    lines = []
    for kind, title in KINDS.items():
        same = [x for x in found if x.kind == kind]
        if len(same) == 1:
            lines.append(f"task {same[0].task}: {same[0].message}")
        elif same:
            most = max(same, key=lambda x: x.count)
            lines.append(
                f"{len(same)} tasks: {title}: {sum(x.count for x in same):,}, "
                f"most of them in {most.task} ({most.count:,})"
            )
    return lines


def listed(names: Iterable[str], most: int = 3) -> str:
    """Returns names in a row, of which at most some are written out."""
    names = list(names)
    more = len(names) - most
    if more <= 0:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {more} more"
