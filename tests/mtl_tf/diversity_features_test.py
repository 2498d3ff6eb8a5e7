import collections
import json
import math
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf import diversity_features
from mtl_tf import records
from mtl_tf import tasks as tasks_lib
from mtl_tf import text
from tests import generated

# Ids from 4 on are words. Of the 20 tokens of a task's training rows, 10 are
# word 4, 5 word 5, 1 word 6, none word 7, and 4 are unknown words.
_COUNTS = np.array([0, 4, 0, 0, 10, 5, 1, 0], np.int32)


def compute(*texts, counts=_COUNTS):
    tokens = tf.ragged.constant(texts, tf.int32, ragged_rank=1)
    return diversity_features.compute(tokens, counts).numpy()


def by_definition(ids, counts):
    """The features of one text, a word at a time."""
    words = [x for x in ids if x != text.EMPTY]
    all_tokens = sum(counts)
    entropy = simpson = powers = 0.0
    for word in collections.Counter(words):
        if word == text.UNKNOWN or not counts[word]:
            continue
        p = counts[word] / all_tokens
        entropy -= p * math.log(p)
        simpson += p * p
        powers += p**0.99
    if not powers:
        powers = (1 / all_tokens) ** 0.99
    types = len(set(words))
    ratio = types / len(words) if words else 0
    return [types, ratio, entropy, simpson, math.log(powers) / 0.01]


def test_worked_example():
    # Words 4 (p = 1/2), 5 (1/4); three tokens.
    (found,) = compute([4, 5, 4])
    powers = 0.5**0.99 + 0.25**0.99
    np.testing.assert_allclose(
        found,
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


def test_renyi_is_near_shannon_where_p_is_a_distribution():
    # Rényi's entropy becomes Shannon's as alpha becomes 1.
    (found,) = compute([4, 5, 6], counts=np.array([0, 0, 0, 0, 7, 2, 1]))
    _, _, entropy, _, renyi = found
    np.testing.assert_allclose(renyi, entropy, rtol=0.01)
    assert renyi > entropy


def test_unknown_words_are_one_type_that_was_never_seen():
    found = compute([4, text.UNKNOWN, text.UNKNOWN], [4], [4, 7, 7])
    np.testing.assert_array_equal(found[0, 2:], found[1, 2:])
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[0, :2], [2, 2 / 3])


@pytest.mark.parametrize("ids", [[], [text.EMPTY]])
def test_a_text_without_words(ids):
    before, empty, after = compute([4], ids, [5])
    # As if it held one word that was seen once, of 20 tokens.
    renyi = 99 * math.log(1 / 20)
    np.testing.assert_allclose(empty, [0, 0, 0, 0, renyi], rtol=1e-12)
    np.testing.assert_array_equal([before, after], compute([4], [5]))


def test_words_that_were_never_seen():
    found = compute([7], [text.UNKNOWN], [6])
    # What is unseen counts like what was seen once, which word 6 was.
    np.testing.assert_allclose(found[:, 4], found[2, 4], rtol=1e-12)
    np.testing.assert_array_equal(found[:2, 2:4], 0)


def test_a_task_without_words():
    found = compute([4], [text.EMPTY], counts=np.zeros(8, np.int32))
    np.testing.assert_array_equal(found, [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]])


def test_no_texts():
    assert compute().shape == (0, 5)


def test_random_texts():
    random = np.random.default_rng(0)
    counts = random.integers(0, 9, size=40).astype(np.int32)
    counts[[text.PADDING, text.SEPARATOR, text.EMPTY]] = 0
    ids = [text.UNKNOWN, *range(4, 40)]
    texts = [
        random.choice(ids, size=random.integers(1, 60)).tolist()
        for _ in range(50)
    ]
    texts[10] = [text.EMPTY]
    np.testing.assert_allclose(
        compute(*texts, counts=counts),
        [by_definition(ids, counts) for ids in texts],
        rtol=1e-10,
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("data"))
    rows = {"train": 40, "dev": 9, "test": 9, "unlabeled": 7}
    generated.write_corpus(data_dir, rows=rows)
    return tasks_lib.Corpus.read(data_dir)


@pytest.mark.parametrize("names", [[], ["games", "books"]])
def test_strings_have_the_features_of_their_records(corpus, names):
    # All that is read is what a run keeps of its corpus.
    tasks = corpus.select(names)
    features = diversity_features.DiversityFeatures.read(corpus, tasks)
    vocabulary = text.Vocabulary.read(
        os.path.join(corpus.data_dir, text.VOCABULARY_FILE)
    )

    @tf.function(
        input_signature=[
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([None], tf.string),
        ],
        autograph=False,
    )
    def serve(task, texts):
        return features(task, vocabulary.encode(texts))

    for number, task in enumerate(tasks):
        for split in tasks_lib.SPLITS:
            columns = records.read_columns(
                corpus.data_dir, task.name, split, ("seq2", "diversity")
            )
            found = serve(number, columns["seq2"])
            assert found.dtype == tf.float32
            np.testing.assert_array_equal(found, columns["diversity"])


def test_a_saved_model_has_the_same_features(corpus, tmp_path):
    features = diversity_features.DiversityFeatures.read(corpus, corpus.tasks)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32)], autograph=False
    )
    def serve(tokens):
        tokens = tf.RaggedTensor.from_tensor(tokens, padding=text.PADDING)
        return {"features": features(2, tokens)}

    path = str(tmp_path / "model")
    tf.saved_model.save(tf.Module(), path, {"serve": serve})
    tokens = tf.constant([[5, 4, 5, 1], [6, 8, 0, 0], [text.EMPTY, 0, 0, 0]])
    loaded = tf.saved_model.load(path).signatures["serve"](tokens)
    np.testing.assert_array_equal(loaded["features"], serve(tokens)["features"])
    one = features(2, tf.ragged.constant([[6, 8]], tf.int32))
    np.testing.assert_array_equal(loaded["features"][1:2], one)


def test_features_are_of_the_task_that_is_asked_for(corpus):
    features = diversity_features.DiversityFeatures.read(corpus, corpus.tasks)
    tokens = tf.ragged.constant([[4, 5], [6, 9]], tf.int32)
    answers = [features(task, tokens).numpy() for task in range(3)]
    assert abs(answers[0] - answers[1]).max() > 1e-3
    assert abs(answers[0] - answers[2]).max() > 1e-3


def _without_declaration(data_dir):
    path = os.path.join(data_dir, "corpus.json")
    with open(path, encoding="utf-8") as file:
        declaration = json.load(file)
    del declaration["diversity"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(declaration, file)


def _cut(data_dir):
    path = os.path.join(data_dir, "term_counts.npy")
    os.truncate(path, os.path.getsize(path) - 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: os.remove(f"{d}/term_counts.npy"), "term_counts.npy is mis"),
        (_without_declaration, "has no diversity features .*corpus.json says"),
        (_cut, "term_counts.npy is damaged .*: prepare the corpus again"),
        (
            lambda d: np.save(f"{d}/term_counts.npy", np.zeros([2, 9])),
            r"of shape \[2, 9\], expected a row for each of 3 tasks",
        ),
        (
            lambda d: np.save(f"{d}/term_counts.npy", np.zeros(3)),
            r"of shape \[3\], expected a row for each of 3 tasks",
        ),
    ],
)
def test_what_is_missing_or_damaged(corpus, tmp_path, damage, message):
    data_dir = str(tmp_path / "data")
    shutil.copytree(corpus.data_dir, data_dir)
    damage(data_dir)
    broken = tasks_lib.Corpus.read(data_dir)
    with pytest.raises(ValueError, match=message):
        diversity_features.DiversityFeatures.read(broken, broken.tasks)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
