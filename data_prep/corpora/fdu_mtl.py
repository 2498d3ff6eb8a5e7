r"""The 16 review corpora of Liu, Qiu & Huang (ACL 2017), `fdu_mtl`.

`raw_dir` holds TASK.task.train, TASK.task.test and TASK.task.unlabel for each
task. A line is `LABEL<TAB>TEXT` with label 0 (negative) or 1 (positive), in the
unlabeled files only a text. Pitfalls:

- Texts contain U+0085, which `str.splitlines` takes for a line end: lines end
  as described in `lines`.
- Some lines are cp1252 in files that are otherwise UTF-8: each line is decoded
  separately, and these lines are counted.
- One labeled text is empty. It is kept, as the token of empty texts.
- There is no dev file: the train files include the 200 dev rows of Table 1 of
  the paper. Dev is the last 200 rows or, with `dev_split="random"`, 200 random
  rows, without texts that are also in train.
- Reviews repeat, also between train and test: `prepare` marks them.

The numbers of rows are checked against Table 1, since scores on another copy
cannot be compared with the paper's.
"""

import dataclasses
import os

from data_prep.corpora import names
from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import records
from mtl_tf.data import tasks

READER_VERSION = 1
DEV_ROWS = 200
LABELS = ("negative", "positive")
LICENSE = (
    "No license is stated for these texts, product and film reviews that the "
    "authors of the paper and others before them collected: for research only."
)
# Table 1 of the paper: train and unlabeled rows by task; each has 200 dev and
# 400 test rows.
TABLE_1 = {
    "books": (1400, 2000),
    "electronics": (1398, 2000),
    "dvd": (1400, 2000),
    "kitchen_housewares": (1400, 2000),
    "apparel": (1400, 2000),
    "camera_photo": (1397, 2000),
    "health_personal_care": (1400, 2000),
    "music": (1400, 2000),
    "toys_games": (1400, 2000),
    "video": (1400, 2000),
    "baby": (1300, 2000),
    "magazines": (1370, 2000),
    "software": (1315, 475),
    "sports_outdoors": (1400, 2000),
    "imdb": (1400, 2000),
    "MR": (1400, 2000),
}
TEST_ROWS = 400


def make_source(
    raw_dir: str, dev_split: str = "last", seed: int = 0
) -> source.Source:
    """Makes the source of the corpus in `raw_dir`.

    Args:
      raw_dir: directory of the 48 files.
      dev_split: `last` or `random`.
      seed: seed of the random dev split.

    Raises:
      ValueError: if `dev_split` is neither of them.
    """
    if dev_split not in names.DEV_SPLITS:
        raise ValueError(
            f"dev_split={dev_split!r}: expected one of "
            f"{', '.join(names.DEV_SPLITS)}"
        )
    files = {
        name: os.path.join(raw_dir, name)
        for task in TABLE_1
        for name in (f"{task}.task.{x}" for x in ("train", "test", "unlabel"))
    }
    settings: dict[str, str | int] = {"dev_split": dev_split}
    if dev_split == "random":
        settings["seed"] = seed

    def read():
        return [_read_task(raw_dir, task, dev_split, seed) for task in TABLE_1]

    return source.Source(
        "fdu_mtl", READER_VERSION, files, settings, LICENSE, read
    )


def _read_task(raw_dir, task, dev_split, seed) -> source.TaskRows:
    train_count, unlabeled_count = TABLE_1[task]
    expected = {
        "train": train_count + DEV_ROWS,
        "test": TEST_ROWS,
        "unlabel": unlabeled_count,
    }
    raw = {
        "rows": {},
        "cp1252_lines": {},
        "empty_texts": {},
        "table_1": {
            "train": train_count,
            "dev": DEV_ROWS,
            "test": TEST_ROWS,
            "unlabeled": unlabeled_count,
        },
    }
    rows = {}
    for kind, count in expected.items():
        path = os.path.join(raw_dir, f"{task}.task.{kind}")
        lines, raw["cp1252_lines"][kind] = read_lines(path)
        if len(lines) != count:
            raise ValueError(
                f"{path}: expected {count} lines"
                + (" (train and dev)" if kind == "train" else "")
                + f" as in Table 1 of the paper, got {len(lines)}: this copy "
                "is incomplete, or not the paper's data"
            )
        rows[kind] = [
            _parse(f"{path}:{n}", line, f"{task}-{kind}-{n}", kind)
            for n, line in enumerate(lines, start=1)
        ]
        raw["rows"][kind] = len(lines)
        raw["empty_texts"][kind] = sum(not x.seq2.strip() for x in rows[kind])
    train, dev = _split_dev(rows["train"], dev_split, seed)
    return source.TaskRows(
        tasks.Task(task, LABELS),
        splits={
            "train": train,
            "dev": [
                dataclasses.replace(row, id=row.id.replace("-train-", "-dev-"))
                for row in dev
            ],
            "test": rows["test"],
            "unlabeled": [
                dataclasses.replace(
                    row, id=row.id.replace("-unlabel-", "-unlabeled-")
                )
                for row in rows["unlabel"]
            ],
        },
        raw=raw,
    )


def read_lines(path: str) -> tuple[list[str], int]:
    """Reads lines; returns them and how many are cp1252 instead of UTF-8."""
    with open(path, "rb") as file:
        encoded = lines_lib.split(file.read())
    lines, num_cp1252 = [], 0
    for line in encoded:
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            # cp1252 leaves five bytes undefined; the files have none of them.
            lines.append(line.decode("cp1252", errors="replace"))
            num_cp1252 += 1
    return lines, num_cp1252


def _parse(where, line, row_id, kind) -> records.Row:
    if kind == "unlabel":
        return records.Row(row_id, "", line.strip(" "))
    label, tab, text = line.partition("\t")
    if not tab or label not in ("0", "1"):
        raise ValueError(
            f"{where}: expected 0 or 1, a tab and a text, got {line[:40]!r}"
        )
    return records.Row(row_id, "", text.strip(" "), LABELS[int(label)])


def _split_dev(rows, dev_split, seed):
    """Splits rows into train and dev."""
    if dev_split == "last":
        return rows[:-DEV_ROWS], rows[-DEV_ROWS:]
    share = DEV_ROWS / len(rows)
    assigned = splits.split(
        [row.label for row in rows],
        [[splits.text_key(row.seq2)] for row in rows],
        {"train": 1 - share, "dev": share},
        seed,
    )
    return (
        [row for row, name in zip(rows, assigned, strict=True) if name == x]
        for x in ("train", "dev")
    )
