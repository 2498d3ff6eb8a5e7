"""A layer or model under test, and its inputs."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.layers import packed_rnn
from tests.helpers import packed

TASK_BATCHES, BATCH, SEQ_LEN, WIDTH, HIDDEN_SIZE = 3, 2, 5, 4, 3
ROWS = 13
WORDS = 30
NUM_CLASSES = (2, 4, 3)
NUM_TASKS = len(NUM_CLASSES)

Batch = dict[str, np.ndarray]

# Token features of a batch, and their lengths.
_TOKEN_FEATURES = {"vectors": "lengths", "seq1_vectors": "seq1_lengths"}


def batch(seed: int = 0) -> Batch:
    """Makes a task batch of each task; the last one is shorter than the batch.

    Token features are unpacked; layers get them packed, in `ROWS` rows.
    """
    random = np.random.default_rng(seed)
    lengths = np.array([[SEQ_LEN, 2], [1, SEQ_LEN], [3, 3]], np.int32)
    shape = (TASK_BATCHES, SEQ_LEN, BATCH, WIDTH)
    return {
        "token_ids": random.integers(
            0, WORDS, (TASK_BATCHES, BATCH, SEQ_LEN), np.int32
        ),
        "lengths": lengths,
        "task_ids": np.arange(TASK_BATCHES, dtype=np.int32),
        "labels": random.integers(0, 2, (TASK_BATCHES, BATCH), np.int32),
        "seq1": random.integers(
            0, WORDS, (TASK_BATCHES, BATCH, SEQ_LEN), np.int32
        ),
        "seq1_lengths": np.array([[2, 1], [SEQ_LEN, 2], [1, 1]], np.int32),
        "seq1_vectors": random.normal(size=shape).astype(np.float32),
        "vectors": random.normal(size=shape).astype(np.float32),
        "features": random.normal(size=(TASK_BATCHES, BATCH, WIDTH)).astype(
            np.float32
        ),
        "transfer_indices": np.arange(TASK_BATCHES, dtype=np.int32),
        "diversity": random.normal(size=(TASK_BATCHES, BATCH, 5)).astype(
            np.float32
        ),
    }


@keras.saving.register_keras_serializable(package="tests")
class Pack(keras.layers.Layer):
    """Packs token features, so that all inputs of a model are unpacked."""

    def call(self, unpacked, lengths):
        return packed_rnn.Packing(lengths).pack(unpacked)


def _randomize(layer):
    random = np.random.default_rng(7)
    for weight in layer.weights:
        weight.assign(random.uniform(-0.5, 0.5, weight.shape))


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A layer or a model under test.

    Attributes:
      name: its name in test ids.
      make: makes a new layer or model.
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
        """Makes a layer or model with random weights, not those of its seed."""
        layer = self.make()
        if not layer.built:
            self.call(layer, batch())
        _randomize(layer)
        return layer

    def release(self) -> None:
        """Forgets the layers and models that tests share."""
        for name in ("_trained", "built", "expected", "symbolic"):
            self.__dict__.pop(name, None)

    @functools.cached_property
    def _trained(self):
        return self.new()

    def for_training(self) -> keras.layers.Layer:
        """Returns what `new` does, for all tests that train it."""
        _randomize(self._trained)
        return self._trained

    @functools.cached_property
    def built(self) -> keras.layers.Layer:
        """A layer or model for all tests that do not change it."""
        return self.new()

    @functools.cached_property
    def expected(self) -> dict[str, np.ndarray]:
        """The outputs of `built` for `batch()`."""
        return self.outputs(self.built, batch())

    def call(
        self, layer: keras.layers.Layer, batch: Batch, **kwargs
    ) -> dict[str, tf.Tensor]:
        """Returns the outputs by name."""
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
        (name,) = self.shapes
        return {name: outputs}

    def outputs(
        self, layer: keras.layers.Layer, batch: Batch
    ) -> dict[str, np.ndarray]:
        """Returns the unpacked outputs, zero beyond the end of a text."""
        outputs = self.call(layer, batch)
        return {
            k: self._mask_padding(v, batch).numpy() for k, v in outputs.items()
        }

    def outputs_and_gradients(
        self, layer: keras.layers.Layer, batch: Batch
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Computes gradients of half the sum of the outputs' squares."""
        batch = {name: tf.convert_to_tensor(x) for name, x in batch.items()}
        inputs = {name: batch[name] for name in self.arguments}
        by_name = {w.path: w.value for w in layer.trainable_weights}
        by_name |= {k: v for k, v in inputs.items() if v.dtype.is_floating}
        with tf.GradientTape() as tape:
            tape.watch(list(by_name.values()))
            outputs = {
                name: self._mask_padding(output, batch)
                for name, output in self.call(layer, batch).items()
            }
            loss = tf.add_n([tf.reduce_sum(x**2) / 2 for x in outputs.values()])
        gradients = tape.gradient(loss, by_name)
        return (
            {name: output.numpy() for name, output in outputs.items()},
            {
                name: tf.convert_to_tensor(gradient).numpy()
                for name, gradient in gradients.items()
            },
        )

    def _mask_padding(self, output, batch):
        if not self.per_token:
            return output
        return packed.unpack(output, np.asarray(batch["lengths"]))

    @functools.cached_property
    def symbolic(self) -> keras.Model:
        """A functional model with `built` as its only layer."""
        inputs = {}
        for name in self.arguments:
            array = batch()[name]
            # As in the models: only the width is static.
            shape = [None] * (array.ndim - 1)
            if array.dtype == np.float32:
                shape[-1] = array.shape[-1]
            inputs[name] = keras.Input(shape, dtype=array.dtype.name, name=name)
        return keras.Model(inputs, self.call(self.built, inputs))
