import collections
import logging
import os
import re

import pytest

from data_prep.corpora import pairwise
from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records

_TARGET = "".join(f"text {n} of $T$\nwho {n}\n{n % 3 - 1}\n" for n in range(30))
_STANCE = (
    "Tweet,Target,Stance\r"
    "one,Atheism,NONE\rtwo,Hillary Clinton,FAVOR\rthree,Atheism,AGAINST"
)
_STANCE_TEST = "Tweet,Target,Stance\rfour,Donald Trump,NONE"


@pytest.fixture
def raw_dir(tmp_path):
    """Files of two corpora, and an incomplete third one."""
    files = {
        "tweets/train.raw": _TARGET,
        "tweets/test.raw": _TARGET.replace("text", "test text"),
        "train.csv": _STANCE,
        "test.csv": _STANCE_TEST,
        "fnc/train_bodies.csv": "Body ID,articleBody\n",
    }
    for name, text in files.items():
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="")
    return str(tmp_path / "raw")


def test_pairwise_has_the_corpora_of_the_paper():
    assert list(pairwise.CORPORA) == [
        "topic2",
        "topic5",
        "target",
        "stance",
        "absa_laptops",
        "absa_restaurants",
        "fnc1",
        "multinli",
    ]


def test_a_single_corpus(raw_dir):
    corpus = pairwise.make_source("target", raw_dir, seed=3)
    assert corpus.corpus == "target"
    assert corpus.files == {
        "target/train.raw": os.path.join(raw_dir, "tweets", "train.raw"),
        "target/test.raw": os.path.join(raw_dir, "tweets", "test.raw"),
    }
    assert corpus.settings == {"seed": 3, "dev_in_train": False}
    assert corpus.license.startswith("target: No license is stated")
    (rows,) = corpus.read()
    assert rows.task.name == "target"
    assert len(rows.splits["dev"]) == 3
    (again,) = pairwise.make_source("target", raw_dir, seed=4).read()
    assert again.splits["dev"] != rows.splits["dev"]


def test_pairwise_has_the_corpora_whose_files_exist(raw_dir, tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        raw = pairwise.make_source("pairwise", raw_dir)
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.getMessage().startswith("skipped: ")
    ]
    assert len(warnings) == 6
    assert any(
        re.search(
            r"fnc lacks train_stances\.csv, competition_test_stances\.csv, "
            r"competition_test_bodies\.csv\. Available from: Fake News",
            message,
        )
        for message in warnings
    )
    corpus = prepare.prepare(raw, str(tmp_path / "out"), min_count=1)
    assert [task.name for task in corpus.tasks] == ["stance", "target"]
    assert corpus.rows["stance"] == {"train": 2, "dev": 1, "test": 1}
    declared = corpus.declaration
    missing = declared["settings"]["missing"]
    assert set(missing) == {*pairwise.CORPORA} - {"stance", "target"}
    assert missing["multinli"].startswith("available from: the authors of Mu")
    assert raw_dir not in str(declared)
    assert set(declared["source"]) == {
        "stance/train.csv",
        "stance/test.csv",
        "target/train.raw",
        "target/test.raw",
    }
    assert "stance: No license" in declared["license"]
    row = next(records.read_rows(corpus.data_dir, "stance", "test"))
    assert (row.seq1, row.seq2, row.label) == ("Donald Trump", "four", "none")


def test_dev_in_train_keeps_dev_rows_in_train(raw_dir, tmp_path):
    corpus = prepare.prepare(
        pairwise.make_source("pairwise", raw_dir, dev_in_train=True),
        str(tmp_path / "out"),
    )
    assert corpus.rows["stance"] == {"train": 3, "dev": 1, "test": 1}
    assert corpus.rows["target"] == {"train": 27, "dev": 3, "test": 30}
    assert corpus.declaration["settings"]["dev_in_train"] is True
    assert "leak" in corpus.declaration["tasks"]["stance"]["raw"]


def test_dev_in_train_of_a_corpus_without_dev_is_an_error(raw_dir):
    with pytest.raises(ValueError, match="is not used by corpus target, whose"):
        pairwise.make_source("target", raw_dir, dev_in_train=True)


def test_dev_in_train_needs_more_files(raw_dir):
    for role in ("train", "dev", "test"):
        with open(f"{raw_dir}/twitter-2016{role}-BD.txt", "w") as file:
            file.write("1\ttopic\tpositive\ttext\n")
    assert len(pairwise.make_source("topic2", raw_dir).files) == 3
    with pytest.raises(ValueError, match=r"lacks twitter-2016devtest-BD\.txt"):
        pairwise.make_source("topic2", raw_dir, dev_in_train=True)


def test_missing_files_are_an_error(raw_dir, tmp_path):
    with pytest.raises(ValueError, match=r"corpus fnc1: .*fnc lacks train_st"):
        pairwise.make_source("fnc1", raw_dir)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"files of none of .*topic2, topic5"):
        pairwise.make_source("pairwise", str(empty))


# Published numbers of rows: Table 1 of the paper for train, the organizers for
# test; labels were counted with grep.
_REAL = {
    "topic2": {
        "train": {"negative": 755, "positive": 3591},
        "dev": {"negative": 339, "positive": 986},
        "test": {"negative": 2339, "positive": 8212},
    },
    "topic5": {
        "train": {
            "very_negative": 87,
            "negative": 668,
            "neutral": 1654,
            "positive": 3154,
            "very_positive": 437,
        },
        "dev": {
            "very_negative": 43,
            "negative": 296,
            "neutral": 675,
            "positive": 933,
            "very_positive": 53,
        },
        "test": {
            "very_negative": 138,
            "negative": 2201,
            "neutral": 10081,
            "positive": 7830,
            "very_positive": 382,
        },
    },
    "target": {
        "train+dev": {"negative": 1560, "neutral": 3127, "positive": 1561},
        "test": {"negative": 173, "neutral": 346, "positive": 173},
    },
    "stance": {
        "train+dev": {"against": 1395, "none": 766, "favor": 753},
        "test": {"against": 299, "none": 260, "favor": 148},
    },
    "absa_laptops": {
        "train+dev": {"negative": 1084, "neutral": 188, "positive": 1637},
        "test": {"negative": 274, "neutral": 46, "positive": 481},
    },
    "absa_restaurants": {
        "train+dev": {"negative": 749, "neutral": 101, "positive": 1657},
        "test": {"negative": 204, "neutral": 44, "positive": 611},
    },
    "fnc1": {
        "train+dev": {
            "disagree": 840,
            "discuss": 8909,
            "agree": 3678,
            "unrelated": 36545,
        },
        "test": {
            "disagree": 697,
            "discuss": 4464,
            "agree": 1903,
            "unrelated": 18349,
        },
    },
}


@pytest.fixture(scope="module")
def real():
    raw_dir = os.environ.get("MTL_TF_PAIRWISE_DIR")
    if not raw_dir:
        pytest.skip(
            "set MTL_TF_PAIRWISE_DIR to the folder of the eight corpora"
        )
    task_rows = pairwise.make_source("pairwise", raw_dir).read()
    source.check_rows("pairwise", task_rows)
    return {rows.task.name: rows for rows in task_rows}


@pytest.mark.parametrize("name", _REAL)
def test_the_published_files_have_the_published_rows(real, name):
    splits = real[name].splits
    for expected, labels in _REAL[name].items():
        counts = collections.Counter()
        for split in expected.split("+"):
            counts.update(row.label for row in splits[split])
        assert counts == labels, expected
    assert real[name].raw["deviations"] == {}
    for rows in splits.values():
        assert all(row.seq1 and row.seq2 and row.group for row in rows)


def test_splits_of_the_published_files_share_no_group(real):
    for name in _REAL:
        groups = {
            split: {row.group for row in rows}
            for split, rows in real[name].splits.items()
        }
        assert not groups["train"] & groups["dev"], name
        assert not groups["test"] & (groups["train"] | groups["dev"]), name
    dev = collections.Counter(row.label for row in real["fnc1"].splits["dev"])
    assert set(dev) == {"disagree", "discuss", "agree", "unrelated"}
    assert dev.total() == pytest.approx(0.2 * 49972, rel=0.01)
    assert len(real["stance"].splits["dev"]) == 689
    assert real["stance"].skipped == {"test row of subtask A": 1249}


def test_texts_of_the_published_files(real):
    topic5 = real["topic5"].splits
    # Task B is task C without label 0. (The quotes of one tweet differ.)
    for split, rows in real["topic2"].splits.items():
        in_topic5 = [row for row in topic5[split] if row.label != "neutral"]
        texts, texts_of_5 = (
            collections.Counter(
                (row.seq1, row.seq2.replace('"', "")) for row in x
            )
            for x in (rows, in_topic5)
        )
        assert texts == texts_of_5
    for rows in real.values():
        for split in rows.splits.values():
            assert not any("$T$" in row.seq2 for row in split)
    for name in ("absa_laptops", "absa_restaurants"):
        for split in real[name].splits.values():
            assert not any(re.search(r"&\w+;", row.seq2) for row in split)
    laptops = real["absa_laptops"]
    assert laptops.skipped == {"sentence without an opinion": 461 + 235}
    assert real["absa_restaurants"].raw["pairs_of_several_labels"] == {
        "train": 42,
        "test": 8,
    }
    multinli = real["multinli"]
    if "mnli_train.tsv" in multinli.raw["rows"]:
        assert multinli.skipped == {"premise holds other rows": 3}
    premises = [row.seq1 for rows in multinli.splits.values() for row in rows]
    assert max(map(len, premises)) < 5000
    fnc1 = real["fnc1"].splits
    longest = max(fnc1["train"] + fnc1["dev"], key=lambda row: len(row.seq2))
    assert len(longest.seq2) > 27_000


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
