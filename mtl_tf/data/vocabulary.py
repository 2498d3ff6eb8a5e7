"""The vocabulary: the tokens that have an id."""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Sequence

import tensorflow as tf

from mtl_tf.data import lines as lines_lib
from mtl_tf.data import tasks
from mtl_tf.data import tokenizer

VOCABULARY_FILE = tasks.VOCABULARY_FILE


PADDING, UNKNOWN, SEPARATOR, EMPTY = range(4)


# No text is cut into these: `<` is a token of its own, but in `<3`.
SPECIAL_TOKENS = ("<padding>", "<unknown>", "<separator>", "<empty>")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens that have an id of their own.

    Attributes:
      tokens: a token's id is its place; `SPECIAL_TOKENS` stand in front.
      path: file that holds them, one a line, or None. With a file the lookup
        table is initialized from it, so that a SavedModel carries it along.

    Raises:
      ValueError: if a token is empty, repeats or holds a blank, or the special
        tokens are not in front.
    """

    tokens: tuple[str, ...]
    path: str | None = None

    def __post_init__(self):
        where = self.path or "vocabulary"
        for place, special in enumerate(SPECIAL_TOKENS):
            found = self.tokens[place] if place < len(self.tokens) else None
            if found != special:
                raise ValueError(
                    f"{where}:{place + 1}: expected {special}, got {found!r}; "
                    f"a vocabulary begins with {' '.join(SPECIAL_TOKENS)}, "
                    "one a line"
                )
        lines = {}
        for line, token in enumerate(self.tokens, start=1):
            if len(token.split()) != 1 or token != token.strip():
                raise ValueError(
                    f"{where}:{line}: {token!r} is not a token: one without "
                    "blanks is expected on each line"
                )
            if token in lines:
                raise ValueError(
                    f"{where}:{line}: {token!r} stands in line {lines[token]} "
                    "already"
                )
            lines[token] = line

    @classmethod
    def read(cls, path: str) -> "Vocabulary":
        """Reads a file of one token a line.

        Raises:
          ValueError: if it is missing, is not UTF-8, or its tokens are not as
            the class wants them; with the file and the line.
        """
        try:
            with open(path, "rb") as file:
                lines = lines_lib.split(file.read())
        except FileNotFoundError:
            raise ValueError(f"there is no vocabulary {path}") from None
        tokens = []
        for number, line in enumerate(lines, start=1):
            try:
                tokens.append(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}:{number}: not UTF-8: {error}"
                ) from None
        return cls(tuple(tokens), path)

    def write(self, path: str) -> "Vocabulary":
        """Writes one token a line; returns the vocabulary of that file."""
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{token}\n" for token in self.tokens)
        return dataclasses.replace(self, path=path)

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """int64 ids by token; an export has to track it."""
        # Lifted out of the graph that happens to ask first: the table belongs
        # to the vocabulary.
        with tf.init_scope():
            if self.path is None:
                initializer = tf.lookup.KeyValueTensorInitializer(
                    tf.constant(self.tokens),
                    tf.range(len(self.tokens), dtype=tf.int64),
                )
            else:
                initializer = _FileInitializer(
                    self.tokens,
                    self.path,
                    key_dtype=tf.string,
                    key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                    value_dtype=tf.int64,
                    value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
                    vocab_size=len(self.tokens),
                )
            return tf.lookup.StaticHashTable(initializer, UNKNOWN)

    def lookup(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Ids of tokens, `UNKNOWN` for those without one.

        Args:
          tokens: string [texts, tokens of each].

        Returns:
          int32 of the same shape.
        """
        return tf.ragged.map_flat_values(
            lambda flat: tf.cast(self.table.lookup(flat), tf.int32), tokens
        )

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts texts into tokens and encodes them; see `encode_tokens`.

        Args:
          texts: string [texts].

        Returns:
          int32 [texts, tokens of each], at least one each.
        """
        return self.encode_tokens(tokenizer.tokenize(texts))

    def encode_tokens(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Encodes texts that have been cut into tokens.

        A text without tokens becomes the single id `EMPTY`: recurrent layers
        want a true last token.

        Args:
          tokens: string [texts, tokens of each].

        Returns:
          int32 [texts, tokens of each], at least one each.
        """
        ids = self.lookup(tokens)
        empty = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
        filler = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(empty)], EMPTY), empty
        )
        return tf.concat([ids, filler], axis=1)


class _FileInitializer(tf.lookup.TextFileInitializer):
    """Fills a table that is known by what it holds.

    TensorFlow takes tables of the same path and size for one, whatever the
    files hold, and writes the path into SavedModels. A table without a name is
    no way out: TensorFlow Serving would find it empty.
    """

    def __init__(self, tokens, path, **kwargs):
        content = hashlib.sha256("\n".join(tokens).encode("utf-8"))
        self._content = content.hexdigest()
        super().__init__(path, **kwargs)

    @property
    def _shared_name(self):
        return f"vocabulary_{self._content}"


def vocabulary_from_counts(
    tokens: Sequence[str], counts: Sequence[int], min_count: int
) -> Vocabulary:
    """Vocabulary of the tokens seen `min_count` times or more.

    The most frequent comes first, equally frequent ones in the order of their
    code points: the same counts give the same file.
    """
    kept = sorted(
        (-count, token)
        for token, count in zip(tokens, counts, strict=True)
        if count >= min_count and token not in SPECIAL_TOKENS
    )
    return Vocabulary(SPECIAL_TOKENS + tuple(token for _, token in kept))
