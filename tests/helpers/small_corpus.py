"""A raw corpus of one task with a few rows, for tests of `prepare`."""

import pytest

from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks


def make_rows(split, *texts_and_labels):
    """Makes rows of (text, label)."""
    return [
        records.Row(f"{split}-{index}", "", seq2, label)
        for index, (seq2, label) in enumerate(texts_and_labels)
    ]


def make_splits():
    """Makes splits with duplicates of dev in train and test."""
    return {
        "train": make_rows(
            "train",
            ("Good good film", "yes"),
            ("In DEV .", "no"),
            ("bad film", "no"),
            ("", "no"),
        ),
        "dev": make_rows("dev", ("in dev.", "no"), ("only dev word", "yes")),
        "test": make_rows(
            "test",
            ("BAD FILM", "no"),
            ("new test word", "yes"),
            ("in dev .", "no"),
            ("new test word", "yes"),
        ),
        "unlabeled": make_rows("unlabeled", ("more film more", "")),
    }


@pytest.fixture
def raw_file(tmp_path):
    """The raw file of the corpus."""
    path = tmp_path / "raw.txt"
    path.write_text("raw")
    return path


def make_source(raw_file, splits=None, read=None, version=1, **settings):
    """Makes the source of one task; `read` replaces its reader."""
    task = tasks.Task("t", ("no", "yes"))

    def default():
        return [
            source.TaskRows(
                task, splits or make_splits(), {"odd": 2}, {"rows": 13}
            )
        ]

    return source.Source(
        "c",
        version,
        {"raw.txt": str(raw_file)},
        settings,
        "CC0",
        read or default,
    )
