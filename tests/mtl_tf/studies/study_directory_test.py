"""The directory of a study."""

import csv
import dataclasses
import os

import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import study_directory
from mtl_tf.utils import run_lock

_SETTINGS = {"encoder": "cnn", "hidden_size": 3}


def make_corpus(fingerprint="f00d"):
    return tasks_lib.Corpus(
        "/data", "made_up", (), {}, {"fingerprint": fingerprint}
    )


@pytest.fixture
def study_dir(tmp_path):
    return str(tmp_path / "study")


def start(study_dir, kind="compare", corpus=None, **settings):
    study_directory.start(
        study_dir, kind, _SETTINGS | settings, corpus or make_corpus()
    )


def test_a_study_continues_with_its_settings(study_dir):
    start(study_dir)
    before = os.stat(os.path.join(study_dir, "study.json"))
    start(study_dir)
    after = os.stat(os.path.join(study_dir, "study.json"))
    assert (after.st_ino, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )


def test_another_study_in_the_directory_is_refused(study_dir):
    start(study_dir)
    with pytest.raises(
        ValueError, match=r"holds a study of --mode=compare: give another"
    ):
        start(study_dir, kind="sweep")
    with pytest.raises(
        ValueError, match=r"\n  hidden_size: 3 -> 4\n"
    ) as caught:
        start(study_dir, hidden_size=4)
    assert "encoder" not in str(caught.value)
    with pytest.raises(ValueError, match="corpus: another one, or other data"):
        start(study_dir, corpus=make_corpus("beef"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "holds a run: give another run_dir for the study"),
        ("mine.txt", "holds mine.txt, but no study"),
    ],
)
def test_other_files_in_the_directory_are_kept(study_dir, name, message):
    os.makedirs(study_dir)
    path = os.path.join(study_dir, name)
    with open(path, "w") as file:
        file.write("mine")
    with pytest.raises(ValueError, match=message):
        start(study_dir)
    assert os.listdir(study_dir) == [name]


def test_a_changed_record_is_refused(study_dir):
    start(study_dir)
    path = os.path.join(study_dir, "study.json")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("cnn", "lstm"))
    with pytest.raises(ValueError, match="was changed after it was written"):
        start(study_dir)


def test_a_study_locks_its_directory(study_dir):
    corpus = make_corpus()
    with (
        study_directory.hold(study_dir, "compare", _SETTINGS, corpus),
        pytest.raises(ValueError, match="is in use by process"),
        run_lock.hold(study_dir),
    ):
        pass
    # It has ended.
    with study_directory.hold(study_dir, "compare", _SETTINGS, corpus):
        assert sorted(os.listdir(study_dir)) == ["lock", "study.json"]
    other = dataclasses.replace(corpus, declaration={"fingerprint": "beef"})
    with (
        pytest.raises(ValueError, match="corpus: another one"),
        study_directory.hold(study_dir, "compare", _SETTINGS, other),
    ):
        pass


def test_an_interrupted_study_tells_how_to_continue(study_dir):
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        study_directory.hold(study_dir, "compare", _SETTINGS, make_corpus()),
    ):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == [
        "runs that have ended are kept; the same command continues with the "
        "others"
    ]


def test_a_table_is_a_csv_file(study_dir):
    start(study_dir)
    rows = [
        {"model": 'a, "b"', "test": 0.5, "seed": None},
        {"model": "c", "test": 1 / 3, "seed": 1},
    ]
    path = study_directory.write_table(study_dir, "runs", rows)
    assert path == os.path.join(study_dir, "runs.csv")
    with open(path, encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["model"] for row in read] == ['a, "b"', "c"]
    assert float(read[1]["test"]) == 1 / 3
    assert read[0]["seed"] == ""


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
