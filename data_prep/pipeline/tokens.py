"""Tokenization of a corpus, once, before its vocabulary is known."""

import dataclasses
import functools
import hashlib
import itertools
import os
from collections.abc import Iterable, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf

from mtl_tf.data import records
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib

_TEXTS_PER_BATCH = 512
_KEY_BYTES = 16
# The single temporary id of a text without tokens.
EMPTY = 0


@dataclasses.dataclass(frozen=True)
class EncodedTexts:
    """Texts as temporary token ids, in the layout of `records.TokenIds`.

    Attributes:
      ids: temporary token ids of all texts, int32 [num_tokens].
      offsets: int64 [2 * rows + 1].
      keys: hashes of the tokens of each text, uint64 [2 * rows, 2], from
        `text_keys`. They do not depend on the ids.
    """

    ids: np.ndarray
    offsets: np.ndarray
    keys: np.ndarray

    def row_keys(self) -> list[bytes]:
        """Returns a key for each row, equal if both sequences are equal."""
        content = memoryview(self.keys.tobytes())
        size = 2 * _KEY_BYTES
        return [
            digest(content[start : start + size])
            for start in range(0, len(content), size)
        ]

    def seq2_keys(self) -> list[bytes]:
        """Returns a key for each row, equal if seq2 is equal."""
        return [key.tobytes() for key in self.keys[1::2]]

    def select(self, keep: np.ndarray) -> "EncodedTexts":
        """Selects rows by a mask, bool [rows]."""
        if keep.all():
            return self
        lengths = np.diff(self.offsets)
        keep_texts = np.repeat(keep, 2)
        return EncodedTexts(
            self.ids[np.repeat(keep_texts, lengths)],
            _to_offsets(lengths[keep_texts]),
            self.keys[keep_texts],
        )

    def renumber(self, new_ids: np.ndarray) -> "EncodedTexts":
        """Replaces the ids by others.

        Args:
          new_ids: the new ids by old id, int32.
        """
        return EncodedTexts(new_ids[self.ids], self.offsets, self.keys)

    def with_final_ids(self, final_ids: np.ndarray) -> records.TokenIds:
        """Converts temporary ids to those of a vocabulary."""
        return records.TokenIds(final_ids[self.ids], self.offsets)


class Tokenizer:
    """A tokenizer that assigns consecutive temporary ids to tokens.

    Args:
      threads: number of batches of texts that are tokenized at the same time;
        by default that of the processor's cores.

    Attributes:
      tokens: the tokens by temporary id.
    """

    def __init__(self, threads: int | None = None):
        self._threads = threads or os.cpu_count()
        self.forget()

    @functools.cached_property
    def _traced_unique_tokens(self):
        """`_unique_tokens`, traced once for each tokenizer."""
        # A concrete function: TensorFlow warns where many tokenizers each
        # call a `tf.function` of their own.
        return tf.function(
            _unique_tokens,
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        ).get_concrete_function()

    def forget(self) -> None:
        """Forgets all tokens; ids start again."""
        self.tokens = [vocabulary_lib.SPECIAL_TOKENS[vocabulary_lib.EMPTY]]
        self._ids: dict[bytes, int] = {}

    def encode(self, splits: Iterable[Sequence[str]]) -> list[EncodedTexts]:
        """Tokenizes the texts of several splits.

        Args:
          splits: the texts of each split, alternating seq1 and seq2 of each
            row.

        Returns:
          The encoded texts of each split.
        """
        splits = list(splits)
        # Texts that pairs share (a topic, a premise, an article) are tokenized
        # once.
        texts = dict.fromkeys(itertools.chain.from_iterable(splits))
        indices = {text: index for index, text in enumerate(texts)}
        ids, lengths = self._tokenize(list(texts))
        unique = EncodedTexts(
            ids,
            _to_offsets(lengths),
            text_keys(ids, _to_offsets(lengths), self.tokens),
        )
        return [
            _take(unique, np.array([indices[x] for x in texts], int))
            for texts in splits
        ]

    def _tokenize(self, texts):
        """Returns the concatenated ids of texts, and the texts' lengths."""
        ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        batches = range(0, len(texts), _TEXTS_PER_BATCH)

        def tokenize(start):
            batch = texts[start : start + _TEXTS_PER_BATCH]
            # In an array of str, all texts have the size of the longest.
            batch = np.array([x.encode("utf-8") for x in batch], object)
            unique = self._traced_unique_tokens(tf.constant(batch))
            return [x.numpy() for x in unique]

        with futures.ThreadPoolExecutor(self._threads) as pool:
            # One call traces; threads would do so in parallel.
            first, rest = batches[:1], batches[1:]
            results = itertools.chain(
                map(tokenize, first), pool.map(tokenize, rest)
            )
            for tokens, token_indices, text_lengths in results:
                # Each batch has its tokens once, so that Python handles some
                # thousand strings per batch instead of all tokens.
                new_ids = np.array([self._id(x) for x in tokens], np.int32)
                text_lengths = text_lengths.copy()
                is_empty = text_lengths == 0
                positions = (np.cumsum(text_lengths) - text_lengths)[is_empty]
                ids.append(np.insert(new_ids[token_indices], positions, EMPTY))
                text_lengths[is_empty] = 1
                lengths.append(text_lengths)
        return np.concatenate(ids), np.concatenate(lengths)

    def _id(self, token: bytes) -> int:
        token_id = self._ids.get(token)
        if token_id is None:
            token_id = self._ids[token] = len(self.tokens)
            self.tokens.append(token.decode("utf-8"))
        return token_id


def digest(*parts: bytes | memoryview) -> bytes:
    """Returns a hash of 16 bytes."""
    hashed = hashlib.blake2b(digest_size=_KEY_BYTES)
    for part in parts:
        hashed.update(part)
    return hashed.digest()


def _unique_tokens(texts):
    tokens = tokenizer.tokenize(texts)
    unique, indices = tf.unique(tokens.flat_values)
    return unique, indices, tokens.row_lengths()


def text_keys(
    ids: np.ndarray, offsets: np.ndarray, tokens: Sequence[str]
) -> np.ndarray:
    """Returns hashes of texts, uint64 [texts, 2].

    Args:
      ids: token ids of all texts.
      offsets: int64 [texts + 1], the start of each text in `ids`.
      tokens: the tokens by id.
    """
    hashes = b"".join(digest(token.encode("utf-8")) for token in tokens)
    by_token = np.frombuffer(hashes, np.uint64).reshape(-1, 2)
    content = memoryview(by_token[ids].tobytes())
    bounds = (_KEY_BYTES * offsets).tolist()
    keys = b"".join(
        digest(content[start:end]) for start, end in itertools.pairwise(bounds)
    )
    return np.frombuffer(keys, np.uint64).reshape(-1, 2)


def _take(unique, indices) -> EncodedTexts:
    """Concatenates the texts at `indices`."""
    lengths = np.diff(unique.offsets)[indices]
    offsets = _to_offsets(lengths)
    shifts = np.repeat(unique.offsets[indices] - offsets[:-1], lengths)
    ids = unique.ids[np.arange(offsets[-1]) + shifts]
    return EncodedTexts(ids, offsets, unique.keys[indices])


def _to_offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
