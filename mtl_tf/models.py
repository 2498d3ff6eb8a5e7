"""The models: Keras functional models out of the layers."""

import keras
import numpy as np

from mtl_tf import config as config_lib
from mtl_tf import text
from mtl_tf import word_vectors
from mtl_tf.layers import encoders
from mtl_tf.layers import feature_dropout
from mtl_tf.layers import softmax_output
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import word_embedding


def build(
    config: config_lib.Config,
    label_counts: tuple[int, ...],
    vocabulary_size: int,
) -> keras.Model:
    """Builds the model that a config describes (Liu et al. 2017, section 3).

    Args:
      config: encoder, sharing, sizes and dropout.
      label_counts: number of labels of each task, in the order of the tasks.
      vocabulary_size: number of word vectors.

    Returns:
      A functional model. Inputs, by name: `tokens`, int32 [groups, batch,
      time]; `lengths`, int32 [groups, batch], at least 1; `task`, int32
      [groups]. Outputs, by name: `scores`, float32 [groups, batch, most
      labels]; `shared` and `private`, the features of both encoders before
      dropout, float32 [groups, batch, features], those that there are.
    """
    # Layers must not start alike.
    seed = np.random.default_rng(config.seed).integers(2**31, size=5).tolist()

    # Layers.
    embedding = word_embedding.WordEmbedding(
        vocabulary_size,
        config.word_width,
        unknown_id=text.UNKNOWN,
        word_dropout=config.word_dropout,
        vector_dropout=config.vector_dropout,
        init_range=config.init_range,
        seed=seed[0],
        trainable=config.train_word_vectors,
        name="word_embedding",
    )
    dropout = feature_dropout.FeatureDropout(
        config.feature_dropout, seed=seed[3], name="feature_dropout"
    )
    output = softmax_output.SoftmaxOutput(
        label_counts,
        init_range=config.init_range,
        seed=seed[4],
        name="softmax_output",
    )

    # Functional model.
    tokens = keras.Input((None, None), dtype="int32", name="tokens")
    lengths = keras.Input((None,), dtype="int32", name="lengths")
    task = keras.Input((), dtype="int32", name="task")
    vectors = embedding(tokens, lengths)
    features = {}
    if config.sharing != "single_task":
        # The shared encoder has one reader, whatever the task.
        reader = keras.ops.zeros_like(lengths[:, 0])
        encoder = _encoder(config, 1, seed[1], "shared_encoder")
        features["shared"] = encoder(vectors, lengths, reader)
    if config.sharing != "fully_shared":
        encoder = _encoder(
            config, len(label_counts), seed[2], "private_encoder"
        )
        features["private"] = encoder(vectors, lengths, task)
    joined = (
        keras.layers.Concatenate(name="shared_and_private")(
            list(features.values())
        )
        if len(features) > 1
        else next(iter(features.values()))
    )
    scores = output(dropout(joined), task)
    return keras.Model(
        {"tokens": tokens, "lengths": lengths, "task": task},
        {"scores": scores, **features},
        name="mtl_tf",
    )


def shared_features(model: keras.Model) -> keras.Model:
    """The part of a model from `tokens` and `lengths` to shared features.

    Raises:
      ValueError: if the model has no shared encoder.
    """
    if "shared" not in model.output:
        raise ValueError("a single-task model has no shared encoder")
    inputs = {name: model.input[name] for name in ("tokens", "lengths")}
    return keras.Model(inputs, model.output["shared"], name="shared_features")


def build_discriminator(
    config: config_lib.Config, model: keras.Model, tasks: int
) -> task_discriminator.TaskDiscriminator:
    """The task discriminator on a model's shared features."""
    layer = task_discriminator.TaskDiscriminator(
        tasks,
        init_range=config.init_range,
        seed=config.seed,
        name="task_discriminator",
    )
    layer.build(model.output["shared"].shape)
    return layer


def set_word_vectors(
    model: keras.Model, vectors: word_vectors.WordVectors
) -> None:
    """Puts pretrained vectors into a model's word embedding.

    A table that is wider than the pretrained vectors keeps its random start in
    the columns that are left, and words that were not found keep it altogether.

    Raises:
      ValueError: if the vectors are wider than the table.
    """
    table = model.get_layer("word_embedding").table
    width = vectors.matrix.shape[1]
    if width > table.shape[1]:
        raise ValueError(
            f"the pretrained vectors have {width} numbers, word_width is "
            f"{table.shape[1]}: set word_width to {width}, or to more (the "
            "rest is then trained from a random start)"
        )
    values = table.numpy()
    values[vectors.found, :width] = vectors.matrix[vectors.found]
    table.assign(values)


def _encoder(config, readers, seed, name):
    return encoders.Encoder(
        config.encoder,
        config.pooling,
        config.units,
        readers,
        depth=config.depth,
        forget_bias=config.forget_bias,
        recurrent_dropout=config.recurrent_dropout,
        init_range=config.init_range,
        seed=seed,
        name=name,
    )
