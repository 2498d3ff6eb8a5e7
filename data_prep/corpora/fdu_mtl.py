r"""The 16 review corpora of Liu, Qiu & Huang (ACL 2017), `fdu_mtl`.

`raw_dir` holds TASK.task.train, TASK.task.test and TASK.task.unlabel for each
task. A line is `LABEL<TAB>TEXT` with label 0 (negative) or 1 (positive), in the
unlabeled files a text alone. What a naive reader trips over:

- Texts hold U+0085, which `str.splitlines` takes for a line end: lines end as
  `lines` has it.
- Some lines are cp1252 in files that are UTF-8 otherwise: each line is decoded
  for itself, and those lines are counted.
- One labeled text is empty. It stays, as the token for empty texts.
- There is no dev file: the train files are larger than Table 1 of the paper
  says by its 200 dev rows. Their last 200 rows are dev, or with
  `dev_split="random"` 200 rows drawn by text, so that no text stands in both.
- Reviews repeat, also between train and test: `prepare` marks those.

The row counts are checked against Table 1 before anything is cut, for the
paper's numbers mean nothing beside those of another copy.
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
LICENCE = (
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
    """The corpus in `raw_dir`.

    Args:
      raw_dir: folder of the 48 files.
      dev_split: `last` or `random`.
      seed: of the random dev split; another is not looked at.

    Raises:
      ValueError: if there is no such dev split.
    """
    if dev_split not in names.DEV_SPLITS:
        raise ValueError(
            f"dev_split {dev_split!r}: one of "
            f"{', '.join(names.DEV_SPLITS)} is needed"
        )
    files = {
        name: os.path.join(raw_dir, name)
        for task in TABLE_1
        for name in (f"{task}.task.{x}" for x in ("train", "test", "unlabel"))
    }
    settings = {"dev_split": dev_split}
    if dev_split == "random":
        settings["seed"] = seed

    def read():
        return [_read_task(raw_dir, task, dev_split, seed) for task in TABLE_1]

    return source.Source(
        "fdu_mtl", READER_VERSION, files, settings, LICENCE, read
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
                "is not complete, or not the paper's data"
            )
        rows[kind] = [
            _parse(path, number, line, f"{task}-{kind}-{number}", kind)
            for number, line in enumerate(lines, start=1)
        ]
        raw["rows"][kind] = len(lines)
        raw["empty_texts"][kind] = sum(not x.seq2.strip() for x in rows[kind])
    train, dev = _cut_dev(rows["train"], dev_split, seed)
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
    """Returns lines of a file, and how many are cp1252 instead of UTF-8."""
    with open(path, "rb") as file:
        encoded = lines_lib.split(file.read())
    lines, other = [], 0
    for line in encoded:
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            # Five bytes mean nothing in cp1252; the files hold none of them.
            lines.append(line.decode("cp1252", errors="replace"))
            other += 1
    return lines, other


def _parse(path, number, line, row_id, kind) -> records.Row:
    if kind == "unlabel":
        return records.Row(row_id, "", line.strip(" "))
    label, tab, text = line.partition("\t")
    if not tab or label not in ("0", "1"):
        raise ValueError(
            f"{path}:{number}: expected 0 or 1, a tab and a text, got "
            f"{line[:40]!r}"
        )
    return records.Row(row_id, "", text.strip(" "), LABELS[int(label)])


def _cut_dev(rows, dev_split, seed):
    """Train and dev rows."""
    if dev_split == "last":
        return rows[:-DEV_ROWS], rows[-DEV_ROWS:]
    share = DEV_ROWS / len(rows)
    chosen = splits.split(
        [row.label for row in rows],
        [[splits.text_key(row.seq2)] for row in rows],
        {"train": 1 - share, "dev": share},
        seed,
    )
    return (
        [row for row, name in zip(rows, chosen, strict=True) if name == x]
        for x in ("train", "dev")
    )
