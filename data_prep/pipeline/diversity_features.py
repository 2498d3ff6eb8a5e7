"""Diversity features of all rows of a corpus.

`mtl_tf.data.diversity_features` defines them.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import diversity_features

# Bounds the memory of a batch.
_TOKENS_PER_BATCH = 1 << 20


@dataclasses.dataclass(frozen=True)
class CorpusFeatures:
    """The features of all rows, and the statistics that new texts need.

    Attributes:
      splits: features, float32 [rows, 5], by split, for each task.
      counts: frequency in seq2 of the training rows, by term, for each task;
        sorted by frequency.
      mean: mean of each feature over the training rows of all tasks.
      deviation: standard deviation of each feature; 1 if it is constant.
    """

    splits: list[dict[str, np.ndarray]]
    counts: list[dict[str, int]]
    mean: list[float]
    deviation: list[float]


def compute(
    tasks: Sequence[Mapping[str, tokens_lib.EncodedTexts]],
    tokens: Sequence[str],
) -> CorpusFeatures:
    """Computes the features of a corpus.

    Args:
      tasks: the encoded texts of each task by split, including `train`.
      tokens: the tokens by temporary id.
    """
    raw, term_counts = [], []
    for splits in tasks:
        ids, _ = _seq2(splits["train"])
        counts = np.bincount(ids, minlength=len(tokens))
        raw.append(
            {split: _measure(texts, counts) for split, texts in splits.items()}
        )
        term_counts.append(_by_term(counts, tokens))
    train = np.concatenate([splits["train"] for splits in raw])
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # Rounding errors may give equal numbers a deviation.
    deviation[np.ptp(train, axis=0) == 0] = 1
    return CorpusFeatures(
        [
            {
                split: diversity_features.z_score(
                    features, mean, deviation
                ).numpy()
                for split, features in splits.items()
            }
            for splits in raw
        ],
        term_counts,
        mean.tolist(),
        deviation.tolist(),
    )


def _by_term(counts, tokens):
    """Returns positive counts by term, in an order independent of the ids."""
    seen = [(-int(counts[x]), tokens[x]) for x in np.flatnonzero(counts)]
    return {token: -count for count, token in sorted(seen)}


# The signature avoids retracing for each task and split.
@tf.function(
    input_signature=[
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int64),
        tf.TensorSpec([None], tf.int64),
    ],
    autograph=False,
)
def _compute(ids, lengths, counts):
    types = tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)
    return diversity_features.compute(types, counts, tf.reduce_sum(counts))


def _measure(texts, counts):
    """Computes the features before z-scoring, float64 [rows, 5]."""
    ids, lengths = _seq2(texts)
    ends = np.cumsum(lengths)
    batches = ends // _TOKENS_PER_BATCH
    starts = np.flatnonzero(np.diff(batches, prepend=-1))
    results = [np.zeros([0, len(diversity_features.FEATURES)])]
    for start, end in itertools.pairwise([*starts, len(ends)]):
        first = ends[start] - lengths[start]
        batch = ids[first : ends[end - 1]]
        results.append(_compute(batch, lengths[start:end], counts).numpy())
    return np.concatenate(results)


def _seq2(texts):
    """Returns the concatenated ids of seq2 of all rows, and their lengths."""
    lengths = np.diff(texts.offsets)
    is_seq2 = np.arange(len(lengths)) % 2 == 1
    ids = texts.ids[np.repeat(is_seq2, lengths)]
    lengths = lengths[is_seq2]
    # A text without words has the single id EMPTY.
    lengths[ids[np.cumsum(lengths) - lengths] == tokens_lib.EMPTY] = 0
    return ids[ids != tokens_lib.EMPTY], lengths
