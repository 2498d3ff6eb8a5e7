"""Corpora as their publishers gave them out: files found, rows counted."""

import collections
import dataclasses
import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from absl import logging

from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import records
from mtl_tf.data import tasks


class MissingFilesError(ValueError):
    """Files of a corpus are not there; the message says where they are had."""


@dataclasses.dataclass(frozen=True)
class RawCorpus:
    """A corpus of one task, given out in files.

    A reader has a name of its own for each file, such as `train` or `bodies`:
    what is called a part here.

    Attributes:
      name: name of the corpus and of its task.
      releases: the forms that it comes in, file names by part; where several
        are there, the first is taken.
      origin: where it is to be had, in words.
      license: terms of the texts, in words.
      read: (paths by part, seed of the splits made here, whether dev rows are
        wanted in train) -> the rows.
      dev_files: file names by part that are needed besides where dev rows are
        wanted in train; None if there are none to put there, because dev is
        cut from train or from test anyway.
    """

    name: str
    releases: tuple[dict[str, str], ...]
    origin: str
    license: str
    read: Callable[[dict[str, str], int, bool], source.TaskRows]
    dev_files: dict[str, str] | None = None

    def find(self, raw_dir: str, dev_in_train: bool = False) -> dict[str, str]:
        """Paths of the files, by part.

        The files of a release stand together, in `raw_dir` or in a folder
        directly below it: names such as `train.csv` say little elsewhere.

        Args:
          raw_dir: a folder.
          dev_in_train: whether dev rows are wanted in train.

        Raises:
          MissingFilesError: if no release is complete.
          ValueError: if one is there twice.
        """
        more = (self.dev_files or {}) if dev_in_train else {}
        releases = [{**release, **more} for release in self.releases]
        folders = _folders(raw_dir)
        for release in releases:
            complete = [x for x in folders if not _missing(x, release)]
            if len(complete) > 1:
                raise ValueError(
                    f"corpus {self.name}: {', '.join(release.values())} stand "
                    f"in {' and in '.join(complete)}: name one of the folders "
                    "as raw_dir"
                )
            if complete:
                return {
                    part: os.path.join(complete[0], name)
                    for part, name in release.items()
                }
        what = _what_is_missing(raw_dir, folders, releases)
        raise MissingFilesError(
            f"corpus {self.name}: {what}. To be had from: {self.origin}"
        )


def _folders(raw_dir):
    if not os.path.isdir(raw_dir):
        raise ValueError(f"raw_dir: there is no folder {raw_dir}")
    with os.scandir(raw_dir) as entries:
        below = sorted(entry.path for entry in entries if entry.is_dir())
    return [raw_dir, *below]


def _missing(folder, release) -> list[str]:
    return [
        name
        for name in release.values()
        if not os.path.isfile(os.path.join(folder, name))
    ]


def _what_is_missing(raw_dir, folders, releases) -> str:
    """Of the release that is nearest to being complete."""
    _, folder, release = min(
        (
            (len(_missing(folder, release)) - len(release), folder, release)
            for release in releases
            for folder in folders
        ),
        key=lambda x: x[0],
    )
    missing = _missing(folder, release)
    if len(missing) < len(release):
        return f"{folder} lacks {', '.join(missing)}"
    wanted = ", or ".join(", ".join(x.values()) for x in releases)
    return f"expected {wanted} in {raw_dir} or in one folder below it"


def count_rows(
    corpus: str,
    files: Mapping[str, str],
    labels: Mapping[str, Iterable[str]],
    published: Mapping[str, int],
) -> dict:
    """Counts raw rows, and warns where others are published.

    Args:
      corpus: name of the corpus.
      files: paths by part.
      labels: labels of all rows of a part, before any cut.
      published: rows by part, of the parts whose number was published.

    Returns:
      For `TaskRows.raw`: rows by file and label, published rows by file, and
      the files where both differ.
    """
    rows, expected, deviations = {}, {}, {}
    for part, part_labels in labels.items():
        name = os.path.basename(files[part])
        counts = collections.Counter(part_labels)
        rows[name] = dict(sorted(counts.items()))
        if part not in published:
            continue
        expected[name] = published[part]
        if counts.total() != published[part]:
            deviations[name] = {
                "rows": counts.total(),
                "published": published[part],
            }
            logging.warning(
                "corpus %s: %s holds %d rows, but %d are published: scores on "
                "this copy are not those of others",
                corpus,
                files[part],
                counts.total(),
                published[part],
            )
    return {"rows": rows, "published": expected, "deviations": deviations}


def cut_dev(
    rows: Sequence[records.Row],
    keys: Sequence[Iterable[Hashable]],
    share: float,
    seed: int,
) -> dict[str, list[records.Row]]:
    """Divides rows of a train file into `train` and `dev`.

    Args:
      rows: the rows, with ids TASK-train-PLACE; those of dev become
        TASK-dev-PLACE.
      keys: of each row; rows that share one stay together.
      share: of the rows that are dev.
      seed: another seed gives another split.
    """
    chosen = splits.split(
        [row.label for row in rows],
        keys,
        {"train": 1 - share, "dev": share},
        seed,
    )
    result = {"train": [], "dev": []}
    for row, split in zip(rows, chosen, strict=True):
        row_id = row.id.replace("-train-", f"-{split}-", 1)
        result[split].append(dataclasses.replace(row, id=row_id))
    return result


def cut_by_group(
    task: tasks.Task,
    files: Mapping[str, str],
    rows: Mapping[str, Sequence[records.Row]],
    published: Mapping[str, int],
    share: float,
    seed: int,
) -> source.TaskRows:
    """Counts the rows of train and test, and cuts dev from train by group.

    Args:
      task: its declaration; `count_rows` calls the corpus by its name.
      files: paths by part.
      rows: rows by part, before any cut.
      published: as in `count_rows`.
      share: share of train that becomes dev.
      seed: of the cut.
    """
    labels = {part: [row.label for row in x] for part, x in rows.items()}
    raw = count_rows(task.name, files, labels, published)
    groups = [[row.group] for row in rows["train"]]
    cut = cut_dev(rows["train"], groups, share, seed)
    return source.TaskRows(task, {**rows, **cut}, raw=raw)
