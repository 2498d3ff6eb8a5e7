"""Findings: problems of a corpus that its user should know about.

`checks` and the readers find them. They are recorded in `corpus.json`, logged
when the corpus is prepared, and printed by `--inspect`.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

# By kind, what `count` of a finding counts, for lines about several tasks.
KINDS = {
    "few_train_rows": "few training rows",
    "one_label_in_train": "training rows that all have one label",
    "labels_not_in_train": "labels without a training row, never learned",
    "labels_not_scored": "labels of train without a row in dev or test",
    "conflicts_in_train": "texts of train with several labels",
    "conflicts_with_train": ("test rows whose text has another label in train"),
    "test_in_other_train": ("test rows whose text is in train of another task"),
    "seq2_in_train": (
        "dev and test rows whose seq2 is in train, with another seq1"
    ),
    "unlabeled_is_scored": "dev and test rows that are also unlabeled texts",
    "quotes_in_tsv": "texts of TSV files that are quoted as in CSV",
    "looks_absent": "values such as nan or NULL that are kept as texts",
    "no_blanks": "texts without blanks between words",
    "unknown_words": "unknown words in dev and test",
}
MAX_LINES = 12


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem of a task's data.

    Attributes:
      kind: one of `KINDS`.
      task: name of the task.
      count: number of rows, or of what `KINDS` names.
      message: description with counts.
      examples: ids of at most two rows that show the problem.
      by_task: counts by other task, if the finding involves other tasks.
    """

    kind: str
    task: str
    count: int
    message: str
    examples: tuple[str, ...] = ()
    by_task: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping) -> "Finding":
        """Restores a finding from the result of `to_json`."""
        return cls(**{**value, "examples": tuple(value["examples"])})

    def to_json(self) -> dict:
        """Converts the finding to JSON values, for `corpus.json`."""
        return {**dataclasses.asdict(self), "examples": list(self.examples)}


def summarize(corpus_findings: Sequence[Finding]) -> list[str]:
    """Formats findings, one per line, or one line per kind if there are many.

    Args:
      corpus_findings: the findings of a corpus.

    Returns:
      At most `MAX_LINES` lines, or one line for each of `KINDS`.
    """
    if len(corpus_findings) <= MAX_LINES:
        return [f"task {x.task}: {x.message}" for x in corpus_findings]
    lines = []
    for kind, title in KINDS.items():
        of_kind = [x for x in corpus_findings if x.kind == kind]
        if len(of_kind) == 1:
            lines.append(f"task {of_kind[0].task}: {of_kind[0].message}")
        elif of_kind:
            most = max(of_kind, key=lambda x: x.count)
            total = sum(x.count for x in of_kind)
            lines.append(
                f"{len(of_kind)} tasks: {title}: {total:,}, most of them in "
                f"{most.task} ({most.count:,})"
            )
    return lines


def listed(names: Iterable[str], most: int = 3) -> str:
    """Joins names, of which at most `most` are written out."""
    names = list(names)
    more = len(names) - most
    if more <= 0:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {more} more"
