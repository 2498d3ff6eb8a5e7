"""The text inputs of a model, and their word vectors."""

from typing import NamedTuple

import keras

from mtl_tf.config import config as config_lib
from mtl_tf.layers import embedding
from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import pooling

# Names of the token inputs, each with the name of its lengths.
LENGTHS_OF = {"token_ids": "lengths", "seq1": "seq1_lengths"}
# Names of all inputs of texts.
INPUTS = ("task_ids", *LENGTHS_OF, *LENGTHS_OF.values())


def make_inputs(config: config_lib.Config) -> dict[str, keras.KerasTensor]:
    """Makes the inputs of texts.

    Args:
      config: settings of the run; they determine whether seq1 is an input.

    Returns:
      `token_ids`, int32 [task_batches, batch, seq_len]; `lengths`, int32
      [task_batches, batch]; `task_ids`, int32 [task_batches]. An encoder of
      pairs also has `seq1` and `seq1_lengths`.
    """
    inputs = {"task_ids": keras.Input((), dtype="int32", name="task_ids")}
    sequences = list(LENGTHS_OF) if config.encodes_pairs else ["token_ids"]
    for name in sequences:
        lengths = LENGTHS_OF[name]
        inputs[name] = keras.Input((None, None), dtype="int32", name=name)
        inputs[lengths] = keras.Input((None,), dtype="int32", name=lengths)
    return inputs


class EmbeddedText(NamedTuple):
    """Word vectors of the texts of a batch.

    Attributes:
      vectors: float32 [rows, batch, embedding_dim], packed
        (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      seq1: `vectors` of the first texts, where the encoder reads pairs; else
        None.
      seq1_lengths: `lengths` of the first texts.
    """

    vectors: keras.KerasTensor
    lengths: keras.KerasTensor
    seq1: keras.KerasTensor | None = None
    seq1_lengths: keras.KerasTensor | None = None

    @classmethod
    def embed(
        cls,
        layer: embedding.WordEmbedding,
        inputs: dict[str, keras.KerasTensor],
    ) -> "EmbeddedText":
        """Looks up the word vectors of a model's inputs."""
        token_ids, lengths = inputs["token_ids"], inputs["lengths"]
        text = cls(layer(token_ids, lengths), lengths)
        if "seq1" not in inputs:
            return text
        seq1, seq1_lengths = inputs["seq1"], inputs["seq1_lengths"]
        return text._replace(
            seq1=layer(seq1, seq1_lengths), seq1_lengths=seq1_lengths
        )

    def encode(
        self,
        encoder: keras.layers.Layer,
        task_ids: keras.KerasTensor | None = None,
        **kwargs,
    ) -> keras.KerasTensor | dict[str, keras.KerasTensor]:
        """Calls an encoder.

        Args:
          encoder: a `TextEncoder` or a `SharedPrivateEncoder`.
          task_ids: int32 [task_batches]; None if all tasks share the encoder.
          **kwargs: further arguments of the call.

        Returns:
          Features of the texts, the result of the encoder.
        """
        if task_ids is not None:
            kwargs["task_ids"] = task_ids
        if self.seq1 is not None:
            kwargs |= {"seq1": self.seq1, "seq1_lengths": self.seq1_lengths}
        return encoder(self.vectors, self.lengths, **kwargs)

    def mean_vectors(self, layer: pooling.Pooling) -> list[keras.KerasTensor]:
        """Averages the word vectors of each text.

        Returns:
          float32 [task_batches, batch, embedding_dim]: of the texts, and of the
          first texts of pairs.
        """
        means = [layer(self.vectors, self.lengths)]
        if self.seq1 is not None:
            means.append(layer(self.seq1, self.seq1_lengths))
        return means

    def gather(self, indices: keras.KerasTensor) -> "EmbeddedText":
        """Gathers task batches by int32 indices, also repeated ones."""
        text = EmbeddedText(*_gather(self.vectors, self.lengths, indices))
        if self.seq1 is None:
            return text
        seq1, seq1_lengths = _gather(self.seq1, self.seq1_lengths, indices)
        return text._replace(seq1=seq1, seq1_lengths=seq1_lengths)


def _gather(vectors, lengths, indices):
    """Gathers task batches of packed vectors, and their lengths."""
    return (
        gather_task_batches.GatherTaskBatches()(vectors, lengths, indices),
        keras.ops.take(lengths, indices, axis=0),
    )


def head_inputs(
    features: dict[str, keras.KerasTensor], skipped: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """Orders the features that a head reads.

    The private ones come last: a warm start between models with and without
    private encoders loads the columns before them.

    Args:
      features: `shared` and `private`, or one of them, float32 [task_batches,
        batch, features].
      skipped: features that skip the encoders: the mean word vectors of the
        skip connection, and the word overlap; or none.

    Returns:
      A list of float32 [task_batches, batch, width of each].
    """
    ordered = (features.get("shared"), *skipped, features.get("private"))
    return [tensor for tensor in ordered if tensor is not None]
