import numpy as np
import pytest
import tensorflow as tf

from data_prep.pipeline import tokens
from mtl_tf.data import tokenizer as tokenizer_lib


@pytest.fixture(params=[1, 2, 512])
def tokenizer(request, monkeypatch):
    """A tokenizer of one or several batches."""
    monkeypatch.setattr(tokens, "_TEXTS_PER_BATCH", request.param)
    return tokens.Tokenizer()


_TEXTS = ["", "a b a", "", "", "c", "a", " ", "b!"]


def test_encode_assigns_ids_in_order_of_appearance(tokenizer):
    (encoded,) = tokenizer.encode([_TEXTS])
    # Temporary ids in order of appearance: a 1, b 2, c 3, ! 4; 0 is a text
    # without tokens.
    assert tokenizer.tokens == ["<empty>", "a", "b", "c", "!"]
    assert encoded.ids.tolist() == [0, 1, 2, 1, 0, 0, 3, 1, 0, 2, 4]
    assert encoded.offsets.tolist() == [0, 1, 4, 5, 6, 7, 8, 9, 11]


def test_encode_keeps_ids_between_calls(tokenizer):
    tokenizer.encode([["a", "b"]])
    (encoded,) = tokenizer.encode([["b", "c"]])
    assert encoded.ids.tolist() == [2, 3]


def test_encode_returns_the_texts_of_each_split(tokenizer):
    splits = [["a b", "c"], [], ["c", "b a"], ["", "c"]]
    encoded = tokenizer.encode(iter(splits))
    assert [x.ids.tolist() for x in encoded] == [
        [1, 2, 3],
        [],
        [3, 2, 1],
        [0, 3],
    ]
    assert [x.offsets.tolist() for x in encoded] == [
        [0, 2, 3],
        [0],
        [0, 1, 3],
        [0, 1, 2],
    ]


def test_many_tokenizers_are_no_reason_for_a_warning(caplog, monkeypatch):
    # TensorFlow warns twice of a function, and then never again: this one is
    # new, whatever the other tests did.
    original = tokens._unique_tokens
    monkeypatch.setattr(tokens, "_unique_tokens", lambda x: original(x))
    for _ in range(8):
        tokens.Tokenizer().encode([["a b"]])
    assert not caplog.records


def test_many_splits_use_one_pipeline(tokenizer, monkeypatch):
    traced = []

    def tokenize(texts, original=tokenizer_lib.tokenize):
        traced.append(texts)
        return original(texts)

    monkeypatch.setattr(tokenizer_lib, "tokenize", tokenize)
    tokenizer.encode([f"a{n}", f"b{n}"] for n in range(30))
    assert len(traced) == 1


def test_a_batch_may_have_a_long_text_and_a_final_nul(tokenizer):
    # NumPy removes final NULs of strings.
    (encoded,) = tokenizer.encode([["a\x00", "b " * 100_000]])
    assert encoded.offsets.tolist() == [0, 1, 100_001]
    assert tokenizer.tokens == ["<empty>", "a", "b"]


def test_repeated_texts_are_tokenized_once(tokenizer, monkeypatch):
    tokenized = []

    def tokenize(texts, original=tokenizer_lib.tokenize):
        tf.py_function(lambda x: tokenized.extend(x.numpy()), [texts], [])
        return original(texts)

    monkeypatch.setattr(tokenizer_lib, "tokenize", tokenize)
    (encoded,) = tokenizer.encode(
        [["a b", "c", "a b", "", "c", "", "d a", "a b"]]
    )
    assert encoded.ids.tolist() == [1, 2, 3, 1, 2, 0, 3, 0, 4, 1, 1, 2]
    assert encoded.offsets.tolist() == [0, 2, 3, 5, 6, 7, 8, 10, 12]
    assert sorted(tokenized) == [b"", b"a b", b"c", b"d a"]


def test_encode_accepts_no_texts(tokenizer):
    (encoded,) = tokenizer.encode([[]])
    assert encoded.row_keys() == []
    assert encoded.offsets.tolist() == [0]


def test_row_keys_are_equal_for_equal_pairs():
    (encoded,) = tokens.Tokenizer().encode(
        [["a b", "c", "a", "b c", "A  b", "C", "", "c"]]
    )
    first, second, third, fourth = encoded.row_keys()
    assert first == third
    # The same tokens, split differently into seq1 and seq2.
    assert first != second
    assert len({first, second, fourth}) == 3


def test_select_keeps_the_rows_of_a_mask():
    (encoded,) = tokens.Tokenizer().encode([["a b", "c", "a", "b c", "", "d"]])
    kept = encoded.select(np.array([True, False, True]))
    assert kept.ids.tolist() == [1, 2, 3, 0, 4]
    assert kept.offsets.tolist() == [0, 2, 3, 4, 5]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
