"""The layers and models that the conformance suite tests, and how to call them.

A new layer or model becomes one entry of `LAYERS` or `MODELS`, and has all the
properties of `conformance_test` tested.
"""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import losses
from mtl_tf import models
from mtl_tf.layers import encoders
from mtl_tf.layers import feature_dropout
from mtl_tf.layers import label_embedding
from mtl_tf.layers import lstm
from mtl_tf.layers import pooling
from mtl_tf.layers import softmax_output
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import task_layer
from mtl_tf.layers import word_embedding

GROUPS, BATCH, TIME, WIDTH, UNITS = 3, 2, 5, 4, 3
WORDS = 30
LABEL_COUNTS = (2, 4, 3)
TASKS = len(LABEL_COUNTS)

Batch = dict[str, np.ndarray]


def batch(seed: int = 0) -> Batch:
    """A group of each task; the last group has no text of the batch's time."""
    random = np.random.default_rng(seed)
    lengths = np.array([[TIME, 2], [1, TIME], [3, 3]], np.int32)
    shape = (GROUPS, TIME, BATCH, WIDTH)
    return {
        "tokens": random.integers(0, WORDS, (GROUPS, BATCH, TIME), np.int32),
        "lengths": lengths,
        "task": np.arange(GROUPS, dtype=np.int32),
        "labels": random.integers(0, 2, (GROUPS, BATCH), np.int32),
        "seq1": random.integers(0, WORDS, (GROUPS, BATCH, TIME), np.int32),
        "seq1_lengths": np.array([[2, 1], [TIME, 2], [1, 1]], np.int32),
        "seq1_vectors": random.normal(size=shape).astype(np.float32),
        "vectors": random.normal(size=shape).astype(np.float32),
        "features": random.normal(size=(GROUPS, BATCH, WIDTH)).astype(
            np.float32
        ),
    }


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
        """The outputs by name; those of a layer are called `output`."""
        inputs = {name: batch[name] for name in self.arguments}
        if isinstance(layer, keras.Model):
            outputs = layer(inputs, **kwargs)
        else:
            outputs = layer(*inputs.values(), **kwargs)
        return outputs if isinstance(outputs, dict) else {"output": outputs}

    def outputs(
        self, layer: keras.layers.Layer, batch: Batch
    ) -> dict[str, np.ndarray]:
        """What the outputs mean: zero beyond the end of a text."""
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
        time = tf.shape(output)[1]
        return output * word_embedding.token_mask(batch["lengths"], time)

    @functools.cached_property
    def symbolic(self) -> keras.Model:
        """`built` in a functional model of its own."""
        inputs = {}
        for name in self.arguments:
            array = batch()[name]
            # As the layers see them: none but a width is known beforehand.
            shape = [None] * (array.ndim - 1)
            if array.dtype == np.float32:
                shape[-1] = WIDTH
            inputs[name] = keras.Input(shape, dtype=array.dtype.name, name=name)
        return keras.Model(inputs, self.call(self.built, inputs))


def _layer(name, layer_class, arguments, shape, *args, **kwargs):
    return Subject(
        name,
        functools.partial(layer_class, *args, **kwargs),
        arguments,
        {"output": shape},
        per_token=arguments[0] != "features" and len(shape) == 4,
    )


def _token_features(width):
    return GROUPS, TIME, BATCH, width


def _text_features(width):
    return GROUPS, BATCH, width


_TOKENS = ("vectors", "lengths")
_READ_TOKENS = ("vectors", "lengths", "task")
_START = {"init_range": 0.3, "seed": 5}
_STACKED = {"readers": TASKS, **_START}
_COMBINATIONS = [
    (encoder, kind)
    for encoder in encoders.ENCODERS
    for kind in encoders.POOLINGS
    if kind != "last" or encoder in encoders.RECURRENT
]
# Features of a text, for each unit: three windows, two directions.
_PER_UNIT = {"cnn": 3, "bilstm": 2, encoders.CONDITIONAL: 2}

# Arguments are others than the defaults, so that a config that lacks one shows.
LAYERS = [
    _layer(
        "word_embedding",
        word_embedding.WordEmbedding,
        ("tokens", "lengths"),
        _token_features(WIDTH),
        WORDS,
        WIDTH,
        unknown_id=1,
        word_dropout=0.1,
        vector_dropout=0.2,
        **_START,
    ),
    *[
        _layer(
            f"lstm-{'backwards' if backwards else 'forwards'}",
            lstm.StackedLSTM,
            _READ_TOKENS,
            _token_features(UNITS),
            UNITS,
            backwards=backwards,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_STACKED,
        )
        for backwards in (False, True)
    ],
    _layer(
        "convolution",
        encoders.Convolution,
        _READ_TOKENS,
        _token_features(2 * UNITS),
        UNITS,
        windows=(2, 3),
        **_STACKED,
    ),
    _layer(
        "word_by_word",
        encoders.WordByWord,
        _READ_TOKENS,
        _token_features(UNITS),
        UNITS,
        **_STACKED,
    ),
    *[
        _layer(
            f"pooling-{kind}",
            pooling.Pooling,
            _TOKENS,
            _text_features(WIDTH),
            kind,
        )
        for kind in ("max", "mean")
    ],
    _layer(
        "pooling-attention",
        pooling.AttentionPooling,
        _READ_TOKENS,
        _text_features(WIDTH),
        **_STACKED,
    ),
    *[
        _layer(
            f"state_at-{'first' if first else 'last'}",
            pooling.StateAt,
            _TOKENS,
            _text_features(WIDTH),
            first=first,
        )
        for first in (False, True)
    ],
    *[
        _layer(
            f"encoder-{encoder}-{kind}",
            encoders.Encoder,
            (*_READ_TOKENS, "seq1_vectors", "seq1_lengths")
            if encoder == encoders.CONDITIONAL
            else _READ_TOKENS,
            _text_features(_PER_UNIT.get(encoder, 1) * UNITS),
            encoder,
            kind,
            UNITS,
            depth=3,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_STACKED,
        )
        for encoder, kind in _COMBINATIONS
    ],
    _layer(
        "feature_dropout",
        feature_dropout.FeatureDropout,
        ("features",),
        _text_features(WIDTH),
        0.2,
        seed=5,
    ),
    _layer(
        "softmax_output",
        softmax_output.SoftmaxOutput,
        ("features", "task"),
        _text_features(max(LABEL_COUNTS)),
        LABEL_COUNTS,
        **_START,
    ),
    _layer(
        "label_embedding",
        label_embedding.LabelEmbedding,
        ("features", "task"),
        _text_features(max(LABEL_COUNTS)),
        LABEL_COUNTS,
        width=WIDTH - 1,
        use_bias=True,
        **_START,
    ),
    _layer(
        "task_layer",
        task_layer.TaskLayer,
        ("features", "task"),
        _text_features(UNITS),
        UNITS,
        **_STACKED,
    ),
    _layer(
        "task_discriminator",
        task_discriminator.TaskDiscriminator,
        ("features",),
        _text_features(TASKS),
        TASKS,
        **_START,
    ),
]


def build_model(
    config: config_lib.Config, label_counts: tuple[int, ...] = LABEL_COUNTS
) -> keras.Model:
    """A model for `batch()`."""
    return models.build(config, label_counts, WORDS)


def _model(encoder, kind, sharing, name="", **settings):
    config = config_lib.Config(
        encoder=encoder,
        pooling=kind,
        sharing=sharing,
        units=UNITS,
        word_width=WIDTH,
        seed=5,
        **settings,
    )
    shapes = {"scores": _text_features(max(LABEL_COUNTS))}
    features = _text_features(_PER_UNIT.get(encoder, 1) * UNITS)
    if sharing != "single_task":
        shapes["shared"] = features
    if sharing != "fully_shared":
        shapes["private"] = features
    arguments = ("tokens", "lengths", "task")
    if config.sequences_apart:
        arguments += ("seq1", "seq1_lengths")
    return Subject(
        f"{sharing}-{encoder}-{kind}{name}",
        functools.partial(build_model, config),
        arguments,
        shapes,
    )


# A shared_private model holds both others: every pooling is tested there alone.
MODELS = [
    _model(encoder, kind, sharing)
    for sharing in config_lib.SHARINGS
    for encoder, kind in _COMBINATIONS
    if sharing == "shared_private" or kind == "attention"
]
MODELS += [
    _model(
        encoder,
        kind,
        sharing,
        name=f"-{output_layer}",
        skip_connection=True,
        task_layer_units=5,
        output_layer=output_layer,
    )
    for encoder, kind, sharing, output_layer in (
        ("bag_of_words", "mean", "shared_private", "softmax"),
        (encoders.CONDITIONAL, "last", "fully_shared", "label_embedding"),
        (encoders.CONDITIONAL, "last", "shared_private", "label_embedding"),
    )
]
# Every encoder, every pooling and every way of sharing, but not each with each:
# for properties that take long to test. As layers, encoders and poolings are
# tested each with each.
SOME_MODELS = [
    model
    for model in MODELS
    if model.name
    in (
        "single_task-bilstm-attention",
        "fully_shared-stacked_lstm-attention",
        "shared_private-lstm-last",
        "shared_private-cnn-max",
        "shared_private-bag_of_words-mean",
        "shared_private-bag_of_words-mean-softmax",
        "shared_private-conditional_bilstm-last-label_embedding",
    )
]
# What properties that take long are tested on.
SOME = [*LAYERS, *SOME_MODELS]


def loss(model: keras.Model, batch: Batch) -> tf.Tensor:
    """The task losses of the groups, added up."""
    inputs = {name: batch[name] for name in model.input}
    scores = model(inputs, training=True)["scores"]
    return tf.reduce_sum(losses.task_loss(scores, batch["labels"]))
