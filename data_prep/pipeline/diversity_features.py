"""Diversity features of the rows of a block.

`mtl_tf.data.diversity_features` defines them.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from data_prep.pipeline import counts as counts_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import diversity_features

# Bounds the memory of a batch.
_WORDS_PER_BATCH = 1 << 20
# TensorFlow computes the last numbers of an array, up to the size of a vector
# of the processor, with other functions, whose results may differ in the last
# bit. As many texts of one word follow the rows of a batch, so that features do
# not depend on blocks and batches.
_FILLERS = 16


@dataclasses.dataclass(frozen=True)
class Terms:
    """Frequency of terms in seq2 of the training rows of a task."""

    counts: Mapping[str, int]
    total: int

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Terms":
        """Makes the terms of a task from their counts."""
        return cls(counts, sum(counts.values()))


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Statistics of the training rows of all tasks, which new texts need.

    Attributes:
      mean: mean of each feature.
      deviation: standard deviation of each feature; 1 if it is constant.
    """

    mean: list[float]
    deviation: list[float]

    def z_score(self, features: np.ndarray) -> np.ndarray:
        """Standardizes features; returns float32 [rows, 5]."""
        return diversity_features.z_score(
            features, self.mean, self.deviation
        ).numpy()


# The signature avoids retracing for each block.
@tf.function(
    input_signature=[
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int64),
        tf.TensorSpec([None], tf.int64),
        tf.TensorSpec([], tf.int64),
    ],
    autograph=False,
)
def _compute(ids, lengths, counts, total):
    types = tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)
    return diversity_features.compute(types, counts, total)


def measure(
    encoded: tokens_lib.EncodedTexts,
    tokens: list[str],
    terms: Terms,
) -> np.ndarray:
    """Computes the features of rows before they are standardized.

    Args:
      encoded: the texts of the rows.
      tokens: the tokens by id.
      terms: the term distribution of the task.

    Returns:
      float64 [rows, 5].
    """
    ids, lengths = counts_lib.seq2_words(encoded)
    counts = np.fromiter(
        map(terms.counts.get, tokens, itertools.repeat(0)), np.int64
    )
    ends = np.cumsum(lengths)
    batches = ends // _WORDS_PER_BATCH
    starts = np.flatnonzero(np.diff(batches, prepend=-1))
    fillers = np.zeros(_FILLERS, np.int32)
    results = [np.zeros([0, len(diversity_features.FEATURES)])]
    for start, end in itertools.pairwise([*starts.tolist(), len(ends)]):
        batch = ids[ends[start] - lengths[start] : ends[end - 1]]
        features = _compute(
            np.concatenate([batch, fillers]),
            np.concatenate([lengths[start:end], np.ones(_FILLERS, np.int64)]),
            counts,
            terms.total,
        ).numpy()
        results.append(features[: end - start])
    return np.concatenate(results)


def summarize(train: Iterable[np.ndarray]) -> Statistics:
    """Computes mean and deviation of the features of training rows.

    Numbers are added one after another, in the order of the rows: the result is
    that of NumPy for the array of all rows, however they are divided.

    Args:
      train: features of the rows, float64 [rows, 5] each, in order. They are
        read twice, so an iterator does not do.
    """
    rows, low, high = 0, np.inf, -np.inf
    for part in _with_rows(train):
        rows += len(part)
        low = np.minimum(low, part.min(axis=0))
        high = np.maximum(high, part.max(axis=0))
    mean = _sum(_with_rows(train)) / rows
    squares = ((part - mean) ** 2 for part in _with_rows(train))
    deviation = np.sqrt(_sum(squares) / rows)
    # Rounding errors may give equal numbers a deviation.
    deviation[high == low] = 1
    return Statistics(mean.tolist(), deviation.tolist())


def _with_rows(parts) -> Iterator[np.ndarray]:
    return (part for part in parts if len(part))


def _sum(parts) -> np.ndarray:
    """Adds up rows one after another."""
    total = np.zeros([0, len(diversity_features.FEATURES)])
    for part in parts:
        # NumPy adds the first axis of a contiguous array row by row.
        total = np.add.reduce(np.concatenate([total, part]), keepdims=True)
    return total[0]
