import io
import os
import subprocess
import tarfile

import pytest

from data_prep.corpora import vader
from data_prep.pipeline import prepare
from mtl_tf.data import records

_NYT = "\r\n".join(
    [
        "1_1\t0.4\tThe opening sentence.",
        "1_2\t-0.3\tA &amp; B &lt;say&gt; AT&T.",
        "1_3\t0.29\tNeither.",
        "2_2\t1.5\tIts opening is not there.",
        "3_1\t-2\tAnother opening.",
        "3_2\t0.3\tthe  opening Sentence.",
        *(f"{i}_1\t0.0\tDocument number {i}." for i in range(4, 24)),
    ]
)


def test_labels_are_intervals_of_ratings():
    def labels(task, *ratings):
        return [vader.DOMAINS[task].label(x) for x in ratings]

    assert labels("tweets", -4, -1.5, -1.49, -0.5, -0.49) == [
        "very_negative",
        "very_negative",
        "negative",
        "negative",
        "neutral",
    ]
    assert labels("tweets", 0, 0.49, 0.5, 1.49, 1.5, 4) == [
        "neutral",
        "neutral",
        "positive",
        "positive",
        "very_positive",
        "very_positive",
    ]
    assert labels("amazon", -0.5, 0, 0.5) == ["negative", "neutral", "positive"]
    assert labels("movies", -0.5, -0.4, 0.4, 0.5) == [
        "negative",
        None,
        None,
        "positive",
    ]
    assert labels("nyt", -0.3, -0.2, 0.3) == ["negative", "neutral", "positive"]


def test_sentences_of_documents_are_pairs():
    task = vader.read_domain("nyt", _NYT.encode(), seed=0, rows=26)
    assert task.task.pair
    rows = {row.id: row for split in task.splits.values() for row in split}
    assert len(rows) == 26
    assert rows["nyt-1_1"] == records.Row(
        "nyt-1_1", "", "The opening sentence.", "positive", "nyt-1"
    )
    assert rows["nyt-1_2"] == records.Row(
        "nyt-1_2",
        "The opening sentence.",
        "A & B <say> AT&T.",
        "negative",
        "nyt-1",
    )
    assert rows["nyt-2_2"].seq1 == ""
    # Documents 1 and 3 share a sentence: both are in one split.
    homes = {
        row.id: split for split, rows in task.splits.items() for row in rows
    }
    together = {homes[f"nyt-{x}"] for x in ("1_1", "1_2", "1_3", "3_1", "3_2")}
    assert len(together) == 1


def test_middle_ratings_are_skipped_and_counted():
    lines = [f"{i}\t{i / 10 - 1}\tText number {i}." for i in range(30)]
    content = "\n".join(lines).encode()
    task = vader.read_domain("movies", content, seed=0, rows=30)
    # Ratings from -1.0 to 1.9 in steps of 0.1: -0.4 to 0.4 are skipped.
    assert task.skipped == {"rating in the middle": 9}
    assert sum(len(rows) for rows in task.splits.values()) == 21
    assert not task.task.pair
    assert {row.group for row in task.splits["train"]} == {""}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\t0.5\n", r"tweets_GroundTruth\.txt:1: expected an id.* 2 columns"),
        ("1\t0\tok\n2\tx\tno\n", r"txt:2: expected an id, a mean rating"),
        ("1\t5\tok\n", r"txt:1: .* rating in \[-4, 4\], got '1' and 5"),
        ("a\t1\tok\n", r"txt:1: expected an id such as 17 or 17_3"),
        ("1\t1\tok\n", "expected 4200 rows, got 1"),
    ],
)
def test_malformed_files_are_an_error(content, message):
    with pytest.raises(ValueError, match=message):
        vader.read_domain("tweets", content.encode(), seed=0)


def test_another_checksum_is_an_error(tmp_path):
    path = tmp_path / vader.SDIST
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    with pytest.raises(ValueError, match=r"expected sha256 5d7c06e0.*, got"):
        vader.make_source(str(tmp_path)).read()


def test_a_failed_download_is_an_error(tmp_path, monkeypatch):
    def run(command, **_):
        assert "--require-hashes" in command
        assert command[command.index("-r") + 1] == vader.REQUIREMENTS
        return subprocess.CompletedProcess(command, 1, "", "no such host")

    monkeypatch.setattr(vader.subprocess, "run", run)
    with pytest.raises(ValueError, match=r"exit status 1\): no such host"):
        vader.make_source(str(tmp_path / "raw"))
    assert os.listdir(tmp_path / "raw") == []


def test_the_package_is_downloaded_once(tmp_path, monkeypatch):
    calls = []

    def run(command, **_):
        calls.append(command)
        folder = command[command.index("--dest") + 1]
        with open(os.path.join(folder, vader.SDIST), "wb") as file:
            file.write(b"package")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(vader.subprocess, "run", run)
    for _ in range(2):
        vader.make_source(str(tmp_path / "raw"))
    assert len(calls) == 1
    assert os.listdir(tmp_path / "raw") == [vader.SDIST]


def test_the_published_package(tmp_path):
    path = os.environ.get("MTL_TF_VADER_SDIST")
    if not path:
        pytest.skip(f"MTL_TF_VADER_SDIST names no {vader.SDIST}")
    corpus = prepare.prepare(
        vader.make_source(os.path.dirname(path)), str(tmp_path / "out")
    )
    declared = corpus.declaration["tasks"]
    raw = {name: task["raw"]["rows"] for name, task in declared.items()}
    assert raw == {"amazon": 3708, "movies": 10605, "nyt": 5190, "tweets": 4200}
    for name, task in declared.items():
        rows = sum(task["splits"].values())
        assert rows + sum(task["skipped"].values()) == raw[name]
        for split, share in vader.SPLITS.items():
            assert task["splits"][split] == pytest.approx(
                share * rows, rel=0.06
            )
            for label, n in task["label_counts"][split].items():
                assert n > 0.1 * task["splits"][split], (name, split, label)
        assert task["duplicates"] == {"test": 0}
        columns = {
            split: records.read_columns(
                str(tmp_path / "out"), name, split, ["seq2", "group"]
            )
            for split in vader.SPLITS
        }
        for key in ("seq2", "group"):
            train, test = (
                set(columns[x][key].tolist()) - {b""} for x in ("train", "test")
            )
            assert not train & test


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
