"""Tokenizes the texts of a corpus once, before its vocabulary is known."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import records
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib

_TEXTS_PER_BATCH = 512
# A text without tokens holds this temporary id alone.
EMPTY = 0


@dataclasses.dataclass(frozen=True)
class EncodedTexts:
    """Texts as temporary ids, laid out like `records.TokenIds`.

    Attributes:
      ids: int32 [tokens].
      offsets: int64 [2 * rows + 1].
    """

    ids: np.ndarray
    offsets: np.ndarray

    def row_keys(self) -> list[bytes]:
        """What two rows share that have the same tokens in both sequences."""
        keys = []
        for start, middle, end in zip(
            self.offsets[:-1:2],
            self.offsets[1::2],
            self.offsets[2::2],
            strict=True,
        ):
            # The length of seq1 keeps `a b | c` apart from `a | b c`.
            length = (middle - start).tobytes()
            keys.append(length + self.ids[start:end].tobytes())
        return keys

    def seq2_keys(self) -> list[bytes]:
        """Returns what two rows share that have the same tokens in seq2."""
        return [
            self.ids[start:end].tobytes()
            for start, end in zip(
                self.offsets[1::2], self.offsets[2::2], strict=True
            )
        ]

    def select(self, keep: np.ndarray) -> "EncodedTexts":
        """The rows whose place in `keep` (bool [rows]) is true."""
        lengths = np.diff(self.offsets)
        of_texts = np.repeat(keep, 2)
        return EncodedTexts(
            self.ids[np.repeat(of_texts, lengths)],
            _to_offsets(lengths[of_texts]),
        )

    def with_final_ids(self, final_ids: np.ndarray) -> records.TokenIds:
        """The same texts in the ids of a vocabulary."""
        return records.TokenIds(final_ids[self.ids], self.offsets)


class Tokenizer:
    """Gives each token that it meets the next temporary id.

    Attributes:
      tokens: the tokens by temporary id.
    """

    def __init__(self):
        self.tokens = [vocabulary_lib.SPECIAL_TOKENS[vocabulary_lib.EMPTY]]
        self._ids = {}

    def encode(self, splits: Iterable[Sequence[str]]) -> list[EncodedTexts]:
        """Tokenizes the texts of several splits in one pipeline.

        A pipeline takes longer to make than it takes to read a small split.

        Args:
          splits: texts, seq1 and seq2 of each row by turns.

        Returns:
          The same of each split.
        """
        splits = list(splits)
        # Where pairs share a topic, a premise or an article, that is tokenized
        # once.
        unique = dict.fromkeys(itertools.chain.from_iterable(splits))
        numbers = {x: number for number, x in enumerate(unique)}
        ids, lengths = self._tokenize(list(unique))
        starts = np.cumsum(lengths) - lengths
        return [
            _take(
                ids, starts, lengths, np.array([numbers[x] for x in texts], int)
            )
            for texts in splits
        ]

    def _tokenize(self, texts):
        """Returns temporary ids of texts end to end, and how many each has."""

        def batches():
            for begin in range(0, len(texts), _TEXTS_PER_BATCH):
                batch = texts[begin : begin + _TEXTS_PER_BATCH]
                # An array of str would give each text the room of the longest.
                yield np.array([x.encode("utf-8") for x in batch], object)

        # A batch at a time goes into TensorFlow's memory.
        dataset = (
            tf.data.Dataset.from_generator(
                batches, output_signature=tf.TensorSpec([None], tf.string)
            )
            .map(_unique_tokens, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )
        ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for tokens, places, text_lengths in dataset.as_numpy_iterator():
            # Each batch names its tokens once, so that Python sees some
            # thousand strings a batch and not every token of the corpus.
            new_ids = np.array([self._id(x) for x in tokens], np.int32)
            text_lengths = text_lengths.copy()
            empty = text_lengths == 0
            at = (np.cumsum(text_lengths) - text_lengths)[empty]
            ids.append(np.insert(new_ids[places], at, EMPTY))
            text_lengths[empty] = 1
            lengths.append(text_lengths)
        return np.concatenate(ids), np.concatenate(lengths)

    def final_ids(self, vocabulary: vocabulary_lib.Vocabulary) -> np.ndarray:
        """int32 [temporary ids]: the ids of a vocabulary."""
        places = {token: i for i, token in enumerate(vocabulary.tokens)}
        return np.array(
            [
                places.get(token, vocabulary_lib.UNKNOWN)
                for token in self.tokens
            ],
            np.int32,
        )

    def _id(self, token: bytes) -> int:
        found = self._ids.get(token)
        if found is None:
            found = self._ids[token] = len(self.tokens)
            self.tokens.append(token.decode("utf-8"))
        return found


def _unique_tokens(texts):
    tokens = tokenizer.tokenize(texts)
    unique, places = tf.unique(tokens.flat_values)
    return unique, places, tokens.row_lengths()


def _take(ids, starts, lengths, numbers) -> EncodedTexts:
    """Texts end to end, by their numbers among those of starts and lengths."""
    lengths = lengths[numbers]
    offsets = _to_offsets(lengths)
    shifts = np.repeat(starts[numbers] - offsets[:-1], lengths)
    return EncodedTexts(ids[np.arange(offsets[-1]) + shifts], offsets)


def _to_offsets(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
