"""Tokenization of a corpus, once, before its vocabulary is known."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import records
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib

_TEXTS_PER_BATCH = 512
# The single temporary id of a text without tokens.
EMPTY = 0


@dataclasses.dataclass(frozen=True)
class EncodedTexts:
    """Texts as temporary token ids, in the layout of `records.TokenIds`.

    Attributes:
      ids: temporary token ids of all texts, int32 [num_tokens].
      offsets: int64 [2 * rows + 1].
    """

    ids: np.ndarray
    offsets: np.ndarray

    def row_keys(self) -> list[bytes]:
        """Returns a key for each row, equal if both sequences are equal."""
        keys = []
        for start, middle, end in zip(
            self.offsets[:-1:2],
            self.offsets[1::2],
            self.offsets[2::2],
            strict=True,
        ):
            # The length of seq1 distinguishes `a b | c` from `a | b c`.
            length = (middle - start).tobytes()
            keys.append(length + self.ids[start:end].tobytes())
        return keys

    def seq2_keys(self) -> list[bytes]:
        """Returns a key for each row, equal if seq2 is equal."""
        return [
            self.ids[start:end].tobytes()
            for start, end in zip(
                self.offsets[1::2], self.offsets[2::2], strict=True
            )
        ]

    def select(self, keep: np.ndarray) -> "EncodedTexts":
        """Selects rows by a mask, bool [rows]."""
        lengths = np.diff(self.offsets)
        keep_texts = np.repeat(keep, 2)
        return EncodedTexts(
            self.ids[np.repeat(keep_texts, lengths)],
            _to_offsets(lengths[keep_texts]),
        )

    def with_final_ids(self, final_ids: np.ndarray) -> records.TokenIds:
        """Converts temporary ids to those of a vocabulary."""
        return records.TokenIds(final_ids[self.ids], self.offsets)


class Tokenizer:
    """A tokenizer that assigns consecutive temporary ids to tokens.

    Attributes:
      tokens: the tokens by temporary id.
    """

    def __init__(self):
        self.tokens = [vocabulary_lib.SPECIAL_TOKENS[vocabulary_lib.EMPTY]]
        self._ids = {}

    def encode(self, splits: Iterable[Sequence[str]]) -> list[EncodedTexts]:
        """Tokenizes the texts of several splits in one pipeline.

        Building a pipeline takes longer than tokenizing a small split.

        Args:
          splits: the texts of each split, alternating seq1 and seq2 of each
            row.

        Returns:
          The encoded texts of each split.
        """
        splits = list(splits)
        # Texts that pairs share (a topic, a premise, an article) are tokenized
        # once.
        unique = dict.fromkeys(itertools.chain.from_iterable(splits))
        indices = {text: index for index, text in enumerate(unique)}
        ids, lengths = self._tokenize(list(unique))
        starts = np.cumsum(lengths) - lengths
        return [
            _take(
                ids, starts, lengths, np.array([indices[x] for x in texts], int)
            )
            for texts in splits
        ]

    def _tokenize(self, texts):
        """Returns the concatenated ids of texts, and the texts' lengths."""

        def batches():
            for start in range(0, len(texts), _TEXTS_PER_BATCH):
                batch = texts[start : start + _TEXTS_PER_BATCH]
                # In an array of str, all texts have the size of the longest.
                yield np.array([x.encode("utf-8") for x in batch], object)

        # TensorFlow's memory holds a few batches at a time.
        dataset = (
            tf.data.Dataset.from_generator(
                batches, output_signature=tf.TensorSpec([None], tf.string)
            )
            .map(_unique_tokens, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )
        ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for tokens, token_indices, text_lengths in dataset.as_numpy_iterator():
            # Each batch has its tokens once, so that Python handles some
            # thousand strings per batch instead of all tokens of the corpus.
            new_ids = np.array([self._id(x) for x in tokens], np.int32)
            text_lengths = text_lengths.copy()
            is_empty = text_lengths == 0
            positions = (np.cumsum(text_lengths) - text_lengths)[is_empty]
            ids.append(np.insert(new_ids[token_indices], positions, EMPTY))
            text_lengths[is_empty] = 1
            lengths.append(text_lengths)
        return np.concatenate(ids), np.concatenate(lengths)

    def final_ids(self, vocabulary: vocabulary_lib.Vocabulary) -> np.ndarray:
        """Returns the vocabulary's id of each temporary id, int32."""
        ids = {
            token: token_id for token_id, token in enumerate(vocabulary.tokens)
        }
        return np.array(
            [ids.get(token, vocabulary_lib.UNKNOWN) for token in self.tokens],
            np.int32,
        )

    def _id(self, token: bytes) -> int:
        token_id = self._ids.get(token)
        if token_id is None:
            token_id = self._ids[token] = len(self.tokens)
            self.tokens.append(token.decode("utf-8"))
        return token_id


def _unique_tokens(texts):
    tokens = tokenizer.tokenize(texts)
    unique, indices = tf.unique(tokens.flat_values)
    return unique, indices, tokens.row_lengths()


def _take(ids, starts, lengths, indices) -> EncodedTexts:
    """Concatenates the texts at `indices`, given their starts and lengths."""
    lengths = lengths[indices]
    offsets = _to_offsets(lengths)
    shifts = np.repeat(starts[indices] - offsets[:-1], lengths)
    return EncodedTexts(ids[np.arange(offsets[-1]) + shifts], offsets)


def _to_offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
