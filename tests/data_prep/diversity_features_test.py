import collections
import math

import numpy as np
import pytest
from scipy import stats

from data_prep import diversity_features
from mtl_tf import records
from mtl_tf import text

_WORDS = 9
# Two tasks of pairs (seq1, seq2), as ids. What stands in seq1 is not counted.
_TASKS = [
    {
        "train": [
            ([4, 4, 4], [4, 5, 4, 6]),
            ([text.EMPTY], [5, 5, text.UNKNOWN]),
            ([8], [text.EMPTY]),
        ],
        "dev": [([4], [7, 4]), ([4], [6])],
    },
    {
        "train": [([7], [7, 7, 8]), ([7, 7], [4])],
        "dev": [([5], [text.UNKNOWN])],
        "test": [([5], [4, 5, 6, 7, 8])],
        "unlabeled": [([5], [8, 8]), ([8], [7])],
    },
]


def to_token_ids(pairs):
    texts = [ids for pair in pairs for ids in pair]
    offsets = np.cumsum([0, *map(len, texts)])
    return records.TokenIds(np.concatenate(texts).astype(np.int32), offsets)


def compute(tasks=_TASKS):
    token_ids = [
        {split: to_token_ids(pairs) for split, pairs in splits.items()}
        for splits in tasks
    ]
    return diversity_features.compute(token_ids, _WORDS)


def raw_features(seq2, train):
    """Features of a text by their definition, before they are z-scored."""
    seen = collections.Counter(
        word for _, ids in train for word in ids if word != text.EMPTY
    )
    words = [word for word in seq2 if word != text.EMPTY]
    p = [
        seen[word] / seen.total()
        for word in set(words)
        if word != text.UNKNOWN and seen[word]
    ]
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
    assert found.counts.dtype == np.int32
    assert found.counts.tolist() == [
        # Unknown 1; 4 twice, 5 three times, 6 once.
        [0, 1, 0, 0, 2, 3, 1, 0, 0],
        [0, 0, 0, 0, 1, 0, 0, 2, 1],
    ]


def test_features_that_do_not_vary():
    # A third as three tenths and a bit: sums of it round.
    same = ([text.EMPTY], [4, 5, 6, 4, 4, 4, 4, 4, 4, 4])
    other = ([text.EMPTY], [7])
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
    none = records.TokenIds(np.zeros(0, np.int32), np.zeros(1, np.int64))
    splits = {"train": to_token_ids(_TASKS[0]["train"]), "unlabeled": none}
    found = diversity_features.compute([splits], _WORDS)
    assert found.splits[0]["unlabeled"].shape == (0, 5)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
