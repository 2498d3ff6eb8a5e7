"""The layers and models that the conformance tests cover.

A new layer or model is one entry of `LAYERS` or `MODELS`; `conformance_test`
then tests all its properties.
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
from mtl_tf.layers import token_layers
from mtl_tf.layers import word_overlap
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from tests.conformance import subject as subject_lib


def _layer(name, layer_class, arguments, shape, *args, **kwargs):
    """Makes a subject; `shape` is that of the output, or those of a dict."""
    shapes = shape if isinstance(shape, dict) else {"output": shape}
    return subject_lib.Subject(
        name,
        functools.partial(layer_class, *args, **kwargs),
        arguments,
        shapes,
        per_token=any(x == _token_features(x[-1]) for x in shapes.values()),
    )


def _token_features(width):
    return subject_lib.ROWS, subject_lib.BATCH, width


def _text_features(width):
    return subject_lib.TASK_BATCHES, subject_lib.BATCH, width


_TOKENS = ("vectors", "lengths")
_TASK_TOKENS = ("vectors", "lengths", "task_ids")
_INITIAL = {"init_range": 0.3, "seed": 5}
_PER_TASK = {"num_tasks": subject_lib.NUM_TASKS, **_INITIAL}
# Labels of the same position have the same name.
_LABEL_IDS = tuple(x for n in subject_lib.NUM_CLASSES for x in range(n))
_COMBINATIONS = [
    (encoder, kind)
    for encoder in choices.ENCODERS
    for kind in choices.POOLINGS
    if kind != "last" or encoder in choices.RECURRENT
]
# Features of a text for each hidden unit: three windows, two directions.
_FEATURES_PER_UNIT = {"cnn": 3, "bilstm": 2, choices.CONDITIONAL: 2}

# Arguments differ from the defaults, so that a config without one fails.
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
        **_INITIAL,
    ),
    *[
        _layer(
            f"lstm-{'backwards' if backwards else 'forwards'}",
            lstm.PerTaskLSTM,
            _TASK_TOKENS,
            _token_features(subject_lib.HIDDEN_SIZE),
            subject_lib.HIDDEN_SIZE,
            backwards=backwards,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_PER_TASK,
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
        token_layers.Convolution,
        _TASK_TOKENS,
        _token_features(2 * subject_lib.HIDDEN_SIZE),
        subject_lib.HIDDEN_SIZE,
        windows=(2, 3),
        **_PER_TASK,
    ),
    _layer(
        "token_dense",
        token_layers.TokenDense,
        _TASK_TOKENS,
        _token_features(subject_lib.HIDDEN_SIZE),
        subject_lib.HIDDEN_SIZE,
        **_PER_TASK,
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
        _TASK_TOKENS,
        _text_features(subject_lib.WIDTH),
        **_PER_TASK,
    ),
    *[
        _layer(
            f"encoder-{encoder}-{kind}",
            text_encoder.TextEncoder,
            (*_TASK_TOKENS, "seq1_vectors", "seq1_lengths")
            if encoder == choices.CONDITIONAL
            else _TASK_TOKENS,
            _text_features(
                _FEATURES_PER_UNIT.get(encoder, 1) * subject_lib.HIDDEN_SIZE
            ),
            encoder,
            kind,
            subject_lib.HIDDEN_SIZE,
            num_layers=3,
            forget_bias=1.0,
            recurrent_dropout=0.1,
            **_PER_TASK,
        )
        for encoder, kind in _COMBINATIONS
    ],
    _layer(
        "word_overlap",
        word_overlap.WordOverlap,
        ("seq1", "seq1_lengths", "token_ids", "lengths"),
        _text_features(2),
        subject_lib.WORDS,
        first_word=3,
    ),
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
        {"logits": _text_features(max(subject_lib.NUM_CLASSES))},
        subject_lib.NUM_CLASSES,
        tanh=True,
        label_ids=_LABEL_IDS,
        **_INITIAL,
    ),
    _layer(
        "label_embedding",
        label_embedding.LabelEmbedding,
        ("features", "task_ids"),
        {
            "logits": _text_features(max(subject_lib.NUM_CLASSES)),
            "expected_label_embedding": _text_features(subject_lib.WIDTH - 1),
        },
        subject_lib.NUM_CLASSES,
        embedding_dim=subject_lib.WIDTH - 1,
        use_bias=True,
        label_ids=_LABEL_IDS,
        **_INITIAL,
    ),
    _layer(
        "task_dense",
        task_dense.TaskDense,
        ("features", "task_ids"),
        _text_features(subject_lib.HIDDEN_SIZE),
        subject_lib.HIDDEN_SIZE,
        activation="relu",
        **_PER_TASK,
    ),
    _layer(
        "chained_task_dense",
        task_dense.ChainedTaskDense,
        ("features", "task_ids"),
        _text_features(subject_lib.HIDDEN_SIZE),
        subject_lib.HIDDEN_SIZE,
        **_PER_TASK,
    ),
    subject_lib.Subject(
        "shared_private_encoder",
        lambda: shared_private_encoder.SharedPrivateEncoder(
            text_encoder.TextEncoder(
                "lstm",
                "last",
                subject_lib.HIDDEN_SIZE,
                1,
                name="shared",
                **_INITIAL,
            ),
            text_encoder.TextEncoder(
                "bag_of_words",
                "max",
                subject_lib.HIDDEN_SIZE,
                name="private",
                **_PER_TASK,
            ),
        ),
        _TASK_TOKENS,
        {
            "shared": _text_features(subject_lib.HIDDEN_SIZE),
            "private": _text_features(subject_lib.HIDDEN_SIZE),
        },
    ),
    subject_lib.Subject(
        "label_transfer_network",
        lambda: label_transfer_network.LabelTransferNetwork(
            subject_lib.NUM_CLASSES, 6, init_range=0.3, seeds=(5, 6)
        ),
        ("features", "task_ids", "diversity"),
        {"logits": _text_features(max(subject_lib.NUM_CLASSES))},
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
        _text_features(subject_lib.NUM_TASKS),
        subject_lib.NUM_TASKS,
        **_INITIAL,
    ),
]


def build_model(
    config: config_lib.Config,
    num_classes: tuple[int, ...] = subject_lib.NUM_CLASSES,
) -> keras.Model:
    """Builds a model for `batch()`."""
    return multitask_model.build(
        config,
        num_classes,
        subject_lib.WORDS,
        main_task=1,
        label_ids=_LABEL_IDS,
    )


def _model(encoder, kind, sharing, name="", **settings):
    config = config_lib.Config(
        encoder=encoder,
        pooling=kind,
        sharing=sharing,
        hidden_size=subject_lib.HIDDEN_SIZE,
        embedding_dim=subject_lib.WIDTH,
        seed=5,
        **settings,
    )
    shapes = {"logits": _text_features(max(subject_lib.NUM_CLASSES))}
    features = _text_features(
        _FEATURES_PER_UNIT.get(encoder, 1) * subject_lib.HIDDEN_SIZE
    )
    if sharing != "single_task":
        shapes["shared"] = features
    if sharing != "fully_shared":
        shapes["private"] = features
    arguments = ("token_ids", "lengths", "task_ids")
    if config.encodes_pairs:
        arguments += ("seq1", "seq1_lengths")
    if config.label_transfer != "none":
        arguments += ("transfer_indices", "diversity")
        shapes["transfer_logits"] = _text_features(subject_lib.NUM_CLASSES[1])
        shapes["main_task_logits"] = shapes["logits"]
    return subject_lib.Subject(
        f"{sharing}-{encoder}-{kind}{name}",
        functools.partial(build_model, config),
        arguments,
        shapes,
    )


_POOLING = {
    "lstm": "last",
    "bilstm": "max",
    "stacked_lstm": "attention",
    "cnn": "max",
    "bag_of_words": "mean",
    choices.CONDITIONAL: "last",
}
# Every encoder with every sharing, and every pooling with shared_private, which
# contains both others. All combinations of encoders and poolings are tested as
# layers.
MODELS = [
    _model(encoder, "attention", sharing)
    for sharing in choices.SHARINGS
    if sharing != "shared_private"
    for encoder in choices.ENCODERS
]
MODELS += [
    _model(encoder, _POOLING[encoder], "shared_private")
    for encoder in choices.ENCODERS
]
MODELS += [
    _model(
        encoder,
        kind,
        sharing,
        name=f"-{output_layer}",
        skip_connection=True,
        word_overlap=encoder == choices.CONDITIONAL,
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
# Every encoder, pooling and sharing, but fewer combinations: for properties
# that take long to test.
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
# For properties that take long to test. With label transfer, the outputs depend
# on other tasks and on their order: it is not one of `SOME_MODELS`.
SOME = [*LAYERS, *SOME_MODELS, _LABEL_TRANSFER]


def loss(model: keras.Model, batch: subject_lib.Batch) -> tf.Tensor:
    """Computes the sum of the losses of the task batches."""
    inputs = {name: batch[name] for name in model.input}
    logits = model(inputs, training=True)["logits"]
    return tf.reduce_sum(losses.task_loss(logits, batch["labels"]))
