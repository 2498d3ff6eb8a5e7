"""Word vectors of a prepared corpus."""

import numpy as np
import pytest
import tensorflow as tf

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from data_prep.pipeline import word2vec
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import records
from mtl_tf.data import tokenizer

SETTINGS = {"dim": 8, "epochs": 1, "window": 3, "seed": 1}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    source = synthetic.make_source(40, 40, 0.0, seed=0)
    folder = tmp_path_factory.mktemp("corpus") / "data"
    return prepare.prepare(source, str(folder), min_count=1)


def _words_of(corpus, splits):
    """Tokenizes the texts of the records anew."""
    texts = [
        text
        for task in corpus.tasks
        for split in splits
        if corpus.declaration["tasks"][task.name]["splits"].get(split)
        for row in records.read_rows(corpus.data_dir, task.name, split)
        for text in (row.seq1, row.seq2)
    ]
    words = tokenizer.tokenize(tf.constant(texts)).flat_values.numpy()
    return sorted(word.decode("utf-8") for word in words)


@pytest.mark.parametrize("splits", [("train",), ("train", "unlabeled")])
def test_texts_are_those_of_the_splits(corpus, splits):
    texts = word2vec.Texts(corpus, splits)
    words = sorted(word for text in texts for word in text)
    assert words == _words_of(corpus, splits)
    assert texts.num_words == len(words)


def test_vectors_are_read_as_they_were_written(corpus, tmp_path):
    texts = word2vec.Texts(corpus, ("train",))
    vectors = word2vec.train(texts, **SETTINGS)
    assert vectors.keys() == {word for text in texts for word in text}
    path = str(tmp_path / "vectors.txt")
    word2vec.write(path, vectors)
    words = list(vectors)
    loaded = pretrained_embeddings.load(path, ["unseen-word", *words])
    assert not loaded.has_vector[0]
    assert loaded.has_vector[1:].all()
    np.testing.assert_allclose(
        loaded.matrix[1:], [vectors[word] for word in words], rtol=1e-5
    )


def test_the_same_seed_gives_the_same_vectors(corpus):
    texts = word2vec.Texts(corpus, ("train",))
    first, second, other = (
        word2vec.train(texts, **SETTINGS | {"seed": seed}) for seed in (1, 1, 2)
    )
    for word, vector in first.items():
        np.testing.assert_array_equal(second[word], vector)
    assert any((other[word] != vector).any() for word, vector in first.items())


def test_words_of_the_same_contexts_have_similar_vectors():
    random = np.random.default_rng(0)
    texts = [
        [str(random.choice(words)) for _ in range(10)]
        for words in (["good", "fine", "nice"], ["bad", "awful", "poor"]) * 300
    ]
    vectors = word2vec.train(texts, **SETTINGS | {"epochs": 5})

    def cosine(first, second):
        x, y = vectors[first], vectors[second]
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    assert cosine("good", "fine") > 0.5 > cosine("good", "awful")


def test_no_words():
    with pytest.raises(ValueError, match="hold no words of the vocabulary"):
        word2vec.train([], **SETTINGS)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
