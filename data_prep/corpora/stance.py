"""Tweets for or against a target, `stance`: SemEval-2016 Task 6.

seq1 is the target, seq2 the tweet. The test target, Donald Trump, is in no
training file (subtask B); dev is all that is about Hillary Clinton, train what
is about the other four. Two releases hold the same tweets:

- `StanceDataset`: train.csv and test.csv, with 100 trial tweets that make 2,914
  training rows of 2,814. Lines end with a bare carriage return.
- The files of the task, tab-separated, in which quotes are characters like
  others and often unbalanced.

Tweets are ASCII but for two, garbled in every copy: their stray bytes become
U+FFFD and are counted. The test tweets of subtask A, about the targets of train
and dev, are left out.

The research code of Augenstein et al. (2018) trains on the dev rows as well.
With `dev_in_train` so does this; what stops training has then been learnt by
heart, and dev scores mean nothing.
"""

import csv
import dataclasses
import io
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
_LEAK = "dev rows stand in train as well, a leak, for comparison only"


def read(
    files: dict[str, str], seed: int, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train` and `test`, or of `train`, `test_a` and `test_b`.
      seed: not looked at, for nothing is drawn.
      dev_in_train: whether the dev rows are train rows as well.

    Raises:
      ValueError: if a row is malformed, with file and line.
    """
    del seed
    rows, stray = {}, {}
    for part, path in files.items():
        with open(path, "rb") as file:
            content = file.read()
        stray[part] = sum(byte > 127 for byte in content)
        rows[part] = [
            _to_row(where, cells, f"stance-{part}-{number}")
            for where, number, cells in _table(path, content)
        ]
    raw = raw_corpus.count_rows(
        "stance",
        files,
        {part: [row.label for row in x] for part, x in rows.items()},
        _PUBLISHED,
    )
    raw["stray_bytes"] = stray
    train = rows.pop("train")
    if any(row.seq1 == TEST_TARGET for row in train):
        raise ValueError(
            f"{files['train']}: expected no rows about {TEST_TARGET}, the test "
            "target, but there are some: a copy with the test rows added"
        )
    test = [row for part in rows.values() for row in part]
    kept = [row for row in test if row.seq1 == TEST_TARGET]
    skipped = len(test) - len(kept)
    found = {
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
        found,
        skipped={SUBTASK_A: skipped} if skipped else {},
        raw=raw,
        dev_in_train=dev_in_train,
    )


def _table(path, content) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Yields place, number and cells by column of the rows after the header."""
    header = None
    for number, (line, cells) in enumerate(_cells(path, content)):
        where = f"{path}:{line}"
        if header is None:
            header = cells
            if missing := set(_COLUMNS).difference(header):
                raise ValueError(
                    f"{where}: expected columns {', '.join(_COLUMNS)}, got "
                    f"{header}: {min(missing)} is missing"
                )
        elif len(cells) == len(header):
            yield where, number, dict(zip(header, cells, strict=True))
        elif any(cells):
            raise ValueError(
                f"{where}: expected {len(header)} columns, got "
                f"{len(cells)}: {cells}"
            )


def _cells(path, content) -> Iterator[tuple[int, list[str]]]:
    """Yields the line and the cells of each row."""
    if not path.endswith(".csv"):
        for number, line in enumerate(lines_lib.split(content), start=1):
            yield number, line.decode("ascii", errors="replace").split("\t")
        return
    # In this release alone, a bare carriage return ends a line: the csv module
    # takes it for a line end where newlines are left to it.
    text = content.decode("ascii", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise ValueError(
            f"{path}:{reader.line_num}: expected CSV, got: {error}"
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
        "SemEval-2016 Task 6 (Detecting Stance in Tweets), as its organizers' "
        "StanceDataset or as the files of the task",
        "No license is stated for these tweets: for research only.",
        read,
        dev_files={},
    ),
)
