"""Tweets for or against a target, `stance`: SemEval-2016 Task 6.

seq1 is the target, seq2 the tweet. The test target, Donald Trump, is in no
training file (subtask B); dev has the tweets about Hillary Clinton, train those
about the other four targets. Two releases have the same tweets:

- `StanceDataset`: train.csv and test.csv, with 100 trial tweets in addition to
  2,814 training tweets. Lines end with a bare carriage return.
- The files of the task, tab-separated, in which quotes are ordinary characters
  and often unbalanced.

Tweets are ASCII, except for two that are garbled in every copy: their other
bytes become U+FFFD and are counted. The test tweets of subtask A, about the
targets of train and dev, are skipped.

The research code of Augenstein et al. (2018) also trains on the dev rows, as
does `dev_in_train`; then dev scores are training scores, and early stopping
does not work.
"""

import csv
import dataclasses
import io
import itertools
from collections.abc import Iterator

from data_prep.corpora import raw_corpus
from data_prep.pipeline import source
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import records
from mtl_tf.data import tasks

DEV_TARGET = "Hillary Clinton"
TEST_TARGET = "Donald Trump"
SUBTASK_A = "test row of subtask A"
_LABELS = {"AGAINST": "against", "NONE": "none", "FAVOR": "favor"}
_METRIC = "favor_against_f1"
_PUBLISHED = {"train": 2914, "test": 1956, "test_a": 1249, "test_b": 707}
_COLUMNS = ("Target", "Tweet", "Stance")
_LEAK = "dev rows are also in train, a leak, for comparison only"


def read(
    files: dict[str, str], seed: int, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train` and `test`, or of `train`, `test_a` and `test_b`.
      seed: ignored: the splits are not random.
      dev_in_train: whether train also has the dev rows.

    Raises:
      ValueError: if a row is malformed; the message names file and line.
    """
    del seed
    rows, stray_bytes = {}, {}
    for role, path in files.items():
        with open(path, "rb") as file:
            content = file.read()
        stray_bytes[role] = sum(byte > 127 for byte in content)
        rows[role] = [
            _to_row(where, cells, f"stance-{role}-{index}")
            for where, index, cells in _read_table(path, content)
        ]
    raw = raw_corpus.count_rows(
        "stance",
        files,
        {role: [row.label for row in x] for role, x in rows.items()},
        _PUBLISHED,
    )
    raw["stray_bytes"] = stray_bytes
    train = rows.pop("train")
    if any(row.seq1 == TEST_TARGET for row in train):
        raise ValueError(
            f"{files['train']}: expected no rows about the test target, "
            f"{TEST_TARGET}, got some: this copy contains test rows"
        )
    test = list(itertools.chain.from_iterable(rows.values()))
    kept = [row for row in test if row.seq1 == TEST_TARGET]
    skipped = len(test) - len(kept)
    splits = {
        "train": [
            row for row in train if dev_in_train or row.seq1 != DEV_TARGET
        ],
        "dev": [
            dataclasses.replace(row, id=row.id.replace("-train-", "-dev-"))
            for row in train
            if row.seq1 == DEV_TARGET
        ],
        "test": kept,
    }
    if dev_in_train:
        raw["leak"] = _LEAK
    return source.TaskRows(
        tasks.Task("stance", tuple(_LABELS.values()), _METRIC, pair=True),
        splits,
        skipped={SUBTASK_A: skipped} if skipped else {},
        raw=raw,
        dev_in_train=dev_in_train,
    )


def _read_table(path, content) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Yields `FILE:LINE`, index and cells by column of each row."""
    header = None
    for index, (line_number, cells) in enumerate(_read_cells(path, content)):
        where = f"{path}:{line_number}"
        if header is None:
            header = cells
            if missing := set(_COLUMNS).difference(header):
                raise ValueError(
                    f"{where}: expected columns {', '.join(_COLUMNS)}, got "
                    f"{header}: {min(missing)} is missing"
                )
        elif len(cells) == len(header):
            yield where, index, dict(zip(header, cells, strict=True))
        elif any(cells):
            raise ValueError(
                f"{where}: expected {len(header)} columns, got "
                f"{len(cells)}: {cells}"
            )


def _read_cells(path, content) -> Iterator[tuple[int, list[str]]]:
    """Yields the line number and the cells of each row."""
    if not path.endswith(".csv"):
        for line_number, line in enumerate(lines_lib.split(content), start=1):
            text = line.decode("ascii", errors="replace")
            yield line_number, text.split("\t")
        return
    # In this release only, lines end with a bare carriage return, as the csv
    # module accepts it with newline="".
    text = content.decode("ascii", errors="replace")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in rows:
            yield rows.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{path}:{rows.line_num}: expected CSV, got: {error}"
        ) from None


def _to_row(where, cells, row_id) -> records.Row:
    target, tweet, label = (cells[name].strip() for name in _COLUMNS)
    if label not in _LABELS or not target:
        raise ValueError(
            f"{where}: expected a target and a stance ({', '.join(_LABELS)}), "
            f"got {target!r} and {label!r}"
        )
    return records.Row(row_id, target, tweet, _LABELS[label], group=target)


CORPORA = (
    raw_corpus.RawCorpus(
        "stance",
        (
            {"train": "train.csv", "test": "test.csv"},
            {
                "train": "semeval2016-task6-trainingdata.txt",
                "test_a": "SemEval2016-Task6-subtaskA-testdata-gold.txt",
                "test_b": "SemEval2016-Task6-subtaskB-testdata-gold.txt",
            },
        ),
        "SemEval-2016 Task 6 (Detecting Stance in Tweets): StanceDataset of "
        "its organizers, or the files of the task",
        "No license is stated for these tweets: for research only.",
        read,
        dev_files={},
    ),
)
