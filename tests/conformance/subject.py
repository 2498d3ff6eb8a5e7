"""What the conformance suite knows of a layer or a model, and its inputs."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers.packed_rnn import packing
from tests.helpers import packed

GROUPS, BATCH, TIME, WIDTH, UNITS = 3, 2, 5, 4, 3
ROWS = 13
WORDS = 30
LABEL_COUNTS = (2, 4, 3)
TASKS = len(LABEL_COUNTS)

Batch = dict[str, np.ndarray]

# Token features of a batch, and where their lengths are.
_TOKEN_FEATURES = {"vectors": "lengths", "seq1_vectors": "seq1_lengths"}


def batch(seed: int = 0) -> Batch:
    """A group of each task; the last group has no text of the batch's time.

    Token features are by group; layers get them packed, in `ROWS` rows.
    """
    random = np.random.default_rng(seed)
    lengths = np.array([[TIME, 2], [1, TIME], [3, 3]], np.int32)
    shape = (GROUPS, TIME, BATCH, WIDTH)
    return {
        "token_ids": random.integers(0, WORDS, (GROUPS, BATCH, TIME), np.int32),
        "lengths": lengths,
        "task_ids": np.arange(GROUPS, dtype=np.int32),
        "labels": random.integers(0, 2, (GROUPS, BATCH), np.int32),
        "seq1": random.integers(0, WORDS, (GROUPS, BATCH, TIME), np.int32),
        "seq1_lengths": np.array([[2, 1], [TIME, 2], [1, 1]], np.int32),
        "seq1_vectors": random.normal(size=shape).astype(np.float32),
        "vectors": random.normal(size=shape).astype(np.float32),
        "features": random.normal(size=(GROUPS, BATCH, WIDTH)).astype(
            np.float32
        ),
        "transfer_indices": np.arange(GROUPS, dtype=np.int32),
        "diversity": random.normal(size=(GROUPS, BATCH, 5)).astype(np.float32),
    }


@keras.saving.register_keras_serializable(package="tests")
class Pack(keras.layers.Layer):
    """Packs token features: all inputs of a model are by group."""

    def call(self, grouped, lengths):
        return packing.Packing(lengths).pack(grouped)


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A layer or a model.

    Attributes:
      name: its name among the tests.
      make: makes a new one.
      arguments: names of the inputs; a model takes a dict of them.
      shapes: shape of each output, for `batch()`.
      per_token: whether the outputs are token features.
    """

    name: str
    make: Callable[..., keras.layers.Layer]
    arguments: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    per_token: bool = False

    def __str__(self) -> str:
        return self.name

    def new(self) -> keras.layers.Layer:
        """A new one, whose weights are no longer what its seed makes them."""
        layer = self.make()
        if not layer.built:
            self.call(layer, batch())
        random = np.random.default_rng(7)
        for weight in layer.weights:
            weight.assign(random.uniform(-0.5, 0.5, weight.shape))
        return layer

    @functools.cached_property
    def built(self) -> keras.layers.Layer:
        """A new one, for all tests that leave it as it is."""
        return self.new()

    def call(
        self, layer: keras.layers.Layer, batch: Batch, **kwargs
    ) -> dict[str, tf.Tensor]:
        """The outputs by name, those of a layer by their order."""
        inputs = {name: batch[name] for name in self.arguments}
        if isinstance(layer, keras.Model):
            outputs = layer(inputs, **kwargs)
        else:
            for name in inputs.keys() & _TOKEN_FEATURES.keys():
                lengths = batch[_TOKEN_FEATURES[name]]
                inputs[name] = Pack()(inputs[name], lengths)
            outputs = layer(*inputs.values(), **kwargs)
        if isinstance(outputs, dict):
            return outputs
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return dict(zip(self.shapes, outputs, strict=True))

    def outputs(
        self, layer: keras.layers.Layer, batch: Batch
    ) -> dict[str, np.ndarray]:
        """What the outputs mean: by group, zero beyond the end of a text."""
        outputs = self.call(layer, batch)
        return {k: self._there(v, batch).numpy() for k, v in outputs.items()}

    def gradients(
        self, layer: keras.layers.Layer, batch: Batch
    ) -> dict[str, np.ndarray]:
        """Gradients of half the sum of the outputs' squares, by name."""
        batch = {name: tf.convert_to_tensor(x) for name, x in batch.items()}
        inputs = {name: batch[name] for name in self.arguments}
        by_name = {w.path: w.value for w in layer.trainable_weights}
        by_name |= {k: v for k, v in inputs.items() if v.dtype.is_floating}
        with tf.GradientTape() as tape:
            tape.watch(list(by_name.values()))
            loss = tf.add_n(
                [
                    tf.reduce_sum(self._there(output, batch) ** 2) / 2
                    for output in self.call(layer, batch).values()
                ]
            )
        gradients = tape.gradient(loss, by_name)
        return {
            name: tf.convert_to_tensor(gradient).numpy()
            for name, gradient in gradients.items()
        }

    def _there(self, output, batch):
        if not self.per_token:
            return output
        return packed.unpack(output, np.asarray(batch["lengths"]))

    @functools.cached_property
    def symbolic(self) -> keras.Model:
        """`built` in a functional model of its own."""
        inputs = {}
        for name in self.arguments:
            array = batch()[name]
            # As the layers see them: none but a width is known beforehand.
            shape = [None] * (array.ndim - 1)
            if array.dtype == np.float32:
                shape[-1] = array.shape[-1]
            inputs[name] = keras.Input(shape, dtype=array.dtype.name, name=name)
        return keras.Model(inputs, self.call(self.built, inputs))
