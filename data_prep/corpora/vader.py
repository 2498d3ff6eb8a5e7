"""Four domains with human sentiment ratings, `vader`, the default corpus.

Hutto & Gilbert (ICWSM 2014) had short texts rated by 20 people each, from -4
(extremely negative) to 4 (extremely positive). The texts and their mean ratings
are part of the source distribution of the package vaderSentiment, which pip
downloads and verifies. It is not installed, and its archives are not unpacked.
The labels of the tasks are intervals of the mean rating r:

    tweets  very_negative r <= -1.5 < negative <= -0.5 < neutral < 0.5
            <= positive < 1.5 <= very_positive
    amazon  sentences of product reviews: negative r <= -0.5 < neutral < 0.5
            <= positive
    movies  sentences of film reviews: negative r <= -0.5, positive r >= 0.5;
            the few between them are skipped and counted
    nyt     sentences of New York Times editorials: negative r <= -0.3
            < neutral < 0.3 <= positive

Raters agree that texts up to half a point from 0 are neutral. For editorials,
which are mildly worded, this would be nearly half of the rows; 0.3 gives more
even classes. Each class has at least a tenth of its task.

A sentence of `amazon` and `nyt` has an id DOCUMENT_INDEX: the sentence with
index 1 is seq1 of all others of its document. It has no seq1 itself, nor have
sentences of the few documents without it; tweets and movies have no documents.
The ids of rows contain these ids: `nyt-21_3`.

About 70 % of the rows are train, 10 % dev, 20 % test: by document, stratified
by label; documents that share a text stay in one split.
"""

import dataclasses
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile

from absl import logging

from data_prep.pipeline import raw_text
from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import records
from mtl_tf.data import tasks

READER_VERSION = 1
REQUIREMENTS = os.path.join(os.path.dirname(__file__), "vader_requirements.txt")
SDIST = "vaderSentiment-3.3.2.tar.gz"
INNER_TAR = "additional_resources/hutto_ICWSM_2014.tar.gz"
SPLITS = {"train": 0.7, "dev": 0.1, "test": 0.2}
LICENSE = "MIT License, Copyright (c) 2016 C.J. Hutto"
MIDDLE = "rating in the middle"


@dataclasses.dataclass(frozen=True)
class _Domain:
    """A file of rated texts.

    Attributes:
      file: name of the file.
      rows: number of rows.
      classes: (threshold, label) in increasing order. A class has the ratings
        from the previous threshold up to its own; ratings equal to a positive
        threshold belong to the next class. Rows with a label of None are
        skipped.
      documents: whether ids consist of a document and the index of a sentence.
    """

    file: str
    rows: int
    classes: tuple[tuple[float | None, str | None], ...]
    documents: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the classes."""
        return tuple(label for _, label in self.classes if label)

    def label(self, rating: float) -> str | None:
        """Returns the label of a rating."""
        for threshold, label in self.classes:
            if threshold is None or rating < threshold:
                return label
            if rating == threshold and threshold < 0:
                return label
        raise AssertionError("the last threshold must be None")


DOMAINS = {
    "tweets": _Domain(
        "tweets_GroundTruth.txt",
        4200,
        (
            (-1.5, "very_negative"),
            (-0.5, "negative"),
            (0.5, "neutral"),
            (1.5, "positive"),
            (None, "very_positive"),
        ),
        documents=False,
    ),
    "amazon": _Domain(
        "amazonReviewSnippets_GroundTruth.txt",
        3708,
        ((-0.5, "negative"), (0.5, "neutral"), (None, "positive")),
        documents=True,
    ),
    "movies": _Domain(
        "movieReviewSnippets_GroundTruth.txt",
        10605,
        ((-0.5, "negative"), (0.5, None), (None, "positive")),
        documents=False,
    ),
    "nyt": _Domain(
        "nytEditorialSnippets_GroundTruth.txt",
        5190,
        ((-0.3, "negative"), (0.3, "neutral"), (None, "positive")),
        documents=True,
    ),
}


def make_source(raw_dir: str, seed: int = 0) -> source.Source:
    """Makes the source; downloads the package into `raw_dir` if necessary.

    Args:
      raw_dir: directory of the package.
      seed: seed of the splits.

    Raises:
      ValueError: if pip cannot download the package, or its checksum is not
        the pinned one.
    """
    path = os.path.join(raw_dir, SDIST)
    if not os.path.exists(path):
        _download(raw_dir)
    return source.Source(
        "vader",
        READER_VERSION,
        {SDIST: path},
        {"seed": seed, "shares": SPLITS},
        LICENSE,
        lambda: read(path, seed),
    )


def _download(raw_dir: str) -> None:
    """Downloads the source distribution with pip, which verifies it."""
    logging.info("downloading %s with pip to %s", SDIST, raw_dir)
    os.makedirs(raw_dir, exist_ok=True)
    # To a temporary directory first: an interrupted download must not look like
    # the package.
    with tempfile.TemporaryDirectory(dir=raw_dir) as folder:
        command = [
            *(sys.executable, "-m", "pip", "download", "--no-deps"),
            *("--disable-pip-version-check", "--no-binary", "vaderSentiment"),
            *("--require-hashes", "-r", REQUIREMENTS, "--dest", folder),
        ]
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace"
        )
        fetched = os.path.join(folder, SDIST)
        if done.returncode or not os.path.exists(fetched):
            output = (done.stderr or done.stdout).strip()
            raise ValueError(
                f"pip could not download {SDIST} (exit status "
                f"{done.returncode}): {output[-2000:]}\nWithout a network "
                f"connection, copy the file to {raw_dir}"
            )
        os.replace(fetched, os.path.join(raw_dir, SDIST))


def read(path: str, seed: int) -> list[source.TaskRows]:
    """Reads the rated texts from the source distribution.

    Args:
      path: path of the source distribution.
      seed: seed of the splits.

    Raises:
      ValueError: if its checksum is not the pinned one, or a row is malformed.
    """
    with open(REQUIREMENTS, encoding="utf-8") as file:
        [expected] = re.findall(r"sha256:([0-9a-f]{64})", file.read())
    actual = source.sha256(path)
    if actual != expected:
        raise ValueError(
            f"{path}: expected sha256 {expected}, got {actual}; delete the "
            "file to download it again"
        )
    with tarfile.open(path) as outer:
        name = f"{SDIST.removesuffix('.tar.gz')}/{INNER_TAR}"
        inner_bytes = _read_member(outer, name)
    with tarfile.open(fileobj=io.BytesIO(inner_bytes)) as inner:
        return [
            read_domain(
                task,
                _read_member(inner, f"hutto_ICWSM_2014/{domain.file}"),
                seed,
            )
            for task, domain in DOMAINS.items()
        ]


def _read_member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"expected a file {name} in the archive")
    return file.read()


def read_domain(
    task: str, content: bytes, seed: int, rows: int | None = None
) -> source.TaskRows:
    """Reads one domain and splits it.

    Args:
      task: name of the task, one of `DOMAINS`.
      content: the bytes of its file, lines of `id<TAB>rating<TAB>text`.
      seed: seed of the split.
      rows: expected number of rows; that of the domain if None.

    Raises:
      ValueError: if a row is malformed, or there are more or fewer rows.
    """
    domain = DOMAINS[task]
    parsed = [
        _parse(f"{domain.file}:{line_number}", line)
        for line_number, line in enumerate(
            map(bytes.decode, lines_lib.split(content)), start=1
        )
        if line.strip()
    ]
    if len(parsed) != (rows or domain.rows):
        raise ValueError(
            f"{domain.file}: expected {rows or domain.rows} rows, got "
            f"{len(parsed)}"
        )
    openings = {}
    if domain.documents:
        openings = {
            row_id.removesuffix("_1"): text
            for row_id, _, text in parsed
            if row_id.endswith("_1")
        }
    kept = []
    for row_id, rating, text in parsed:
        label = domain.label(rating)
        if label is None:
            continue
        document, _, index = row_id.partition("_")
        opening = "" if index == "1" else openings.get(document, "")
        group = f"{task}-{document}" if domain.documents else ""
        kept.append(
            records.Row(f"{task}-{row_id}", opening, text, label, group)
        )
    skipped = len(parsed) - len(kept)
    return source.TaskRows(
        tasks.Task(task, domain.labels, pair=domain.documents),
        splits=_split(kept, seed),
        skipped={MIDDLE: skipped} if skipped else {},
        raw={"rows": len(parsed)},
    )


def _split(rows, seed):
    assigned = splits.split(
        [row.label for row in rows],
        [
            [("text", splits.text_key(row.seq2))]
            + ([("document", row.group)] if row.group else [])
            for row in rows
        ],
        SPLITS,
        seed,
    )
    result = {name: [] for name in SPLITS}
    for row, name in zip(rows, assigned, strict=True):
        result[name].append(row)
    return result


def _parse(where, line):
    """Returns the id, mean rating and text of a line."""
    columns = line.split("\t")
    try:
        row_id, rating, text = columns
        rating = float(rating)
    except ValueError:
        raise ValueError(
            f"{where}: expected an id, a mean rating and a text between tabs, "
            f"got {len(columns)} columns: {line[:60]!r}"
        ) from None
    if not re.fullmatch(r"\d+(_\d+)?", row_id) or not -4 <= rating <= 4:
        raise ValueError(
            f"{where}: expected an id such as 17 or 17_3 and a rating in "
            f"[-4, 4], got {row_id!r} and {rating}"
        )
    # In tweets, &, < and > are escaped.
    return row_id, rating, raw_text.unescape(text).strip()
