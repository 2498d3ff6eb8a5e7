import itertools
import json

import numpy as np
import pytest

from benchmarks import corpora
from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import tasks
from tests.helpers import generated

DESCRIBED = {
    "flat": {"rows": 400, "labels": 2, "seq1": [1] * 13, "seq2": [7] * 13},
    "steep": {
        "rows": 4000,
        "labels": 3,
        "seq1": [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 9],
        "seq2": [0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100],
    },
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    file = folder / "lengths.json"
    file.write_text(json.dumps({"made_up": DESCRIBED}))
    created = folder / "corpus"
    created.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "LENGTHS_FILE", file)
        corpora.generate(str(created), "made_up")
    return str(created)


def test_generated_corpus_matches_its_description(data_dir):
    actual = corpora.describe(data_dir)
    assert actual["flat"] == DESCRIBED["flat"]
    steep = actual["steep"]
    assert (steep["rows"], steep["labels"]) == (4000, 3)
    for sequence, near in (("seq1", 0), ("seq2", 3)):
        np.testing.assert_allclose(
            steep[sequence], DESCRIBED["steep"][sequence], atol=max(1, near)
        )
    corpus = tasks.Corpus.read(data_dir)
    assert [task.pair for task in corpus.tasks] == [False, True]


def test_no_text_is_empty(data_dir):
    tokens = records.TokenIds.read(data_dir, "steep", "train")
    assert np.diff(tokens.offsets).min() == 1


def test_words_follow_zipfs_law(data_dir):
    ids = records.TokenIds.read(data_dir, "steep", "train").ids
    counts = np.bincount(ids, minlength=corpora.VOCABULARY_SIZE)
    assert counts[:4].sum() == 0
    assert len(counts) == corpora.VOCABULARY_SIZE
    # The n-th word is seen an n-th as often as the first, 1 / H(29,996) =
    # 1 / (ln 29,996 + 0.577) = 9.2 % of all words.
    assert counts[4] / len(ids) == pytest.approx(0.092, rel=0.03)
    assert counts[4] / counts[13] == pytest.approx(10, rel=0.1)


def test_the_same_seed_makes_the_same_corpus(data_dir, tmp_path, monkeypatch):
    file = tmp_path / "lengths.json"
    file.write_text(json.dumps({"made_up": DESCRIBED}))
    monkeypatch.setattr(corpora, "LENGTHS_FILE", file)
    ids = [records.TokenIds.read(data_dir, "flat", "train").ids]
    for seed in (0, 1):
        (tmp_path / str(seed)).mkdir()
        corpora.generate(str(tmp_path / str(seed)), "made_up", seed)
        folder = str(tmp_path / str(seed))
        ids.append(records.TokenIds.read(folder, "flat", "train").ids)
    assert np.array_equal(ids[0], ids[1])
    assert not np.array_equal(ids[0], ids[2])


def test_training_yields_successive_epochs(data_dir):
    config = config_lib.Config(data_dir=data_dir, batch_size=100)
    training = corpora.Training(config)
    assert training.task_names == ["flat", "steep"]
    assert training.num_classes == [2, 3]
    assert training.vocabulary_size == 30_000
    # 4,400 rows, two groups of 100 a step.
    assert training.batches.steps_per_epoch == 22
    first, second = itertools.islice(training.epochs(), 2)
    expected_batches = itertools.islice(training.batches.generate(0), 44)
    for batch, expected in zip(first + second, expected_batches, strict=True):
        np.testing.assert_array_equal(batch["token_ids"], expected["token_ids"])


def test_some_tasks_of_a_prepared_corpus(tmp_path):
    data_dir = generated.write_corpus(str(tmp_path / "corpus"))
    config = config_lib.Config(data_dir=data_dir, tasks=("books", "films"))
    training = corpora.Training(config)
    assert training.task_names == ["books", "films"]
    assert training.num_classes == [2, 3]
    words = (tmp_path / "corpus" / "vocabulary.txt").read_text().splitlines()
    assert training.vocabulary_size == len(words)


def test_saved_text_lengths():
    kept = json.loads(corpora.LENGTHS_FILE.read_text())
    assert {name: len(x) for name, x in kept.items()} == {
        "fdu_mtl": 16,
        "pairwise": 8,
    }
    for described in kept.values():
        for task in described.values():
            for sequence in ("seq1", "seq2"):
                assert len(task[sequence]) == len(corpora.QUANTILES)
                assert task[sequence] == sorted(task[sequence])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
