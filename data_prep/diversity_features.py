"""The diversity features of a corpus, while it is prepared.

What they are, `mtl_tf.diversity_features` says.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf import diversity_features
from mtl_tf import records
from mtl_tf import text

# Bounds the memory that is needed at once.
_TOKENS_PER_BATCH = 1 << 20


@dataclasses.dataclass(frozen=True)
class CorpusFeatures:
    """The features of all rows, and what those of new texts need.

    Attributes:
      splits: float32 [rows, 5] by split, for each task.
      counts: int32 [tasks, words]: how often seq2 of the task's training rows
        holds each word.
      mean: of each feature over the training rows of all tasks.
      deviation: of each, 1 where they are all alike.
    """

    splits: list[dict[str, np.ndarray]]
    counts: np.ndarray
    mean: list[float]
    deviation: list[float]


def compute(
    tasks: Sequence[Mapping[str, records.TokenIds]], words: int
) -> CorpusFeatures:
    """Computes the features of a corpus.

    Args:
      tasks: the tokens of each task by split, `train` among them.
      words: size of the vocabulary.
    """
    counts = np.stack([_count(splits["train"], words) for splits in tasks])
    raw = [
        {split: _measure(tokens, row) for split, tokens in splits.items()}
        for splits, row in zip(tasks, counts, strict=True)
    ]
    train = np.concatenate([splits["train"] for splits in raw])
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # Rounding may leave a deviation to numbers that are all the same.
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
        counts,
        mean.tolist(),
        deviation.tolist(),
    )


def _count(tokens, words):
    ids, _ = _seq2(tokens)
    counts = np.bincount(ids, minlength=words)
    counts[text.EMPTY] = 0
    return counts.astype(np.int32)


def _measure(tokens, counts):
    """float64 [rows, 5]: the features, not yet z-scored."""
    ids, lengths = _seq2(tokens)
    ends = np.cumsum(lengths)
    batches = ends // _TOKENS_PER_BATCH
    begins = np.flatnonzero(np.diff(batches, prepend=-1))
    results = [np.zeros([0, len(diversity_features.FEATURES)])]
    for begin, end in itertools.pairwise([*begins, len(ends)]):
        first = ends[begin] - lengths[begin]
        batch = tf.RaggedTensor.from_row_lengths(
            ids[first : ends[end - 1]], lengths[begin:end]
        )
        results.append(diversity_features.compute(batch, counts).numpy())
    return np.concatenate(results)


def _seq2(tokens):
    """The ids of seq2 of all rows end to end, int32, and its lengths, int64."""
    lengths = np.diff(tokens.offsets)
    is_seq2 = np.arange(len(lengths)) % 2 == 1
    return tokens.ids[np.repeat(is_seq2, lengths)], lengths[is_seq2]
