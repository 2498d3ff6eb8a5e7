"""The layers of a model that a config describes."""

from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.layers import dropout
from mtl_tf.layers import embedding
from mtl_tf.layers import label_embedding
from mtl_tf.layers import shared_private_encoder
from mtl_tf.layers import softmax_head
from mtl_tf.layers import task_dense
from mtl_tf.layers import task_head
from mtl_tf.layers import text_encoder


def make_word_embedding(
    config: config_lib.Config, vocabulary_size: int, seed: int
) -> embedding.WordEmbedding:
    """Makes the word embedding."""
    return embedding.WordEmbedding(
        vocabulary_size,
        config.embedding_dim,
        unknown_id=vocabulary_lib.UNKNOWN,
        word_dropout=config.word_dropout,
        vector_dropout=config.vector_dropout,
        init_range=config.init_range,
        seed=seed,
        trainable=config.train_word_vectors,
        name="word_embedding",
    )


def make_encoder(
    config: config_lib.Config, num_tasks: int, seeds: Sequence[int]
) -> shared_private_encoder.SharedPrivateEncoder:
    """Makes the shared and the private encoder, or one of them.

    Args:
      config: kind, sizes, sharing and dropout.
      num_tasks: number of tasks.
      seeds: of the shared and of the private encoder.
    """

    def make(num_tasks, seed, name, trainable=True):
        return text_encoder.TextEncoder(
            config.encoder,
            config.pooling,
            config.hidden_size,
            num_tasks,
            num_layers=config.num_layers,
            forget_bias=config.forget_bias,
            recurrent_dropout=config.recurrent_dropout,
            precision=config.precision,
            recurrence=config.recurrence,
            init_range=config.init_range,
            seed=seed,
            trainable=trainable,
            name=name,
        )

    encoders = {}
    if config.sharing != "single_task":
        encoders["shared_encoder"] = make(
            1, seeds[0], "shared_encoder", config.train_shared_encoder
        )
    if config.sharing != "fully_shared":
        encoders["private_encoder"] = make(
            num_tasks, seeds[1], "private_encoder"
        )
    return shared_private_encoder.SharedPrivateEncoder(
        **encoders, name="encoder"
    )


def make_head(
    config: config_lib.Config,
    num_classes: tuple[int, ...],
    label_ids: tuple[int, ...] | None,
    seeds: Sequence[int],
) -> task_head.TaskHead:
    """Makes the head, with its task-specific layer and its output layer.

    Args:
      config: sizes, kind of the output layer, dropout.
      num_classes: number of labels of each task.
      label_ids: as in `ClassificationHead`.
      seeds: of the dropout, of the output layer and of the task-specific layer.
    """
    return task_head.TaskHead(
        _make_output_layer(config, num_classes, label_ids, seeds[1]),
        _make_task_layer(config, len(num_classes), seeds[2]),
        dropout.FeatureDropout(
            config.feature_dropout, seed=seeds[0], name="feature_dropout"
        ),
        name="head",
    )


def _make_task_layer(config, num_tasks, seed):
    """Makes the task-specific layer; None without one."""
    if not config.task_layer_size:
        return None
    layer_class = task_dense.TaskDense
    if config.chained_task_layers:
        layer_class = task_dense.ChainedTaskDense
    return layer_class(
        config.task_layer_size,
        num_tasks,
        init_range=config.init_range,
        seed=seed,
        name="task_layer",
    )


def _make_output_layer(config, num_classes, label_ids, seed):
    """Makes a softmax head or a label embedding."""
    common = {
        "label_ids": label_ids,
        "init_range": config.init_range,
        "seed": seed,
    }
    if config.output_layer == "softmax":
        return softmax_head.SoftmaxHead(
            num_classes, tanh=config.tanh_logits, name="softmax_head", **common
        )
    return label_embedding.LabelEmbedding(
        num_classes,
        embedding_dim=config.label_embedding_dim,
        use_bias=config.label_bias,
        name="label_embedding",
        **common,
    )
