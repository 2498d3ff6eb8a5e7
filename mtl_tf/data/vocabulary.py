"""The vocabulary: the tokens that have ids."""

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
# They are not tokens of any text: `<` is a separate token, except in `<3`.
SPECIAL_TOKENS = ("<padding>", "<unknown>", "<separator>", "<empty>")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens that have ids.

    Attributes:
      tokens: the tokens by id, starting with `SPECIAL_TOKENS`.
      path: the file of the tokens, one per line, or None. The lookup table is
        initialized from the file, which becomes an asset of a SavedModel.

    Raises:
      ValueError: if a token is empty, repeated or contains a blank, or the
        special tokens are not the first.
    """

    tokens: tuple[str, ...]
    path: str | None = None

    def __post_init__(self):
        where = self.path or "vocabulary"
        for token_id, special in enumerate(SPECIAL_TOKENS):
            token = self.tokens[token_id] if token_id < len(self) else None
            if token != special:
                raise ValueError(
                    f"{where}:{token_id + 1}: expected {special}, got "
                    f"{token!r}; a vocabulary starts with "
                    f"{' '.join(SPECIAL_TOKENS)}, one per line"
                )
        lines = {}
        for line, token in enumerate(self.tokens, start=1):
            if len(token.split()) != 1 or token != token.strip():
                raise ValueError(
                    f"{where}:{line}: expected one token without blanks, got "
                    f"{token!r}"
                )
            if token in lines:
                raise ValueError(
                    f"{where}:{line}: token {token!r} repeats line "
                    f"{lines[token]}"
                )
            lines[token] = line

    @classmethod
    def read(cls, path: str) -> "Vocabulary":
        """Reads a file of one token per line.

        Raises:
          ValueError: if it is missing or not UTF-8, or its tokens are invalid;
            the message names file and line.
        """
        try:
            with open(path, "rb") as file:
                lines = lines_lib.split(file.read())
        except FileNotFoundError:
            raise ValueError(f"there is no vocabulary {path}") from None
        tokens = []
        for line_number, line in enumerate(lines, start=1):
            try:
                tokens.append(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}:{line_number}: not UTF-8: {error}"
                ) from None
        return cls(tuple(tokens), path)

    def write(self, path: str) -> "Vocabulary":
        """Writes one token per line; returns the vocabulary of that file."""
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{token}\n" for token in self.tokens)
        return dataclasses.replace(self, path=path)

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """The ids by token, int64. An exported model must track the table."""
        # The table belongs to the vocabulary, not to the graph that happens to
        # use it first.
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
        """Returns the ids of tokens, `UNKNOWN` for those that have none.

        Args:
          tokens: string [texts, (tokens)].

        Returns:
          int32 [texts, (tokens)].
        """
        return tf.ragged.map_flat_values(
            lambda flat: tf.cast(self.table.lookup(flat), tf.int32), tokens
        )

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenizes texts and encodes their tokens; see `encode_tokens`.

        Args:
          texts: string [texts].

        Returns:
          Token ids, int32 [texts, (tokens)], at least one for each text.
        """
        return self.encode_tokens(tokenizer.tokenize(texts))

    def encode_tokens(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Encodes tokenized texts.

        A text without tokens becomes the single id `EMPTY`, since recurrent
        layers need a last token.

        Args:
          tokens: string [texts, (tokens)].

        Returns:
          Token ids, int32 [texts, (tokens)], at least one for each text.
        """
        token_ids = self.lookup(tokens)
        texts = token_ids.nrows()
        filler = tf.ragged.constant([[EMPTY]], token_ids.dtype)
        # Not a concatenation on axis 1: oneDNN logs an error for the transpose
        # of integers in it.
        rows = tf.where(token_ids.row_lengths() > 0, tf.range(texts), texts)
        return tf.gather(tf.concat([token_ids, filler], axis=0), rows)


class _FileInitializer(tf.lookup.TextFileInitializer):
    """A table initializer that identifies the table by its contents.

    TensorFlow shares tables of equal path and size, even if the contents of the
    files differ, and writes the path into SavedModels. Without a shared name,
    the table would be empty in TensorFlow Serving.
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
    """Makes a vocabulary of the tokens that occur `min_count` times or more.

    Tokens are sorted by frequency, then by code points, so that equal counts
    give equal files.

    Args:
      tokens: tokens, without repetitions.
      counts: the number of occurrences of each token.
      min_count: the minimum number of occurrences.
    """
    kept = sorted(
        (-count, token)
        for token, count in zip(tokens, counts, strict=True)
        if count >= min_count and token not in SPECIAL_TOKENS
    )
    return Vocabulary(SPECIAL_TOKENS + tuple(token for _, token in kept))
