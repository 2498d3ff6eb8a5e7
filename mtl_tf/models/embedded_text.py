"""The text inputs of a model, and their word vectors."""

from typing import NamedTuple

import keras

from mtl_tf.config import config as config_lib
from mtl_tf.layers import embedding
from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import pooling

# The inputs that are token ids, and the inputs that are their lengths.
LENGTHS = {"token_ids": "lengths", "seq1": "seq1_lengths"}


def make_inputs(config: config_lib.Config) -> dict[str, keras.KerasTensor]:
    """Makes the inputs `task_ids`, `token_ids` and `lengths`.

    An encoder of pairs also has `seq1` and `seq1_lengths`.
    """
    inputs = {"task_ids": keras.Input((), dtype="int32", name="task_ids")}
    sequences = list(LENGTHS) if config.sequences_apart else ["token_ids"]
    for name in sequences:
        lengths = LENGTHS[name]
        inputs[name] = keras.Input((None, None), dtype="int32", name=name)
        inputs[lengths] = keras.Input((None,), dtype="int32", name=lengths)
    return inputs


class EmbeddedText(NamedTuple):
    """Word vectors of the texts of a batch.

    Attributes:
      vectors: float32, packed (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      seq1: `vectors` of the first texts, where the encoder reads pairs.
      seq1_lengths: their lengths.
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
        tensors = []
        for name, lengths in LENGTHS.items():
            if name in inputs:
                vectors = layer(inputs[name], inputs[lengths])
                tensors += [vectors, inputs[lengths]]
        return cls(*tensors)

    def encode(
        self, encoder: keras.layers.Layer, task_ids: keras.KerasTensor | None
    ) -> keras.KerasTensor:
        """Calls an encoder; `task_ids` None where all tasks share it."""
        pair = {}
        if self.seq1 is not None:
            pair = {"seq1": self.seq1, "seq1_lengths": self.seq1_lengths}
        if task_ids is None:
            return encoder(self.vectors, self.lengths, **pair)
        return encoder(self.vectors, self.lengths, task_ids, **pair)

    def mean_vectors(self, layer: pooling.Pooling) -> list[keras.KerasTensor]:
        """Averages the word vectors of each text: of seq2, then of seq1."""
        means = [layer(self.vectors, self.lengths)]
        if self.seq1 is not None:
            means.append(layer(self.seq1, self.seq1_lengths))
        return means

    def take(self, indices: keras.KerasTensor) -> "EmbeddedText":
        """Gathers task batches; an index may come several times."""
        tensors = []
        for vectors, lengths in (self[:2], self[2:]):
            if vectors is None:
                continue
            gather = gather_task_batches.GatherTaskBatches()
            tensors += [
                gather(vectors, lengths, indices),
                keras.ops.take(lengths, indices, axis=0),
            ]
        return EmbeddedText(*tensors)


def head_inputs(
    features: dict[str, keras.KerasTensor], means: list[keras.KerasTensor]
) -> list[keras.KerasTensor]:
    """Orders the features that a head reads.

    The private ones come last: a warm start between models with and without
    private encoders loads the columns before them.

    Args:
      features: `shared` and `private`, or one of them.
      means: mean word vectors of the skip connection, or none.
    """
    ordered = (features.get("shared"), *means, features.get("private"))
    return [x for x in ordered if x is not None]
