import json
import math
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.data import diversity_features
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import tokenizer
from mtl_tf.utils import checksums
from tests.helpers import generated

# Frequencies in the 20 tokens of a task's training rows.
_COUNTS = {"a": 10, "b": 5, "c": 1, "rare": 4}
# Moments that do not change the features.
_RAW = {"mean": (0,) * 5, "deviation": (1,) * 5}


def compute(*texts, counts=None):
    """Computes features of texts whose words are separated by blanks."""
    counts = _COUNTS if counts is None else counts
    words = [x.split() for x in texts]
    # In reversed order, since the type ids must not matter.
    known = sorted({*counts, *(x for row in words for x in row)}, reverse=True)
    types = tf.ragged.constant(
        [[known.index(x) for x in row] for row in words],
        tf.int32,
        ragged_rank=1,
    )
    by_type = tf.constant([counts.get(x, 0) for x in known], tf.int64)
    total = tf.reduce_sum(by_type)
    return diversity_features.compute(types, by_type, total).numpy()


def by_definition(words, counts):
    """Computes the features of one text in a loop."""
    words = words.split()
    total = max(sum(counts.values()), 1)
    entropy = simpson = powers = 0.0
    for word in set(words):
        p = counts.get(word, 0) / total
        if p:
            entropy -= p * math.log(p)
            simpson += p * p
            powers += p**0.99
    if not powers:
        powers = (1 / total) ** 0.99
    types = len(set(words))
    ratio = types / len(words) if words else 0
    return [types, ratio, entropy, simpson, math.log(powers) / 0.01]


def test_compute_equals_a_worked_example():
    # Words a (p = 1/2), b (1/4); three tokens.
    (actual,) = compute("a b a")
    powers = 0.5**0.99 + 0.25**0.99
    np.testing.assert_allclose(
        actual,
        [
            2,
            2 / 3,
            # -1/2 ln 1/2 - 1/4 ln 1/4 = 1/2 ln 2 + 1/2 ln 2.
            math.log(2),
            1 / 4 + 1 / 16,
            100 * math.log(powers),
        ],
        rtol=1e-12,
    )


def test_renyi_entropy_is_close_to_shannon_entropy():
    # Rényi's entropy approaches Shannon's as alpha approaches 1.
    (actual,) = compute("a b c", counts={"a": 7, "b": 2, "c": 1})
    _, _, entropy, _, renyi = actual
    np.testing.assert_allclose(renyi, entropy, rtol=0.01)
    assert renyi > entropy


def test_unseen_words_are_types_with_probability_0():
    actual = compute("a new newer new", "a")
    np.testing.assert_array_equal(actual[0, 2:], actual[1, 2:])
    # Three types among four tokens.
    np.testing.assert_allclose(actual[:, :2], [[3, 3 / 4], [1, 1]])


def test_features_of_an_empty_text():
    before, empty, after = compute("a", "", "b")
    # As of one word with a frequency of 1 in 20 tokens.
    renyi = 99 * math.log(1 / 20)
    np.testing.assert_allclose(empty, [0, 0, 0, 0, renyi], rtol=1e-12)
    np.testing.assert_array_equal([before, after], compute("a", "b"))


def test_features_of_a_text_of_unseen_words():
    actual = compute("new", "newer", "c")
    # The same as of a word that occurs once, such as c.
    np.testing.assert_allclose(actual[:, 4], actual[2, 4], rtol=1e-12)
    np.testing.assert_array_equal(actual[:2, 2:4], 0)


def test_features_of_a_task_without_words():
    actual = compute("a", "", counts={})
    np.testing.assert_array_equal(actual, [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_features_of_no_texts():
    assert compute().shape == (0, 5)


def _random_texts(num_texts, counts, seed=0):
    random = np.random.default_rng(seed)
    words = [*counts, *(f"new{n}" for n in range(20))]
    return [
        " ".join(random.choice(words, size=random.integers(60)))
        for _ in range(num_texts)
    ]


_MANY = {f"w{n}": 1 + n * n % 9 for n in range(40)}


def test_compute_equals_the_definition_on_random_texts():
    texts = ["", *_random_texts(50, _MANY)]
    np.testing.assert_allclose(
        compute(*texts, counts=_MANY),
        [by_definition(x, _MANY) for x in texts],
        rtol=1e-10,
    )


def _from_strings(features):
    """Returns a graph function that computes the features of texts."""
    return tf.function(
        lambda texts: features(tokenizer.tokenize(texts)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


@pytest.mark.parametrize("counts", [{}, _MANY])
def test_features_of_a_text_do_not_depend_on_its_batch(counts):
    features = diversity_features.DiversityFeatures(counts, **_RAW)
    serve = _from_strings(features)
    texts = ["", *_random_texts(20, _MANY)]
    expected = np.array([by_definition(x, counts) for x in texts])
    together = serve(texts)
    assert together.dtype == tf.float32
    np.testing.assert_allclose(together, expected, rtol=1e-6, atol=1e-6)
    # Each alone, and in another order.
    for text, expected_row in zip(texts, together, strict=True):
        np.testing.assert_array_equal(serve([text])[0], expected_row)
    np.testing.assert_array_equal(serve(texts[::-1])[::-1], together)
    assert serve(tf.constant([], tf.string)).shape == (0, 5)


def test_similar_strings_are_different_types():
    features = diversity_features.DiversityFeatures(_COUNTS, **_RAW)
    tokens = tf.ragged.constant([["a", "á", "aa", "b"], ["a", "a"]])
    assert features(tokens)[:, 0].numpy().tolist() == [4, 1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("data"))
    rows = {"train": 40, "dev": 9, "test": 9, "unlabeled": 7}
    generated.write_corpus(data_dir, rows=rows)
    return tasks_lib.Corpus.read(data_dir)


def test_served_features_equal_those_of_the_records(corpus):
    for task in corpus.tasks:
        features = diversity_features.DiversityFeatures.read(corpus, task.name)
        serve = _from_strings(features)
        for split in tasks_lib.SPLITS:
            columns = records.read_columns(
                corpus.data_dir, task.name, split, ("seq2", "diversity")
            )
            np.testing.assert_allclose(
                serve(columns["seq2"]),
                columns["diversity"],
                rtol=1e-6,
                atol=1e-6,
            )


def test_a_saved_model_computes_the_same_features(corpus, tmp_path):
    features = diversity_features.DiversityFeatures.read(corpus, "games")
    module = tf.Module()
    module.table = features.table
    module.serve = _from_strings(features)
    path = str(tmp_path / "model")
    tf.saved_model.save(module, path)
    texts = tf.constant(["good1 new games1 new newer", "", "uniquegamestrain0"])
    actual = tf.saved_model.load(path).serve(texts)
    np.testing.assert_array_equal(actual, module.serve(texts))
    assert np.ptp(actual, axis=0).min() > 1e-3


def test_features_depend_on_the_task(corpus):
    tokens = tf.ragged.constant([["good1", "games1"], ["bad3", "filler2"]])
    features = [
        diversity_features.DiversityFeatures.read(corpus, task.name)(tokens)
        for task in corpus.tasks
    ]
    for other in features[1:]:
        assert abs(features[0] - other).numpy().max() > 1e-3


def _without_declaration(data_dir):
    path = os.path.join(data_dir, "corpus.json")
    with open(path, encoding="utf-8") as file:
        declaration = json.load(file)
    del declaration["diversity"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(checksums.sign(declaration), file)


def _write(content):
    def write(data_dir):
        path = os.path.join(data_dir, "term_counts.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)

    return write


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda d: os.remove(f"{d}/term_counts.json"),
            "term_counts.json is missing: prepare the corpus again",
        ),
        (
            _without_declaration,
            "no diversity features of task games .'diversity' is missing in",
        ),
        (_write('{"games": {"a"'), "term_counts.json is damaged .Expecting"),
        (_write('{"games": {"a": "1"}}'), "damaged .expected integer counts"),
        (_write('{"games": [1]}'), "term_counts.json is damaged"),
        (_write("[]"), "term_counts.json is damaged"),
        (_write('{"books": {}}'), "of task games .'games' is missing in"),
    ],
)
def test_missing_and_damaged_files_are_an_error(
    corpus, tmp_path, damage, message
):
    data_dir = str(tmp_path / "data")
    shutil.copytree(corpus.data_dir, data_dir)
    damage(data_dir)
    broken = tasks_lib.Corpus.read(data_dir)
    with pytest.raises(ValueError, match=message):
        diversity_features.DiversityFeatures.read(broken, "games")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
