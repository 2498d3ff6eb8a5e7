import collections
import math

import numpy as np
import pytest
from scipy import stats

from data_prep.pipeline import diversity_features
from data_prep.pipeline import tokens

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
    return tokens.EncodedTexts(
        np.concatenate(texts).astype(np.int32), offsets.astype(np.int64)
    )


def compute(tasks=_TASKS):
    encoded = [
        {split: encode(pairs) for split, pairs in splits.items()}
        for splits in tasks
    ]
    return diversity_features.compute(encoded, _TOKENS)


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
    actual = compute()
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
    np.testing.assert_allclose(actual.mean, train.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(actual.deviation, train.std(axis=0), rtol=1e-10)
    for features, splits in zip(actual.splits, raw, strict=True):
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
    actual = compute()
    # Sorted by frequency, then by code points.
    assert [list(counts.items()) for counts in actual.counts] == [
        [("b", 3), ("a", 2), ("z", 2)],
        [("c", 2), ("d", 1), ("z", 1)],
    ]


def test_constant_features_are_0():
    # A type-token ratio of 0.3, whose sums have rounding errors.
    same = ([0], [1, 2, 3, 1, 1, 1, 1, 1, 1, 1])
    other = ([0], [4])
    actual = compute([{"train": [same] * 7, "dev": [same, other]}])
    assert actual.deviation == [1] * 5
    np.testing.assert_allclose(actual.splits[0]["train"], 0, atol=1e-12)
    np.testing.assert_allclose(actual.splits[0]["dev"][0], 0, atol=1e-12)
    # Not divided by a deviation: 1 - 3 types.
    np.testing.assert_allclose(actual.splits[0]["dev"][1, 0], -2)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_features_do_not_depend_on_the_batch_size(monkeypatch, size):
    expected = compute()
    monkeypatch.setattr(diversity_features, "_TOKENS_PER_BATCH", size)
    actual = compute()
    assert actual.mean == expected.mean
    for batched, unbatched in zip(actual.splits, expected.splits, strict=True):
        for split, features in unbatched.items():
            np.testing.assert_array_equal(batched[split], features)


def test_a_split_may_have_no_rows():
    none = tokens.EncodedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64))
    splits = {"train": encode(_TASKS[0]["train"]), "unlabeled": none}
    actual = diversity_features.compute([splits], _TOKENS)
    assert actual.splits[0]["unlabeled"].shape == (0, 5)


def test_many_tasks_use_one_trace():
    compute()
    traces = diversity_features._compute.experimental_get_tracing_count()
    compute(_TASKS * 10)
    assert traces == 1
    assert diversity_features._compute.experimental_get_tracing_count() == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
