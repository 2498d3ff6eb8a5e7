"""Premises and hypotheses, `multinli`: MultiNLI (Williams et al., 2018).

seq1 is the premise, seq2 the hypothesis. The labels of the official test set
are not public: the rows of the matched validation set alternate between dev and
test, as in Augenstein et al. (2018). Four releases are supported, all of them
tab-separated with a header, in which quotes are ordinary characters:

- the official .txt files of version 0.9, which the paper uses, and of 1.0, with
  15 columns. Rows whose raters do not agree have the label `-` and are skipped;
- samples of these, `sample_multinli_*.txt`;
- samples of four columns, `mnli_*.tsv`. Three of their premises contain the
  following rows up to the next quote, with parses and labels: these are
  skipped.
"""

import collections

from data_prep.corpora import raw_corpus
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import tasks

LABELS = ("contradiction", "neutral", "entailment")
NO_LABEL = "no gold label"
MERGED_ROWS = "premise contains other rows"
_METRIC = "accuracy"
# Samples have fewer.
_PUBLISHED = {"train": 392702}


def read(
    files: dict[str, str], seed: int = 0, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train` and `validation`.
      seed: ignored: the splits are not random.
      dev_in_train: ignored: dev and test are from one file.

    Raises:
      ValueError: if a row is malformed; the message names file and line.
    """
    del seed, dev_in_train
    all_rows = {role: _read_file(path) for role, path in files.items()}
    raw = raw_corpus.count_rows(
        "multinli",
        files,
        {
            role: [fields["label"] for _, fields in rows]
            for role, rows in all_rows.items()
        },
        _PUBLISHED,
    )
    skipped: collections.Counter[str] = collections.Counter()
    kept = {}
    for role, rows in all_rows.items():
        reasons = [_reason_to_skip(x) for _, x in rows]
        skipped.update(filter(None, reasons))
        kept[role] = [
            row
            for row, reason in zip(rows, reasons, strict=True)
            if reason is None
        ]
    rows_by_split = {
        "train": kept["train"],
        "dev": kept["validation"][::2],
        "test": kept["validation"][1::2],
    }
    return source.TaskRows(
        tasks.Task("multinli", LABELS, _METRIC, pair=True),
        {
            split: [
                records.Row(
                    f"multinli-{split}-{line}", x["seq1"], x["seq2"], x["label"]
                )
                for line, x in rows
            ]
            for split, rows in rows_by_split.items()
        },
        skipped=dict(skipped),
        raw=raw,
    )


def _read_file(path) -> list[tuple[int, dict[str, str]]]:
    """Reads the line number and fields of each row."""
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
    # The root of a parse in the tokenized samples.
    if "( ROOT (" in fields["seq1"]:
        return MERGED_ROWS
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
