import json
import os

import numpy as np
import pytest

from data_prep.pipeline import checks
from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import leaky_corpus
from tests.helpers import small_corpus

raw_file = small_corpus.raw_file


def test_corpus_json_declares_the_corpus(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(
        small_corpus.make_source(raw_file, seed=3), out_dir, min_count=2
    )
    declared = corpus.declaration
    assert declared["schema"] == prepare.SCHEMA == 3
    assert declared["corpus"] == "c"
    assert declared["tasks"] == {
        "t": {
            "labels": ["no", "yes"],
            "metric": "accuracy",
            "pair": False,
            # One train row is in dev, and was removed.
            "splits": {"train": 3, "dev": 2, "test": 4, "unlabeled": 1},
            "label_counts": {
                "train": {"no": 2, "yes": 1},
                "dev": {"no": 1, "yes": 1},
                "test": {"no": 2, "yes": 2},
            },
            "duplicates": {"test": 2},
            "skipped": {"odd": 2, "text is in dev": 1},
            "raw": {"rows": 13},
        }
    }
    assert declared["license"] == "CC0"
    assert declared["settings"] == {"seed": 3}
    assert declared["tokenizer_version"] == tokenizer.TOKENIZER_VERSION
    assert declared["source"] == {
        "raw.txt": source.sha256(str(raw_file)),
    }
    listed = {
        os.path.join(os.path.relpath(folder, out_dir), name).removeprefix("./")
        for folder, _, names in os.walk(out_dir)
        for name in names
    }
    assert listed == {*declared["files"], "corpus.json"}
    for path, checksum in declared["files"].items():
        assert source.sha256(os.path.join(out_dir, path)) == checksum


def test_findings_are_recorded_and_logged_once(tmp_path, raw_file, caplog):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(
        small_corpus.make_source(raw_file), out_dir, min_count=1
    )
    # Train and unlabeled texts have the words good, film, bad and more. Dev has
    # 6 others; test has 9, and `bad film`.
    assert corpus.declaration["findings"] == [
        {
            "kind": "unknown_words",
            "task": "t",
            "count": 15,
            "message": "100% of dev and 82% of test are unknown words: words "
            "of the vocabulary occur at least 1 time in train and unlabeled "
            "texts (--min_count)",
            "examples": ["dev-0", "dev-1"],
            "by_task": {},
        }
    ]
    warnings = [
        x.getMessage() for x in caplog.records if x.levelname == "WARNING"
    ]
    assert warnings == [
        f"task t: {corpus.declaration['findings'][0]['message']}"
    ]
    caplog.clear()
    again = prepare.prepare(
        small_corpus.make_source(raw_file), out_dir, min_count=1
    )
    assert again.declaration == corpus.declaration
    assert not [x for x in caplog.records if x.levelname == "WARNING"]


def test_duplicates_are_removed_from_train_and_marked_in_test(
    tmp_path, raw_file
):
    out_dir = str(tmp_path / "out")
    prepare.prepare(small_corpus.make_source(raw_file), out_dir)
    train = [row.seq2 for row in records.read_rows(out_dir, "t", "train")]
    assert train == ["Good good film", "bad film", ""]
    # `BAD FILM` is in train and `in dev .` in dev; a text that is repeated
    # within test is not a duplicate.
    test = list(records.read_rows(out_dir, "t", "test"))
    assert [row.duplicate for row in test] == [True, False, True, False]
    dev = list(records.read_rows(out_dir, "t", "dev"))
    assert not any(row.duplicate for row in dev)


def test_dev_in_train_keeps_rows_of_dev_in_train(tmp_path, raw_file):
    task = tasks.Task("t", ("no", "yes"))
    expected = source.TaskRows(
        task, small_corpus.make_splits(), dev_in_train=True
    )
    out_dir = str(tmp_path / "out")
    prepare.prepare(
        small_corpus.make_source(raw_file, read=lambda: [expected]), out_dir
    )
    train = [row.seq2 for row in records.read_rows(out_dir, "t", "train")]
    assert train == ["Good good film", "In DEV .", "bad film", ""]
    declared = tasks.Corpus.read(out_dir).declaration["tasks"]["t"]
    assert declared["skipped"] == {}
    assert declared["duplicates"] == {"test": 2}


def test_vocabulary_is_of_train_and_unlabeled_texts(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(
        small_corpus.make_source(raw_file), out_dir, min_count=2
    )
    vocabulary = vocabulary_lib.Vocabulary.read(
        os.path.join(out_dir, "vocabulary.txt")
    )
    # film occurs 3 times, good and more twice, bad once; words of dev, test and
    # the row removed from train do not count.
    assert vocabulary.tokens[4:] == ("film", "good", "more")
    assert corpus.declaration["vocabulary"] == {"size": 7, "min_count": 2}
    all_words = prepare.prepare(
        small_corpus.make_source(raw_file), out_dir, min_count=1
    )
    assert all_words.declaration["vocabulary"]["size"] == 8


def test_token_ids_are_those_of_the_rows(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    prepare.prepare(small_corpus.make_source(raw_file), out_dir, min_count=2)
    # film is 4, good 5, more 6.
    train = records.TokenIds.read(out_dir, "t", "train")
    assert [train.seq2(i).tolist() for i in range(len(train))] == [
        [5, 5, 4],
        [vocabulary_lib.UNKNOWN, 4],
        [vocabulary_lib.EMPTY],
    ]
    assert [train.seq1(i).tolist() for i in range(3)] == [
        [vocabulary_lib.EMPTY]
    ] * 3
    unlabeled = records.TokenIds.read(out_dir, "t", "unlabeled")
    assert unlabeled.seq2(0).tolist() == [6, 4, 6]


@pytest.mark.parametrize("min_count", [1, 2, 5])
def test_diversity_features_do_not_depend_on_min_count(
    tmp_path, raw_file, min_count
):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(
        small_corpus.make_source(raw_file), out_dir, min_count=min_count
    )
    # All words of the remaining training rows, also below min_count.
    with open(os.path.join(out_dir, "term_counts.json")) as file:
        assert json.load(file) == {"t": {"film": 2, "good": 2, "bad": 1}}
    # Types of `Good good film`, `bad film` and the empty text.
    declared = corpus.declaration["diversity"]
    np.testing.assert_allclose(declared["mean"][0], 4 / 3)
    np.testing.assert_allclose(declared["deviation"][0], np.sqrt(8 / 9))
    # Their type-token ratios are 2/3, 1 and 0.
    np.testing.assert_allclose(declared["mean"][1], 5 / 9)
    np.testing.assert_allclose(declared["deviation"][1], np.sqrt(14) / 9)
    features = {
        split: records.read_columns(out_dir, "t", split, ["diversity"])[
            "diversity"
        ]
        for split in tasks.SPLITS
    }
    # `in dev .` and `new test word` have three types each, also if unseen.
    for split, types, ratios in (
        ("train", [2, 2, 0], [2 / 3, 1, 0]),
        ("dev", [3, 3], [1, 1]),
        ("test", [2, 3, 3, 3], [1, 1, 1, 1]),
        ("unlabeled", [2], [2 / 3]),
    ):
        np.testing.assert_allclose(
            features[split][:, :2],
            (np.array([types, ratios]).T - [4 / 3, 5 / 9])
            / [np.sqrt(8 / 9), np.sqrt(14) / 9],
            rtol=1e-6,
        )
    # bad has 1/5, film 2/5; all words of dev are unseen.
    simpson = np.array([4 / 25 + 4 / 25, 1 / 25 + 4 / 25, 0])
    np.testing.assert_allclose(declared["mean"][3], simpson.mean())
    np.testing.assert_allclose(
        features["test"][:2, 3],
        (simpson[1:] - simpson.mean()) / simpson.std(),
        rtol=1e-6,
    )


def test_train_without_texts_that_are_not_in_dev_is_an_error(
    tmp_path, raw_file
):
    splits = small_corpus.make_splits()
    splits["train"] = small_corpus.make_rows("train", ("in dev .", "no"))
    with pytest.raises(ValueError, match="all training texts are also in dev"):
        prepare.prepare(
            small_corpus.make_source(raw_file, splits), str(tmp_path / "out")
        )


def test_checks_have_only_the_rows_of_their_task(tmp_path, monkeypatch):
    checked, check = [], checks.check

    def remember(tallies, *arguments):
        checked.extend(tallies)
        return check(tallies, *arguments)

    monkeypatch.setattr(checks, "check", remember)
    prepare.prepare(leaky_corpus.make_source(), str(tmp_path / "out"))
    assert [x.name for x in checked] == ["again", "films", "pairs"]
    for texts in checked:
        assert {key[0] for key in texts.tally.counts} == {texts.index}


def test_min_count_below_one_is_an_error(tmp_path, raw_file):
    with pytest.raises(ValueError, match="min_count=0: expected at least 1"):
        prepare.prepare(
            small_corpus.make_source(raw_file), str(tmp_path / "out"), 0
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
