import collections
import math

import numpy as np
import pytest
from scipy import stats

from data_prep.pipeline import diversity_features
from data_prep.pipeline import tokens

# Tokens by temporary id, of which 0 stands for a text without words.
_TOKENS = ["<empty>", "z", "b", "a", "c", "d"]
# Two tasks of pairs (seq1, seq2), as ids. What is in seq1 is not counted.
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
    """Features of a text by their definition, before they are z-scored."""
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


def test_features_by_their_definition():
    found = compute()
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
    np.testing.assert_allclose(found.mean, train.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(found.deviation, train.std(axis=0), rtol=1e-10)
    for features, splits in zip(found.splits, raw, strict=True):
        assert features.keys() == splits.keys()
        for split, expected in splits.items():
            assert features[split].dtype == np.float32
            np.testing.assert_allclose(
                features[split],
                stats.zmap(expected, train),
                rtol=1e-5,
                atol=1e-6,
            )


def test_counts_are_those_of_seq2_in_train():
    found = compute()
    # The most frequent first, equally frequent ones by their code points.
    assert [list(counts.items()) for counts in found.counts] == [
        [("b", 3), ("a", 2), ("z", 2)],
        [("c", 2), ("d", 1), ("z", 1)],
    ]


def test_features_that_do_not_vary():
    # A third as three tenths and a bit: sums of it round.
    same = ([0], [1, 2, 3, 1, 1, 1, 1, 1, 1, 1])
    other = ([0], [4])
    found = compute([{"train": [same] * 7, "dev": [same, other]}])
    assert found.deviation == [1] * 5
    np.testing.assert_allclose(found.splits[0]["train"], 0, atol=1e-12)
    np.testing.assert_allclose(found.splits[0]["dev"][0], 0, atol=1e-12)
    # Of other texts, what the features differ by: 1 - 3 types.
    np.testing.assert_allclose(found.splits[0]["dev"][1, 0], -2)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_batches_change_nothing(monkeypatch, size):
    expected = compute()
    monkeypatch.setattr(diversity_features, "_TOKENS_PER_BATCH", size)
    found = compute()
    assert found.mean == expected.mean
    for batched, whole in zip(found.splits, expected.splits, strict=True):
        for split, features in whole.items():
            np.testing.assert_array_equal(batched[split], features)


def test_a_split_without_rows():
    none = tokens.EncodedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64))
    splits = {"train": encode(_TASKS[0]["train"]), "unlabeled": none}
    found = diversity_features.compute([splits], _TOKENS)
    assert found.splits[0]["unlabeled"].shape == (0, 5)


def test_many_tasks_take_one_trace():
    compute()
    traces = diversity_features._compute.experimental_get_tracing_count()
    compute(_TASKS * 10)
    assert traces == 1
    assert diversity_features._compute.experimental_get_tracing_count() == 1


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
