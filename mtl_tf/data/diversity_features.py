"""Diversity features: five numbers that describe the words of a text.

They are inputs of the label transfer network (Augenstein, Ruder & Søgaard 2018,
section 3.5) and defined by Ruder & Plank (2017), "Learning to select data for
transfer learning with Bayesian Optimization", section 3.2. With sums over the
word types w of the text (seq2),

    types              number of word types
    type_token_ratio   types / tokens
    entropy            -sum p(w) ln p(w)
    simpson            sum p(w)^2
    renyi              1 / (1 - alpha) ln sum p(w)^alpha, alpha = 0.99

p(w) is the term distribution of the text's task: the relative frequency of w in
seq2 of its training rows. The signs are those of the authors' published code.
Since the features are z-scored, another sign would only mirror a feature.

Words are token strings, as in the authors' code, and do not depend on the
model's vocabulary: an unknown word is a type with the p of its own count, which
is 0 if the training rows do not contain it. Hence the features do not depend on
`min_count`. For this, the corpus keeps the counts of all terms, not only those
of the vocabulary. `data_prep` and a served model call the same function.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib

FEATURES = ("types", "type_token_ratio", "entropy", "simpson", "renyi")
TERM_COUNTS_FILE = tasks_lib.TERM_COUNTS_FILE
_ALPHA = 0.99


def compute(
    types: tf.RaggedTensor, counts: tf.Tensor, total: tf.Tensor
) -> tf.Tensor:
    """Computes the features, before they are z-scored.

    A text without words has 0 types and ratio 0. If none of its words occurs
    in the training rows, the logarithm of `renyi` is undefined: the text gets
    the value of a word that occurs once.

    Args:
      types: int [texts, (tokens)], type ids of the tokens of untruncated
        texts: any ids below the size of `counts`, equal for equal tokens.
      counts: int64 [types], frequency of each type in the training rows of the
        texts' task.
      total: int64, number of tokens of these rows.

    Returns:
      float64 [texts, 5], in the order of `FEATURES`.
    """
    num_texts = types.nrows()
    rows = types.value_rowids()
    num_types = tf.size(counts, tf.int64)
    # Each word once per text.
    pairs = tf.unique(rows * num_types + tf.cast(types.flat_values, tf.int64)).y
    type_rows, type_ids = pairs // num_types, pairs % num_types

    seen = tf.maximum(tf.cast(total, tf.float64), 1)
    p = tf.cast(tf.gather(counts, type_ids), tf.float64) / seen

    def sum_by_text(values, of_rows=type_rows):
        return tf.math.unsorted_segment_sum(values, of_rows, num_texts)

    num_types_of_text = sum_by_text(tf.ones_like(p))
    lengths = sum_by_text(tf.ones_like(rows, tf.float64), rows)
    powers = tf.maximum(sum_by_text(p**_ALPHA), seen**-_ALPHA)
    return tf.stack(
        [
            num_types_of_text,
            num_types_of_text / tf.maximum(lengths, 1),
            -sum_by_text(tf.math.xlogy(p, p)),
            sum_by_text(p**2),
            tf.math.log(powers) / (1 - _ALPHA),
        ],
        axis=1,
    )


def z_score(
    features: tf.Tensor, mean: Sequence[float], deviation: Sequence[float]
) -> tf.Tensor:
    """Standardizes features.

    Args:
      features: float64 [texts, 5], from `compute`.
      mean: mean of each feature over the training rows of all tasks.
      deviation: standard deviation of each feature, above 0.

    Returns:
      float32 [texts, 5].
    """
    return tf.cast((features - mean) / deviation, tf.float32)


@dataclasses.dataclass(frozen=True)
class DiversityFeatures:
    """A function, also in graphs, that computes the features of a task's texts.

    Attributes:
      counts: frequency of each term in seq2 of the task's training rows.
      mean: mean of each feature; see `z_score`.
      deviation: standard deviation of each feature.
    """

    counts: Mapping[str, int]
    mean: Sequence[float]
    deviation: Sequence[float]

    @classmethod
    def read(cls, corpus: tasks_lib.Corpus, task: str) -> "DiversityFeatures":
        """Reads counts, means and deviations from a corpus or a run's assets.

        Args:
          corpus: the corpus.
          task: name of one of its tasks.

        Raises:
          ValueError: if the counts are missing or damaged, or have no such
            task.
        """
        path = os.path.join(corpus.data_dir, TERM_COUNTS_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                counts = json.load(file)[task]
            declared = corpus.declaration["diversity"]
            if not all(isinstance(x, int) for x in counts.values()):
                raise TypeError("expected integer counts")
        except FileNotFoundError:
            raise ValueError(
                f"{path} is missing: prepare the corpus again"
            ) from None
        except KeyError as error:
            raise ValueError(
                f"{corpus.data_dir} has no diversity features of task {task} "
                f"({error} is missing in {TERM_COUNTS_FILE} or "
                f"{tasks_lib.CORPUS_FILE}): prepare the corpus again"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is damaged ({error}): prepare the corpus again"
            ) from None
        return cls(
            counts, tuple(declared["mean"]), tuple(declared["deviation"])
        )

    @functools.cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """The counts by term, int64. An exported model must track the table."""
        # A table cannot be empty: this entry is a token that no text has.
        counts = {
            vocabulary_lib.SPECIAL_TOKENS[vocabulary_lib.EMPTY]: 0,
            **self.counts,
        }
        with tf.init_scope():
            initializer = tf.lookup.KeyValueTensorInitializer(
                tf.constant(list(counts), tf.string),
                tf.constant(list(counts.values()), tf.int64),
            )
            return tf.lookup.StaticHashTable(initializer, 0)

    def __call__(self, tokens: tf.RaggedTensor) -> tf.Tensor:
        """Computes the features of texts.

        Args:
          tokens: string [texts, (tokens)], tokens of seq2 before truncation.

        Returns:
          float32 [texts, 5].
        """
        unique, types = tf.unique(tokens.flat_values)
        features = compute(
            tokens.with_flat_values(types),
            self.table.lookup(unique),
            tf.constant(sum(self.counts.values()), tf.int64),
        )
        return z_score(features, self.mean, self.deviation)
