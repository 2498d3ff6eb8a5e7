import collections
import os

import numpy as np
import pytest

from benchmarks import generated_corpus
from data_prep.corpora import custom
from data_prep.pipeline import prepare
from mtl_tf.data import records


def test_prepared_corpus_has_the_given_sizes(tmp_path):
    task_file = generated_corpus.write(
        str(tmp_path / "raw"), tasks=2, rows=100, tokens=20
    )
    corpus = prepare.prepare(
        custom.make_source(task_file), str(tmp_path / "corpus"), 1
    )
    names = [task.name for task in corpus.tasks]
    assert names == ["task_00", "task_01"]
    for task in names:
        assert corpus.rows[task] == {"train": 100, "dev": 10, "test": 10}
        tokens = records.TokenIds.read(corpus.data_dir, task, "train")
        # Of seq2: a word is one token.
        lengths = np.diff(tokens.offsets)[1::2]
        assert lengths.min() >= 10
        assert lengths.max() <= 30
        # The mean of 100 draws from 10 to 30: its deviation is 0.6.
        assert lengths.mean() == pytest.approx(20, abs=2.4)


def test_words_are_drawn_by_zipfs_law(tmp_path):
    generated_corpus.write(str(tmp_path), tasks=1, rows=400, tokens=100)
    text = (tmp_path / "task_00-train.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t")[0] for line in text.splitlines()[1:]]
    counts = collections.Counter(" ".join(lines).split())
    assert len(counts) <= generated_corpus.WORDS
    total = counts.total()
    # The harmonic number of 5,000 is 9.09.
    for index, (_, count) in enumerate(counts.most_common(5), start=1):
        assert count / total == pytest.approx(1 / index / 9.09, rel=0.1)


def test_words_of_all_ranks_differ():
    words = {
        generated_corpus._spell(rank) for rank in range(generated_corpus.WORDS)
    }
    assert len(words) == generated_corpus.WORDS


def test_rows_depend_on_task_and_seed_alone(tmp_path):
    def texts(seed, name):
        folder = str(tmp_path / name)
        sizes = {"tasks": 2, "rows": 5, "tokens": 10}
        generated_corpus.write(folder, **sizes, seed=seed)
        actual = {}
        for file_name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, file_name), "rb") as file:
                actual[file_name] = file.read()
        return actual

    first = texts(0, "first")
    assert first == texts(0, "again")
    other = texts(1, "other")
    assert first["task_00-train.tsv"] != other["task_00-train.tsv"]
    assert first["task_00-train.tsv"] != first["task_01-train.tsv"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
