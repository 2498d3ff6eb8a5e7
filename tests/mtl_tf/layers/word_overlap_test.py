"""Word overlap of the two texts of a pair."""

import math

import numpy as np

from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.layers import word_overlap

WORDS = 12


def overlap(a, b, first_word=4):
    """Computes the share of a's words that occur in b, word by word."""
    weights = [
        math.log(1 + word - first_word + 1) for word in a if word >= first_word
    ]
    common = [
        math.log(1 + word - first_word + 1)
        for word in a
        if word >= first_word and word in b
    ]
    return sum(common) / sum(weights) if weights else 0


def run(layer, seq1, seq2):
    """Calls the layer for texts without padding."""
    lengths = [np.full(x.shape[:2], x.shape[2], np.int32) for x in (seq1, seq2)]
    return layer(seq1, lengths[0], seq2, lengths[1]).numpy()


def test_shares_are_those_of_the_definition():
    random = np.random.default_rng(0)
    seq1 = random.integers(0, WORDS, (2, 5, 3)).astype(np.int32)
    seq2 = random.integers(0, WORDS, (2, 5, 7)).astype(np.int32)
    seq1[0, 0] = [0, 1, 2]
    actual = run(word_overlap.WordOverlap(WORDS), seq1, seq2)
    assert actual.shape == (2, 5, 2)
    for task_batch, text in np.ndindex(2, 5):
        a, b = seq1[task_batch, text].tolist(), seq2[task_batch, text].tolist()
        np.testing.assert_allclose(
            actual[task_batch, text], [overlap(a, b), overlap(b, a)], rtol=1e-5
        )
    assert actual[0, 0].tolist() == [0, 0]


def test_equal_texts_overlap_fully_and_rare_words_count_more():
    layer = word_overlap.WordOverlap(WORDS)
    same = np.array([[[5, 9, 9, 0]]], np.int32)
    np.testing.assert_allclose(run(layer, same, same[..., ::-1]), [[[1, 1]]])
    rare, frequent = (
        run(layer, np.array([[[4, 11]]], np.int32), np.array([[[x]]], np.int32))
        for x in (11, 4)
    )
    assert rare[0, 0, 0] > 0.7
    assert frequent[0, 0, 0] < 0.3


def test_padding_and_unknown_words_do_not_count():
    layer = word_overlap.WordOverlap(WORDS)
    unknown = vocabulary_lib.UNKNOWN
    seq1 = np.array([[[5, unknown]]], np.int32)
    # The last word is beyond the end.
    seq2 = np.array([[[unknown, 6, 5]]], np.int32)
    lengths = np.array([[2]], np.int32)
    shares = layer(seq1, lengths, seq2, lengths)
    np.testing.assert_array_equal(shares, [[[0, 0]]])
    assert layer.first_word == len(vocabulary_lib.SPECIAL_TOKENS)
