"""The models: Keras functional models out of the layers."""

import keras
import numpy as np

from mtl_tf import config as config_lib
from mtl_tf import text
from mtl_tf import word_vectors
from mtl_tf.layers import encoders
from mtl_tf.layers import feature_dropout
from mtl_tf.layers import label_embedding
from mtl_tf.layers import pooling
from mtl_tf.layers import softmax_output
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import task_layer
from mtl_tf.layers import word_embedding

# Names of the inputs that are tokens, and of their lengths.
LENGTHS = {"tokens": "lengths", "seq1": "seq1_lengths"}


def build(
    config: config_lib.Config,
    label_counts: tuple[int, ...],
    vocabulary_size: int,
) -> keras.Model:
    """Builds the model that a config describes.

    Encoders and how tasks share them are those of Liu et al. 2017, section 3.
    What stands between their features and the scores, and the conditional
    encoder, are those of Augenstein, Ruder & Søgaard 2018, section 3: the mean
    of the word vectors joins the features, past the encoders; the task-specific
    layer reads all of it; the output reads that layer.

    Args:
      config: encoder, sharing, output, sizes and dropout.
      label_counts: number of labels of each task, in the order of the tasks.
      vocabulary_size: number of word vectors.

    Returns:
      A functional model. Inputs, by name: `tokens`, int32 [groups, batch,
      time]; `lengths`, int32 [groups, batch], at least 1; `task`, int32
      [groups]; for a conditional encoder `seq1` and `seq1_lengths`, too, as
      `tokens` and `lengths`, which are then those of seq2. Outputs, by name:
      `scores`, float32 [groups, batch, most labels]; `shared` and `private`,
      the features of both encoders before dropout, float32 [groups, batch,
      features], those that there are.

    Raises:
      ValueError: if label vectors are longer than what they are multiplied
        with.
    """
    # Layers must not start alike.
    seed = np.random.default_rng(config.seed).integers(2**31, size=6).tolist()

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

    # Functional model.
    inputs = {"task": keras.Input((), dtype="int32", name="task")}
    task = inputs["task"]

    def read(name):
        """Makes the inputs of a text; its vectors and their lengths."""
        tokens = keras.Input((None, None), dtype="int32", name=name)
        lengths = keras.Input((None,), dtype="int32", name=LENGTHS[name])
        inputs.update({name: tokens, LENGTHS[name]: lengths})
        return embedding(tokens, lengths), lengths

    seq2 = read("tokens")
    seq1 = read("seq1") if config.sequences_apart else ()
    features, joined = {}, []
    if config.sharing != "single_task":
        # The shared encoder has one reader, whatever the task.
        reader = keras.ops.zeros_like(inputs["lengths"][:, 0])
        encoder = _encoder(config, 1, seed[1], "shared_encoder")
        features["shared"] = encoder(*seq2, reader, *seq1)
        joined.append(features["shared"])
    if config.skip_connection:
        mean = pooling.Pooling("mean", name="skip_connection")
        joined += [mean(*sequence) for sequence in (seq2, seq1) if sequence]
    # Last: what stands before it is common to models with and without private
    # encoders, and a warm start makes use of that.
    if config.sharing != "fully_shared":
        encoder = _encoder(
            config, len(label_counts), seed[2], "private_encoder"
        )
        features["private"] = encoder(*seq2, task, *seq1)
        joined.append(features["private"])
    hidden = joined[0]
    if len(joined) > 1:
        hidden = keras.layers.Concatenate(name="joined_features")(joined)
    hidden = dropout(hidden)
    if config.task_layer_units:
        hidden = task_layer.TaskLayer(
            config.task_layer_units,
            len(label_counts),
            init_range=config.init_range,
            seed=seed[5],
            name="task_layer",
        )(hidden, task)
    scores = _output_layer(config, label_counts, seed[4])(hidden, task)
    return keras.Model(inputs, {"scores": scores, **features}, name="mtl_tf")


def shared_features(model: keras.Model) -> keras.Model:
    """The part of a model from its inputs but `task` to shared features.

    Raises:
      ValueError: if the model has no shared encoder.
    """
    if "shared" not in model.output:
        raise ValueError("a single-task model has no shared encoder")
    inputs = {k: tensor for k, tensor in model.input.items() if k != "task"}
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


def _output_layer(config, label_counts, seed):
    common = {"init_range": config.init_range, "seed": seed}
    if config.output_layer == "softmax":
        return softmax_output.SoftmaxOutput(
            label_counts, name="softmax_output", **common
        )
    return label_embedding.LabelEmbedding(
        label_counts,
        width=config.label_width,
        use_bias=config.label_bias,
        name="label_embedding",
        **common,
    )
