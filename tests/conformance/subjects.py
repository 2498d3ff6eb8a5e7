"""The layers and models that the conformance suite tests, and how to call them.

A new layer or model becomes one entry of `LAYERS` or `MODELS`, and has all the
properties of `conformance_test` tested.
"""

import functools

import keras
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.layers import dropout
from mtl_tf.layers import embedding
from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import gradient_reversal
from mtl_tf.layers import label_embedding
from mtl_tf.layers import label_transfer_network
from mtl_tf.layers import lstm
from mtl_tf.layers import pooling
from mtl_tf.layers import shared_private_encoder
from mtl_tf.layers import softmax_head
from mtl_tf.layers import task_dense
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import text_encoder
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from tests.conformance import subject as subject_lib


def _layer(name, layer_class, arguments, shape, *args, more=None, **kwargs):
    return subject_lib.Subject(
        name,
        functools.partial(layer_class, *args, **kwargs),
        arguments,
        {"output": shape, **(more or {})},
        per_token=shape == _token_features(shape[-1]),
    )


def _token_features(width):
    return subject_lib.ROWS, subject_lib.BATCH, width


def _text_features(width):
    return subject_lib.GROUPS, subject_lib.BATCH, width


_TOKENS = ("vectors", "lengths")
_READ_TOKENS = ("vectors", "lengths", "task_ids")
_START = {"init_range": 0.3, "seed": 5}
_STACKED = {"num_tasks": subject_lib.TASKS, **_START}
_COMBINATIONS = [
    (encoder, kind)
    for encoder in choices.ENCODERS
    for kind in choices.POOLINGS
    if kind != "last" or encoder in choices.RECURRENT
]
# Features of a text, for each unit: three windows, two directions.
_PER_UNIT = {"cnn": 3, "bilstm": 2, choices.CONDITIONAL: 2}

# Arguments are others than the defaults, so that a config that lacks one shows.
LAYERS = [
    _layer(
        "word_embedding",
        embedding.WordEmbedding,
        ("token_ids", "lengths"),
        _token_features(subject_lib.WIDTH),
        subject_lib.WORDS,
        subject_lib.WIDTH,
        unknown_id=1,
        word_dropout=0.1,
        vector_dropout=0.2,
        **_START,
    ),
    *[
        _layer(
            f"lstm-{'backwards' if backwards else 'forwards'}",
            lstm.PerTaskLSTM,
            _READ_TOKENS,
            _token_features(subject_lib.UNITS),
            subject_lib.UNITS,
            backwards=backwards,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_STACKED,
        )
        for backwards in (False, True)
    ],
    _layer(
        "gather_task_batches",
        gather_task_batches.GatherTaskBatches,
        (*_TOKENS, "transfer_indices"),
        _token_features(subject_lib.WIDTH),
    ),
    _layer(
        "convolution",
        text_encoder.Convolution,
        _READ_TOKENS,
        _token_features(2 * subject_lib.UNITS),
        subject_lib.UNITS,
        windows=(2, 3),
        **_STACKED,
    ),
    _layer(
        "token_dense",
        text_encoder.TokenDense,
        _READ_TOKENS,
        _token_features(subject_lib.UNITS),
        subject_lib.UNITS,
        **_STACKED,
    ),
    *[
        _layer(
            f"pooling-{kind}",
            pooling.Pooling,
            _TOKENS,
            _text_features(subject_lib.WIDTH),
            kind,
        )
        for kind in ("max", "mean")
    ],
    _layer(
        "pooling-attention",
        pooling.AttentionPooling,
        _READ_TOKENS,
        _text_features(subject_lib.WIDTH),
        **_STACKED,
    ),
    *[
        _layer(
            f"encoder-{encoder}-{kind}",
            text_encoder.TextEncoder,
            (*_READ_TOKENS, "seq1_vectors", "seq1_lengths")
            if encoder == choices.CONDITIONAL
            else _READ_TOKENS,
            _text_features(_PER_UNIT.get(encoder, 1) * subject_lib.UNITS),
            encoder,
            kind,
            subject_lib.UNITS,
            num_layers=3,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_STACKED,
        )
        for encoder, kind in _COMBINATIONS
    ],
    _layer(
        "feature_dropout",
        dropout.FeatureDropout,
        ("features",),
        _text_features(subject_lib.WIDTH),
        0.2,
        seed=5,
    ),
    _layer(
        "softmax_head",
        softmax_head.SoftmaxHead,
        ("features", "task_ids"),
        _text_features(max(subject_lib.LABEL_COUNTS)),
        subject_lib.LABEL_COUNTS,
        tanh=True,
        **_START,
    ),
    _layer(
        "label_embedding",
        label_embedding.LabelEmbedding,
        ("features", "task_ids"),
        _text_features(max(subject_lib.LABEL_COUNTS)),
        subject_lib.LABEL_COUNTS,
        more={"expected": _text_features(subject_lib.WIDTH - 1)},
        embedding_dim=subject_lib.WIDTH - 1,
        use_bias=True,
        **_START,
    ),
    _layer(
        "task_dense",
        task_dense.TaskDense,
        ("features", "task_ids"),
        _text_features(subject_lib.UNITS),
        subject_lib.UNITS,
        activation="relu",
        **_STACKED,
    ),
    _layer(
        "chained_task_dense",
        task_dense.ChainedTaskDense,
        ("features", "task_ids"),
        _text_features(subject_lib.UNITS),
        subject_lib.UNITS,
        **_STACKED,
    ),
    subject_lib.Subject(
        "shared_private_encoder",
        lambda: shared_private_encoder.SharedPrivateEncoder(
            text_encoder.TextEncoder(
                "lstm", "last", subject_lib.UNITS, 1, name="shared", **_START
            ),
            text_encoder.TextEncoder(
                "bag_of_words",
                "max",
                subject_lib.UNITS,
                name="private",
                **_STACKED,
            ),
        ),
        _READ_TOKENS,
        {
            "shared": _text_features(subject_lib.UNITS),
            "private": _text_features(subject_lib.UNITS),
        },
    ),
    subject_lib.Subject(
        "label_transfer_network",
        lambda: label_transfer_network.LabelTransferNetwork(
            subject_lib.LABEL_COUNTS, 6, init_range=0.3, seeds=(5, 6)
        ),
        ("features", "task_ids", "diversity"),
        {"logits": _text_features(max(subject_lib.LABEL_COUNTS))},
    ),
    _layer(
        "gradient_reversal",
        gradient_reversal.GradientReversal,
        ("features",),
        _text_features(subject_lib.WIDTH),
        0.3,
    ),
    _layer(
        "task_discriminator",
        task_discriminator.TaskDiscriminator,
        ("features",),
        _text_features(subject_lib.TASKS),
        subject_lib.TASKS,
        **_START,
    ),
]


def build_model(
    config: config_lib.Config,
    num_classes: tuple[int, ...] = subject_lib.LABEL_COUNTS,
) -> keras.Model:
    """A model for `batch()`."""
    return multitask_model.build(
        config, num_classes, subject_lib.WORDS, main_task=1
    )


def _model(encoder, kind, sharing, name="", **settings):
    config = config_lib.Config(
        encoder=encoder,
        pooling=kind,
        sharing=sharing,
        hidden_size=subject_lib.UNITS,
        embedding_dim=subject_lib.WIDTH,
        seed=5,
        **settings,
    )
    shapes = {"logits": _text_features(max(subject_lib.LABEL_COUNTS))}
    features = _text_features(_PER_UNIT.get(encoder, 1) * subject_lib.UNITS)
    if sharing != "single_task":
        shapes["shared"] = features
    if sharing != "fully_shared":
        shapes["private"] = features
    arguments = ("token_ids", "lengths", "task_ids")
    if config.sequences_apart:
        arguments += ("seq1", "seq1_lengths")
    if config.label_transfer != "none":
        arguments += ("transfer_indices", "diversity")
        shapes["transfer_logits"] = _text_features(subject_lib.LABEL_COUNTS[1])
        shapes["main_task_logits"] = shapes["logits"]
    return subject_lib.Subject(
        f"{sharing}-{encoder}-{kind}{name}",
        functools.partial(build_model, config),
        arguments,
        shapes,
    )


# A shared_private model holds both others: every pooling is tested there alone.
MODELS = [
    _model(encoder, kind, sharing)
    for sharing in choices.SHARINGS
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
        task_layer_size=5,
        output_layer=output_layer,
    )
    for encoder, kind, sharing, output_layer in (
        ("bag_of_words", "mean", "shared_private", "softmax"),
        (choices.CONDITIONAL, "last", "fully_shared", "label_embedding"),
        (choices.CONDITIONAL, "last", "shared_private", "label_embedding"),
    )
]
_LABEL_TRANSFER = _model(
    "bag_of_words",
    "mean",
    "shared_private",
    name="-label_transfer",
    task_layer_size=5,
    output_layer="label_embedding",
    label_transfer="supervised",
    main_task="1",
    transfer_hidden_size=6,
)
MODELS.append(_LABEL_TRANSFER)
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
# What properties that take long are tested on. Label transfer reads groups as
# other tasks than theirs, and the tasks in their order: it is none of
# `SOME_MODELS`.
SOME = [*LAYERS, *SOME_MODELS, _LABEL_TRANSFER]


def loss(model: keras.Model, batch: subject_lib.Batch) -> tf.Tensor:
    """The task losses of the groups, added up."""
    inputs = {name: batch[name] for name in model.input}
    scores = model(inputs, training=True)["logits"]
    return tf.reduce_sum(losses.task_loss(scores, batch["labels"]))
