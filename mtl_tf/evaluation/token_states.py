"""States of the encoders at the tokens of a split."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.data import input_pipeline
from mtl_tf.models import token_states


class TokenStates:
    """A model in inference mode that computes states by token.

    Args:
      model: a model from `multitask_model.build`.
    """

    def __init__(self, model: keras.Model):
        states = token_states.build(model)
        self._run = tf.function(
            lambda batch: states(
                {name: batch[name] for name in states.input}, training=False
            ),
            autograph=False,
        )

    def batches(
        self, split: input_pipeline.Split
    ) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yields the tokens of a split with their states, in batches.

        Args:
          split: the rows.

        Yields:
          Token ids, int32 [tokens], of all texts of a batch, and the states of
          `shared` and `private`, those that exist, float32 [tokens, neurons].
        """
        run = self._run.get_concrete_function(split.signature)
        for _, batch in input_pipeline.evaluation_batches(split):
            token_ids, lengths = batch["token_ids"], batch["lengths"]
            mask = np.arange(token_ids.shape[-1]) < lengths[..., np.newaxis]
            states = {k: x.numpy()[mask] for k, x in run(batch).items()}
            yield token_ids[mask], states


def count_words(
    split: input_pipeline.Split, vocabulary_size: int
) -> np.ndarray:
    """Counts the words of a split as the model reads them.

    Args:
      split: the rows.
      vocabulary_size: number of words.

    Returns:
      int64 [words].
    """
    counts = np.zeros(vocabulary_size, np.int64)
    for _, batch in input_pipeline.evaluation_batches(split):
        token_ids, lengths = batch["token_ids"], batch["lengths"]
        mask = np.arange(token_ids.shape[-1]) < lengths[..., np.newaxis]
        counts += np.bincount(token_ids[mask], minlength=vocabulary_size)
    return counts
