import os

import pytest
import tensorflow as tf

from mtl_tf.data import vocabulary as vocabulary_lib

_SPECIAL = "<padding>\n<unknown>\n<separator>\n<empty>\n"


def _write(path, content):
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    return str(path)


def test_vocabulary_round_trip(tmp_path):
    path = str(tmp_path / "folder" / "vocabulary.txt")
    written = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "the", "é")
    ).write(path)
    read = vocabulary_lib.Vocabulary.read(path)
    assert read == written
    assert read.tokens[4:] == ("the", "é")
    assert len(read) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r":1: expected <padding>, got None"),
        ("the\n", r":1: expected <padding>, got 'the'"),
        ("<padding>\n<unknown>\n<empty>\n", r":3: expected <separator>"),
        (_SPECIAL + "a\nb\na\n", r":7: token 'a' repeats line 5"),
        (_SPECIAL + "a\n\nb\n", r":6: expected one token .* got ''"),
        (_SPECIAL + "a b\n", r":5: expected one token .* got 'a b'"),
        (_SPECIAL + "a\rb\n", r":5: expected one token .* got 'a\\rb'"),
        (_SPECIAL.encode() + b"\xe9\n", r":5: not UTF-8"),
    ],
)
def test_vocabulary_errors_name_file_and_line(tmp_path, content, message):
    path = _write(tmp_path / "v.txt", content)
    with pytest.raises(ValueError, match="v.txt" + message):
        vocabulary_lib.Vocabulary.read(path)


def test_a_vocabulary_may_have_crlf_line_ends(tmp_path):
    content = (_SPECIAL + "the\ncat\n").replace("\n", "\r\n")
    vocabulary = vocabulary_lib.Vocabulary.read(
        _write(tmp_path / "v.txt", content)
    )
    assert vocabulary.tokens[4:] == ("the", "cat")
    # The lookup table is read by TensorFlow.
    assert vocabulary.encode(tf.constant(["cat the"])).to_list() == [[5, 4]]


def test_a_missing_vocabulary_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no vocabulary"):
        vocabulary_lib.Vocabulary.read(str(tmp_path / "v.txt"))


@pytest.mark.parametrize("in_file", [False, True])
def test_encode_returns_token_ids(tmp_path, in_file):
    vocabulary = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "good", "film", "#")
    )
    if in_file:
        vocabulary = vocabulary.write(str(tmp_path / "v.txt"))
    token_ids = vocabulary.encode(
        tf.constant(["Good FILM!", "", "# good", " "])
    )
    assert token_ids.dtype == tf.int32
    # good is 4, film 5, # 6, the unknown ! 1, and an empty text 3.
    assert token_ids.to_list() == [[4, 5, 1], [3], [6, 4], [3]]


def test_encode_may_be_used_in_a_graph_first(tmp_path):
    vocabulary = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "good")
    ).write(str(tmp_path / "v.txt"))
    dataset = tf.data.Dataset.from_tensors(tf.constant(["good", "bad"]))
    token_ids = next(iter(dataset.map(vocabulary.encode)))
    assert token_ids.to_list() == [[4], [1]]
    # The table does not belong to that graph.
    assert vocabulary.encode(tf.constant(["good"])).to_list() == [[4]]


def test_a_replaced_file_is_another_vocabulary(tmp_path):
    path = str(tmp_path / "v.txt")
    one = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "good", "bad")
    ).write(path)
    assert one.encode(tf.constant(["good"])).to_list() == [[4]]
    other = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "bad", "good")
    ).write(path)
    assert other.encode(tf.constant(["good"])).to_list() == [[5]]
    assert one.encode(tf.constant(["good"])).to_list() == [[4]]


def test_a_saved_model_contains_the_vocabulary(tmp_path):
    vocabulary = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "good")
    ).write(str(tmp_path / "v.txt"))
    module = tf.Module()
    module.table = vocabulary.table
    module.encode = tf.function(
        lambda texts: vocabulary.encode(texts).to_tensor(),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    os.remove(vocabulary.path)
    os.rename(tmp_path / "saved", tmp_path / "moved")
    loaded = tf.saved_model.load(str(tmp_path / "moved"))
    token_ids = loaded.encode(tf.constant(["a good", ""])).numpy()
    assert token_ids.tolist() == [[1, 4], [3, 0]]


def test_vocabulary_from_counts_is_sorted_by_frequency():
    vocabulary = vocabulary_lib.vocabulary_from_counts(
        ["<empty>", "b", "rare", "a", "common"], [9, 2, 1, 2, 5], min_count=2
    )
    assert vocabulary.tokens == (
        *vocabulary_lib.SPECIAL_TOKENS,
        "common",
        "a",
        "b",
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
