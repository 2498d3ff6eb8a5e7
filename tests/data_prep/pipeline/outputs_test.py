import numpy as np
import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import outputs
from data_prep.pipeline import tokens
from mtl_tf.data import vocabulary as vocabulary_lib

_TEXTS = ["", "a b a", "", "", "c", "a", " ", "b!"]
# b is 4, a 5; c and ! are unknown, 1; a text without tokens is 3.
_VOCABULARY = vocabulary_lib.Vocabulary(
    (*vocabulary_lib.SPECIAL_TOKENS, "b", "a")
)


def _token_ids(marks):
    """Returns the token ids of a block of four rows."""
    tokenizer = tokens.Tokenizer()
    (encoded,) = tokenizer.encode([_TEXTS])
    block = blocks.TokenBlock(
        blocks.BlockKey(0, 0, 0, 0),
        tokenizer.tokens,
        encoded,
        ["w", "x", "y", "z"],
        np.zeros(4, np.int32),
        np.zeros(4, bool),
        np.zeros(4, bool),
    )
    word_ids = {word: x for x, word in enumerate(_VOCABULARY.tokens)}
    return outputs.token_ids(block, np.array(marks, np.uint8), word_ids)


def test_token_ids_are_those_of_the_vocabulary():
    actual = _token_ids([0, 0, 0, 0])
    assert actual.seq1(0).tolist() == [3]
    assert actual.seq2(0).tolist() == [5, 4, 5]
    assert actual.seq1(2).tolist() == [1]
    assert actual.seq2(3).tolist() == [4, 1]


@pytest.mark.parametrize(
    ("marks", "kept"),
    [
        ([0, 0, 0, 0], _TEXTS),
        ([blocks.DUPLICATE, blocks.REMOVED, 0, 0], _TEXTS[:2] + _TEXTS[4:]),
    ],
)
def test_token_ids_equal_those_of_vocabulary_encode(marks, kept):
    expected = _VOCABULARY.encode(kept)
    actual = _token_ids(marks)
    np.testing.assert_array_equal(actual.ids, expected.flat_values)
    np.testing.assert_array_equal(actual.offsets, expected.row_splits)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
