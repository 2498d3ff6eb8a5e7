"""Corpora in the files of their publishers."""

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
    """An error about missing files; the message names their origin."""


@dataclasses.dataclass(frozen=True)
class RawCorpus:
    """A corpus of one task, distributed as files.

    Readers identify files by roles such as `train` or `test_bodies`.

    Attributes:
      name: name of the corpus and of its task.
      releases: the supported releases, file names by role; the first complete
        one is used.
      origin: where the corpus is available.
      license: terms of use of the texts.
      read: function of (paths by role, seed of random splits, whether dev rows
        are kept in train) that returns the rows.
      dev_files: names by role of additional files that are needed for dev rows
        in train; None if this is not supported, since dev is split off from
        train or test.
    """

    name: str
    releases: tuple[dict[str, str], ...]
    origin: str
    license: str
    read: Callable[[dict[str, str], int, bool], source.TaskRows]
    dev_files: dict[str, str] | None = None

    def find(self, raw_dir: str, dev_in_train: bool = False) -> dict[str, str]:
        """Returns the paths of the files, by role.

        All files of a release are in `raw_dir` or in one directory below it,
        since names such as `train.csv` are not unique.

        Args:
          raw_dir: the directory.
          dev_in_train: whether dev rows are kept in train.

        Raises:
          MissingFilesError: if no release is complete.
          ValueError: if a release exists twice.
        """
        dev_files = (self.dev_files or {}) if dev_in_train else {}
        releases = [{**release, **dev_files} for release in self.releases]
        folders = _folders(raw_dir)
        for release in releases:
            complete = [x for x in folders if not _missing(x, release)]
            if len(complete) > 1:
                raise ValueError(
                    f"corpus {self.name}: {', '.join(release.values())} are "
                    f"in {' and in '.join(complete)}: use one of these "
                    "directories as raw_dir"
                )
            if complete:
                return {
                    role: os.path.join(complete[0], name)
                    for role, name in release.items()
                }
        missing = _describe_missing(raw_dir, folders, releases)
        raise MissingFilesError(
            f"corpus {self.name}: {missing}. Available from: {self.origin}"
        )


def _folders(raw_dir):
    if not os.path.isdir(raw_dir):
        raise ValueError(f"raw_dir: there is no directory {raw_dir}")
    with os.scandir(raw_dir) as entries:
        below = sorted(entry.path for entry in entries if entry.is_dir())
    return [raw_dir, *below]


def _missing(folder, release) -> list[str]:
    return [
        name
        for name in release.values()
        if not os.path.isfile(os.path.join(folder, name))
    ]


def _describe_missing(raw_dir, folders, releases) -> str:
    """Describes the missing files of the release that is most complete."""
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
    expected = ", or ".join(", ".join(x.values()) for x in releases)
    return f"expected {expected} in {raw_dir} or in one directory below it"


def count_rows(
    corpus: str,
    files: Mapping[str, str],
    labels: Mapping[str, Iterable[str]],
    published: Mapping[str, int],
) -> dict:
    """Counts raw rows, and warns if they differ from the published numbers.

    Args:
      corpus: name of the corpus.
      files: paths by role.
      labels: labels of all raw rows, by role.
      published: published numbers of rows, by role.

    Returns:
      For `TaskRows.raw`: rows by file and label, published numbers by file, and
      the files for which both differ.
    """
    rows, expected, deviations = {}, {}, {}
    for role, role_labels in labels.items():
        name = os.path.basename(files[role])
        counts = collections.Counter(role_labels)
        rows[name] = dict(sorted(counts.items()))
        if role not in published:
            continue
        expected[name] = published[role]
        if counts.total() != published[role]:
            deviations[name] = {
                "rows": counts.total(),
                "published": published[role],
            }
            logging.warning(
                "corpus %s: %s has %d rows, but %d are published: scores on "
                "this copy cannot be compared with published ones",
                corpus,
                files[role],
                counts.total(),
                published[role],
            )
    return {"rows": rows, "published": expected, "deviations": deviations}


def split_dev(
    rows: Sequence[records.Row],
    keys: Sequence[Iterable[Hashable]],
    share: float,
    seed: int,
) -> dict[str, list[records.Row]]:
    """Splits the rows of a train file into `train` and `dev`.

    Args:
      rows: the rows, with ids TASK-train-POSITION; those of dev become
        TASK-dev-POSITION.
      keys: keys of each row; rows that share a key stay in one split.
      share: fraction of the rows that become dev.
      seed: the seed.

    Returns:
      The rows by split.
    """
    assigned = splits.split(
        [row.label for row in rows],
        keys,
        {"train": 1 - share, "dev": share},
        seed,
    )
    result: dict[str, list[records.Row]] = {"train": [], "dev": []}
    for row, split in zip(rows, assigned, strict=True):
        row_id = row.id.replace("-train-", f"-{split}-", 1)
        result[split].append(dataclasses.replace(row, id=row_id))
    return result


def split_dev_by_group(
    task: tasks.Task,
    files: Mapping[str, str],
    rows: Mapping[str, list[records.Row]],
    published: Mapping[str, int],
    share: float,
    seed: int,
) -> source.TaskRows:
    """Counts the rows of train and test, and splits off dev by group.

    Args:
      task: the task; its name is that of the corpus.
      files: paths by role.
      rows: all raw rows, by role.
      published: published numbers of rows; see `count_rows`.
      share: fraction of train that becomes dev.
      seed: seed of the split.
    """
    labels = {role: [row.label for row in x] for role, x in rows.items()}
    raw = count_rows(task.name, files, labels, published)
    groups = [[row.group] for row in rows["train"]]
    train_and_dev = split_dev(rows["train"], groups, share, seed)
    return source.TaskRows(task, {**rows, **train_and_dev}, raw=raw)
