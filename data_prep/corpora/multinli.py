"""Premises and hypotheses, `multinli`: MultiNLI (Williams et al., 2018).

seq1 is the premise, seq2 the hypothesis. Labels of the official test set are
not public: of the rows of the matched validation set every other one is dev,
the rest test, as in Augenstein et al. (2018). Four forms are read, all of them
tab-separated with a header, quotes being characters like others:

- the official .txt files of version 0.9, which the paper uses, and of 1.0, with
  15 columns. Rows whose raters agree on no label have `-` and are left out;
- samples of these, `sample_multinli_*.txt`;
- samples of four columns, `mnli_*.tsv`. Three of their premises have swallowed
  the rows after them, up to the next quote, parses and labels and all: those
  are left out.
"""

import collections

from data_prep.corpora import raw_corpus
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import tasks

LABELS = ("contradiction", "neutral", "entailment")
NO_LABEL = "no gold label"
SWALLOWED = "premise holds other rows"
_METRIC = "accuracy"
# Less is a sample.
_PUBLISHED = {"train": 392702}


def read(
    files: dict[str, str], seed: int = 0, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train` and `validation`.
      seed: not looked at, for nothing is drawn.
      dev_in_train: not looked at: dev and test are cut from one file.

    Raises:
      ValueError: if a row is malformed, with file and line.
    """
    del seed, dev_in_train
    found = {part: _read_file(path) for part, path in files.items()}
    raw = raw_corpus.count_rows(
        "multinli",
        files,
        {part: [x["label"] for _, x in rows] for part, rows in found.items()},
        _PUBLISHED,
    )
    skipped, kept = collections.Counter(), {}
    for part, rows in found.items():
        reasons = [_reason_to_skip(x) for _, x in rows]
        skipped.update(filter(None, reasons))
        kept[part] = [
            row
            for row, reason in zip(rows, reasons, strict=True)
            if reason is None
        ]
    parts = {
        "train": kept["train"],
        "dev": kept["validation"][::2],
        "test": kept["validation"][1::2],
    }
    return source.TaskRows(
        tasks.Task("multinli", LABELS, _METRIC, pair=True),
        {
            split: [
                records.Row(f"multinli-{split}-{line}", **x) for line, x in rows
            ]
            for split, rows in parts.items()
        },
        skipped=dict(skipped),
        raw=raw,
    )


def _read_file(path) -> list[tuple[int, dict[str, str]]]:
    """Line number and fields of each row."""
    label = "label" if path.endswith(".tsv") else "gold_label"
    columns = {"seq1": "sentence1", "seq2": "sentence2", "label": label}
    rows = []
    for record in filter(None, tabular_files.read(path, "tsv", columns)):
        values = {name: x.strip() for name, x in record.values.items()}
        if values["label"] not in (*LABELS, "-"):
            raise ValueError(
                f"{record.where}: expected a label ({', '.join(LABELS)}, or - "
                f"for none), got {values['label']!r}"
            )
        rows.append((record.line, values))
    return rows


def _reason_to_skip(fields) -> str | None:
    if fields["label"] == "-":
        return NO_LABEL
    # How the tokenized samples write the root of a parse.
    if "( ROOT (" in fields["seq1"]:
        return SWALLOWED
    return None


def _release(train, validation) -> dict[str, str]:
    return {"train": train, "validation": validation}


CORPORA = (
    raw_corpus.RawCorpus(
        "multinli",
        (
            _release("multinli_0.9_train.txt", "multinli_0.9_dev_matched.txt"),
            _release("multinli_1.0_train.txt", "multinli_1.0_dev_matched.txt"),
            _release("mnli_train.tsv", "mnli_val.tsv"),
            _release("sample_multinli_train.txt", "sample_multinli_dev.txt"),
        ),
        "the authors of MultiNLI at New York University, multinli_1.0.zip",
        "Mostly the OANC's license; the fiction part CC BY 3.0, CC BY-SA 3.0 "
        "and others.",
        read,
    ),
)
