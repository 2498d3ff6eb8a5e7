"""How diverse a text's words are: five numbers beside what is classified.

The label transfer network reads them (Augenstein, Ruder & Søgaard 2018,
section 3.5); they are those of Ruder & Plank (2017), "Learning to select data
for transfer learning with Bayesian Optimization", section 3.2. With the sums
over the word types w of the text (seq2),

    types              number of word types
    type_token_ratio   types / tokens
    entropy            -sum p(w) ln p(w)
    simpson            sum p(w)^2
    renyi              1 / (1 - alpha) ln sum p(w)^alpha, alpha = 0.99

p(w) is the term distribution of the text's task: how often w stands in seq2 of
its training rows, out of all tokens there. The signs are those of the authors'
published code; the features are z-scored, and so a sign mirrors one, no more.

Words are those of the vocabulary. All others are together one word type, of
p = 0 like any word that the task's training rows do not hold: as a word of
their own they would be a frequent one, which they are not. `data_prep` and a
served model call the same function, so that both have the same features.
"""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mtl_tf import tasks as tasks_lib
from mtl_tf import text

FEATURES = ("types", "type_token_ratio", "entropy", "simpson", "renyi")
# int32 [tasks of the corpus, words of its vocabulary].
TERM_COUNTS_FILE = "term_counts.npy"
_ALPHA = 0.99


def compute(tokens: tf.RaggedTensor, counts: tf.Tensor) -> tf.Tensor:
    """The features, before they are z-scored.

    A text without words has 0 types and ratio 0. Where no word of a text has
    been seen, the logarithm of `renyi` has no value: such a text gets that of
    one word seen once.

    Args:
      tokens: int32 [texts, tokens of each], ids of whole texts; an empty text
        may hold the id `text.EMPTY`.
      counts: int32 [words], how often the training rows of the texts' task
        hold each word, with `text.UNKNOWN` for all that are none.

    Returns:
      float64 [texts, 5], in the order of `FEATURES`.
    """
    texts = tokens.nrows()
    words = tf.size(counts, tf.int64)
    is_word = tf.not_equal(tokens.flat_values, text.EMPTY)
    rows = tf.boolean_mask(tokens.value_rowids(), is_word)
    ids = tf.cast(tf.boolean_mask(tokens.flat_values, is_word), tf.int64)
    # Each word once a text.
    pairs = tf.unique(rows * words + ids).y
    type_rows, type_ids = pairs // words, pairs % words

    counts = tf.cast(counts, tf.float64)
    seen = tf.maximum(tf.reduce_sum(counts), 1)
    p = tf.gather(counts, type_ids) / seen
    p = tf.where(tf.equal(type_ids, text.UNKNOWN), tf.zeros_like(p), p)

    def total(values, of_rows=type_rows):
        return tf.math.unsorted_segment_sum(values, of_rows, texts)

    types = total(tf.ones_like(p))
    lengths = total(tf.ones_like(rows, tf.float64), rows)
    powers = tf.maximum(total(p**_ALPHA), seen**-_ALPHA)
    return tf.stack(
        [
            types,
            types / tf.maximum(lengths, 1),
            -total(tf.math.xlogy(p, p)),
            total(p**2),
            tf.math.log(powers) / (1 - _ALPHA),
        ],
        axis=1,
    )


def z_score(
    features: tf.Tensor, mean: Sequence[float], deviation: Sequence[float]
) -> tf.Tensor:
    """Features as models read them.

    Args:
      features: float64 [texts, 5], of `compute`.
      mean: of each over the training rows of all tasks of a corpus.
      deviation: of each, above 0.

    Returns:
      float32 [texts, 5].
    """
    return tf.cast((features - mean) / deviation, tf.float32)


@dataclasses.dataclass(frozen=True)
class DiversityFeatures:
    """Gives texts of some tasks their features, also within a graph.

    Attributes:
      counts: int32 [tasks, words], as `compute` has them.
      mean: five numbers, as `z_score` has them.
      deviation: five numbers.
    """

    counts: tf.Tensor
    mean: Sequence[float]
    deviation: Sequence[float]

    @classmethod
    def read(
        cls, corpus: tasks_lib.Corpus, tasks: Sequence[tasks_lib.Task]
    ) -> "DiversityFeatures":
        """Reads what a corpus' directory, or a run's assets, say.

        Args:
          corpus: the corpus.
          tasks: those of its tasks that are numbered, in their order.

        Raises:
          ValueError: if the counts are missing or damaged, or are not those of
            the corpus' tasks.
        """
        path = os.path.join(corpus.data_dir, TERM_COUNTS_FILE)
        try:
            counts = np.load(path)
            declared = corpus.declaration["diversity"]
        except (FileNotFoundError, KeyError):
            raise ValueError(
                f"{corpus.data_dir} has no diversity features "
                f"({TERM_COUNTS_FILE} is missing, or what "
                f"{tasks_lib.CORPUS_FILE} says of them): prepare the corpus "
                "again"
            ) from None
        except (ValueError, EOFError) as error:
            raise ValueError(
                f"{path} is damaged ({error}): prepare the corpus again"
            ) from None
        if counts.ndim != 2 or len(counts) != len(corpus.tasks):
            raise ValueError(
                f"{path} is of shape {list(counts.shape)}, expected a row for "
                f"each of {len(corpus.tasks)} tasks: prepare the corpus again"
            )
        rows = [corpus.tasks.index(task) for task in tasks]
        return cls(
            tf.constant(counts[rows], tf.int32),
            tuple(declared["mean"]),
            tuple(declared["deviation"]),
        )

    def __call__(self, task: tf.Tensor, tokens: tf.RaggedTensor) -> tf.Tensor:
        """The features of texts of a task.

        Args:
          task: number of the task, int32.
          tokens: int32 [texts, tokens of each], ids of seq2 as a whole: before
            they are cut to the length that an encoder reads.

        Returns:
          float32 [texts, 5].
        """
        features = compute(tokens, self.counts[task])
        return z_score(features, self.mean, self.deviation)
