import collections
import math

import numpy as np
import pytest
from scipy import stats

from data_prep.pipeline import blocks
from data_prep.pipeline import counts
from data_prep.pipeline import diversity_features
from data_prep.pipeline import tokens
from mtl_tf.data import tasks as tasks_lib

# Tokens by temporary id; 0 is a text without words.
_TOKENS = ["<empty>", "z", "b", "a", "c", "d"]
# Two tasks of pairs (seq1, seq2), as ids. seq1 is not counted.
_TASKS = [
    {
        "train": [
            ([1, 1, 1], [1, 2, 1, 3]),
            ([0], [2, 2, 3]),
            ([5], [0]),
        ],
        "dev": [([1], [4, 1]), ([1], [3])],
    },
    {
        "train": [([4], [4, 4, 5]), ([4, 4], [1])],
        "dev": [([2], [0])],
        "test": [([2], [1, 2, 3, 4, 5])],
        "unlabeled": [([2], [5, 5]), ([5], [4])],
    },
]


def encode(pairs):
    texts = [ids for pair in pairs for ids in pair]
    offsets = np.cumsum([0, *map(len, texts)])
    ids = np.array([x for text in texts for x in text], np.int32)
    keys = tokens.text_keys(ids, offsets, _TOKENS)
    return tokens.EncodedTexts(ids, offsets.astype(np.int64), keys)


def make_blocks(task, splits, size):
    """Makes blocks of at most `size` rows of each split."""
    for index, pairs in enumerate(splits.values()):
        for start in range(0, len(pairs), size):
            part = pairs[start : start + size]
            yield blocks.TokenBlock(
                blocks.BlockKey(task, index, 0, start),
                _TOKENS,
                encode(part),
                [""] * len(part),
                np.zeros(len(part), np.int32),
                np.zeros(len(part), bool),
                np.zeros(len(part), bool),
            )


def compute(tasks=_TASKS, size=100):
    """Computes features by task and split, term counts and statistics."""
    infos = [
        blocks.TaskInfo(tasks_lib.Task("t", ("a", "b")), tuple(splits))
        for splits in tasks
    ]
    all_blocks = [
        block
        for task, splits in enumerate(tasks)
        for block in make_blocks(task, splits, size)
    ]
    total = counts.merge(
        counts.count(x, np.zeros(len(x), np.uint8), infos) for x in all_blocks
    )
    raw = {
        x.key: diversity_features.measure(
            x.encoded,
            x.tokens,
            diversity_features.Terms.of(total.terms[x.key.task]),
        )
        for x in all_blocks
    }
    statistics = diversity_features.summarize(
        [
            x
            for key, x in raw.items()
            if infos[key.task].splits[key.split] == "train"
        ]
    )
    features = [
        {
            split: np.concatenate(
                [
                    statistics.z_score(x)
                    for key, x in raw.items()
                    if key[:2] == (task, index)
                ]
            )
            for index, split in enumerate(splits)
        }
        for task, splits in enumerate(tasks)
    ]
    return features, total.terms, statistics


def raw_features(seq2, train):
    """Computes features of a text by their definition, before z-scoring."""
    seen = collections.Counter(word for _, ids in train for word in ids if word)
    words = [word for word in seq2 if word]
    p = [seen[word] / seen.total() for word in set(words) if seen[word]]
    powers = sum(x**0.99 for x in p) or seen.total() ** -0.99
    return [
        len(set(words)),
        len(set(words)) / max(len(words), 1),
        -sum(x * math.log(x) for x in p),
        sum(x * x for x in p),
        math.log(powers) / (1 - 0.99),
    ]


def test_features_equal_their_definition():
    features_by_task, _, statistics = compute()
    raw = [
        {
            split: np.array(
                [raw_features(ids, splits["train"]) for _, ids in x]
            )
            for split, x in splits.items()
        }
        for splits in _TASKS
    ]
    train = np.concatenate([splits["train"] for splits in raw])
    np.testing.assert_allclose(statistics.mean, train.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(
        statistics.deviation, train.std(axis=0), rtol=1e-10
    )
    for features, splits in zip(features_by_task, raw, strict=True):
        assert features.keys() == splits.keys()
        for split, expected in splits.items():
            assert features[split].dtype == np.float32
            np.testing.assert_allclose(
                features[split],
                stats.zmap(expected, train),
                rtol=1e-5,
                atol=1e-6,
            )


def test_counts_are_of_seq2_in_train():
    _, terms, _ = compute()
    assert terms == {0: {"b": 3, "a": 2, "z": 2}, 1: {"c": 2, "d": 1, "z": 1}}
    infos = [blocks.TaskInfo(tasks_lib.Task("t", ("a", "b")), ("train",))]
    # Sorted by frequency, then by code points.
    by_term = counts.CorpusCounts(terms=terms).terms_by_task(infos)["t"]
    assert list(by_term.items()) == [("b", 3), ("a", 2), ("z", 2)]


def test_constant_features_are_0():
    # A type-token ratio of 0.3, whose sums have rounding errors.
    same = ([0], [1, 2, 3, 1, 1, 1, 1, 1, 1, 1])
    other = ([0], [4])
    features, _, statistics = compute(
        [{"train": [same] * 7, "dev": [same, other]}]
    )
    assert statistics.deviation == [1] * 5
    np.testing.assert_allclose(features[0]["train"], 0, atol=1e-12)
    np.testing.assert_allclose(features[0]["dev"][0], 0, atol=1e-12)
    # Not divided by a deviation: 1 - 3 types.
    np.testing.assert_allclose(features[0]["dev"][1, 0], -2)


def random_pairs(rows):
    random = np.random.default_rng(3)
    return [
        (
            random.integers(1, 6, random.integers(1, 5)).tolist(),
            random.integers(1, 6, random.integers(1, 9)).tolist(),
        )
        for _ in range(rows)
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 50])
@pytest.mark.parametrize("words", [10, 64, 1 << 20])
def test_features_do_not_depend_on_the_blocks(monkeypatch, size, words):
    monkeypatch.setattr(diversity_features, "_WORDS_PER_BATCH", words)
    pairs = random_pairs(101)
    tasks = [{"train": pairs[:70], "dev": pairs[70:]}, {"train": pairs[50:]}]
    expected, _, statistics = compute(tasks, size=1000)
    actual, _, of_blocks = compute(tasks, size)
    # Bit by bit, and not only close.
    assert of_blocks == statistics
    for one, other in zip(actual, expected, strict=True):
        for split, features in other.items():
            np.testing.assert_array_equal(one[split], features)


def test_statistics_are_those_of_numpy_for_all_rows():
    features = np.random.default_rng(0).lognormal(size=[1001, 5])
    for size in (1, 10, 333, 2000):
        parts = np.split(features, range(size, len(features), size))
        actual = diversity_features.summarize([*parts, features[:0]])
        assert actual.mean == features.mean(axis=0).tolist()
        assert actual.deviation == features.std(axis=0).tolist()


def test_a_block_may_have_no_rows():
    actual = diversity_features.measure(
        encode([]), _TOKENS, diversity_features.Terms.of({"a": 1})
    )
    assert actual.shape == (0, 5)


def test_many_tasks_use_one_trace():
    compute()
    traces = diversity_features._compute.experimental_get_tracing_count()
    compute(_TASKS * 10)
    assert traces == 1
    assert diversity_features._compute.experimental_get_tracing_count() == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
