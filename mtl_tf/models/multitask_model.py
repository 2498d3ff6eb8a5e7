"""The models of both papers, as Keras functional models."""

from collections.abc import Collection, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.layers import pooling
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import word_overlap
from mtl_tf.models import embedded_text
from mtl_tf.models import label_transfer
from mtl_tf.models import model_layers


def build(
    config: config_lib.Config,
    num_classes: tuple[int, ...],
    vocabulary_size: int,
    main_task: int | None = None,
    label_ids: tuple[int, ...] | None = None,
) -> keras.Model:
    """Builds the model that a config describes.

    Liu, Qiu & Huang 2017, Figure 2: shared and private encoders of a text; the
    task discriminator of Figure 3 is built apart (`build_discriminator`).
    Augenstein, Ruder & Søgaard 2018, Figure 1: an encoder of pairs of texts, a
    skip connection of the mean word vectors, a task-specific layer, a label
    embedding, and a label transfer network.

    Args:
      config: encoder, sharing, output, label transfer, sizes and dropout.
      num_classes: number of labels of each task, by task index.
      vocabulary_size: number of word vectors.
      main_task: index of the main task; needed for label transfer.
      label_ids: id of the name of each label of all tasks, from 0; needed for
        shared labels.

    Returns:
      A functional model.

      Inputs: `token_ids`, int32 [task_batches, batch, seq_len]; `lengths`,
      int32 [task_batches, batch], at least 1; `task_ids`, int32
      [task_batches]. An encoder of pairs also reads `seq1` and `seq1_lengths`,
      like `token_ids` and `lengths`, which are then those of seq2. Label
      transfer also reads `transfer_indices`, int32 [transferred], the task
      batches that the label transfer network predicts for, and `diversity`,
      float32 [task_batches, batch, 5], unless it is off.

      Outputs: `logits`, float32 [task_batches, batch, most labels]; `shared`
      and `private`, the features of the encoders before dropout, float32
      [task_batches, batch, features]. Label transfer adds `transfer_logits`,
      float32 [transferred, batch, labels], of the label transfer network, and
      `main_task_logits`, float32 [transferred, batch, most labels], of the
      main task's head for the same texts. `submodel` selects outputs.

    Raises:
      ValueError: if label vectors are longer than the features that they are
        multiplied with, or a size or an index is invalid.
    """
    _check_arguments(config, num_classes, vocabulary_size, main_task)
    if not config.shared_labels:
        label_ids = None
    elif label_ids is None or len(label_ids) != sum(num_classes):
        raise ValueError(
            f"label_ids: expected an id for each of the {sum(num_classes)} "
            f"labels with shared_labels, got {label_ids!r:.80}"
        )
    return _build(config, num_classes, vocabulary_size, main_task, label_ids)


def _build(config, num_classes, vocabulary_size, main_task, label_ids):
    """Builds the model of `build`, whose arguments have been checked."""
    random = np.random.default_rng(config.seed)
    # Separate seeds, so that no two layers start from equal weights.
    seeds = random.integers(2**31, size=8).tolist()

    # Layers.
    word_embedding = model_layers.make_word_embedding(
        config, vocabulary_size, seeds[0]
    )
    encoder = model_layers.make_encoder(config, len(num_classes), seeds[1:3])
    mean_pooling = pooling.Pooling("mean", name="skip_connection")
    overlap = word_overlap.WordOverlap(vocabulary_size, name="word_overlap")
    head = model_layers.make_head(config, num_classes, label_ids, seeds[3:6])

    # Functional model.
    inputs = embedded_text.make_inputs(config)
    task_ids = inputs["task_ids"]
    text = embedded_text.EmbeddedText.embed(word_embedding, inputs)
    features = text.encode(encoder, task_ids)
    skipped = text.mean_vectors(mean_pooling) if config.skip_connection else []
    if config.word_overlap:
        names = ("seq1", "seq1_lengths", "token_ids", "lengths")
        skipped.append(overlap(*(inputs[name] for name in names)))
    predictions = head(embedded_text.head_inputs(features, skipped), task_ids)

    # Outputs.
    outputs = {**features, "logits": predictions["logits"]}
    if config.label_transfer != "none":
        inputs |= label_transfer.make_inputs(config)
        classifier = label_transfer.CrossTaskClassifier(
            encoder, head, text, features, skipped
        )
        outputs |= label_transfer.build_outputs(
            config, num_classes, main_task, inputs, classifier, tuple(seeds[6:])
        )
    return keras.Model(inputs, outputs, name="mtl_tf")


def _check_arguments(config, num_classes, vocabulary_size, main_task):
    """Raises a ValueError for arguments that no model can have."""
    if not isinstance(config, config_lib.Config):
        raise ValueError(
            f"config: expected a mtl_tf.Config, got {type(config).__name__}"
        )
    integer = int | np.integer
    if (
        not isinstance(num_classes, Sequence)
        or not num_classes
        or not all(isinstance(x, integer) and x >= 2 for x in num_classes)
    ):
        raise ValueError(
            "num_classes: expected the number of labels of each task, 2 or "
            f"more, got {num_classes!r:.80}"
        )
    minimum = len(vocabulary_lib.SPECIAL_TOKENS)
    if not isinstance(vocabulary_size, integer) or vocabulary_size < minimum:
        raise ValueError(
            f"vocabulary_size: expected an integer of {minimum} or more, got "
            f"{vocabulary_size!r:.80}"
        )
    if config.label_transfer != "none" and main_task not in range(
        len(num_classes)
    ):
        raise ValueError(
            f"main_task: expected an index below {len(num_classes)} with "
            f"label_transfer={config.label_transfer}, got {main_task!r:.80}"
        )


def submodel(model: keras.Model, outputs: Collection[str]) -> keras.Model:
    """Selects outputs of a model.

    Args:
      model: the result of `build`.
      outputs: names of the outputs.

    Returns:
      A functional model of the same layers, with these outputs, and with the
      inputs that they need: `shared` features alone do not need `task_ids`;
      only the outputs of label transfer need `transfer_indices` and
      `diversity`.

    Raises:
      ValueError: if the model has no such output.
    """
    for name in outputs:
        if name not in model.output:
            raise ValueError(
                f"outputs: expected some of {', '.join(model.output)}, got "
                f"{name!r}"
            )
    if set(outputs) == {"shared"}:
        return _shared_submodel(model)
    unneeded = set()
    if not set(outputs) & set(label_transfer.OUTPUTS):
        unneeded |= {"transfer_indices", "diversity"}
    return keras.Model(
        {k: x for k, x in model.input.items() if k not in unneeded},
        {name: model.output[name] for name in outputs},
        name="_".join(outputs),
    )


def _shared_submodel(model):
    """Builds a model of the shared features alone.

    In the model, one call of the encoder computes the shared and the private
    features. A submodel between its tensors would therefore need `task_ids`,
    and would hold and run the private encoders too. This one calls the shared
    encoder itself, so that an exported encoder reads texts of any task.
    """
    inputs = {
        name: model.input[name]
        for pair in embedded_text.LENGTHS_OF.items()
        for name in pair
        if name in model.input
    }
    text = embedded_text.EmbeddedText.embed(
        model.get_layer("word_embedding"), inputs
    )
    encoder = model.get_layer("encoder").shared_encoder
    return keras.Model(inputs, {"shared": text.encode(encoder)}, name="shared")


def build_discriminator(
    config: config_lib.Config, model: keras.Model, num_tasks: int
) -> task_discriminator.TaskDiscriminator:
    """Builds the task discriminator (Liu, Qiu & Huang 2017, Figure 3, Eq. 12).

    Args:
      config: seed and initialization.
      model: the result of `build`, with shared features.
      num_tasks: number of tasks.

    Returns:
      The layer, built for the shared features.
    """
    layer = task_discriminator.TaskDiscriminator(
        num_tasks,
        init_range=config.init_range,
        seed=config.seed,
        name="task_discriminator",
    )
    layer.build(model.output["shared"].shape)
    return layer


def variables_by_path(variables) -> dict[str, tf.Variable]:
    """Maps Keras paths to the TensorFlow variables of Keras variables.

    Raises:
      ValueError: if two have the same path: one would be lost in a checkpoint.
    """
    by_path = {}
    for variable in variables:
        if variable.path in by_path:
            raise ValueError(
                f"expected unique paths, got two variables {variable.path}"
            )
        by_path[variable.path] = variable.value
    return by_path


def assign(
    model: keras.Model, values: Mapping[str, np.ndarray], source: str
) -> None:
    """Assigns the weights of a checkpoint to a model.

    Args:
      model: the result of `build`.
      values: values by path, at least those of the model's weights.
      source: the checkpoint's name, for messages.

    Raises:
      ValueError: if a weight is missing, or has another shape.
    """
    for name, variable in variables_by_path(model.weights).items():
        value = values.get(name)
        if value is None or value.shape != variable.shape:
            raise ValueError(
                f"{source} is of another model: {name} "
                + (
                    "is missing"
                    if value is None
                    else f"has the shape {value.shape}, not {variable.shape}"
                )
            )
        variable.assign(value)


def set_word_vectors(
    model: keras.Model, vectors: Sequence[pretrained_embeddings.WordVectors]
) -> None:
    """Assigns pretrained vectors to a model's word embedding.

    The vectors of several sources are concatenated. Where a source has no
    vector for a word, its columns keep their random start, and so do the
    columns of a table that is wider than the vectors.

    Args:
      model: the result of `build`.
      vectors: the pretrained vectors of each source, by word id.

    Raises:
      ValueError: if the vectors are wider than the table.
    """
    table = model.get_layer("word_embedding").table
    embedding_dim = sum(x.matrix.shape[1] for x in vectors)
    if embedding_dim > table.shape[1]:
        raise ValueError(
            f"the pretrained vectors have {embedding_dim} numbers, "
            f"embedding_dim is {table.shape[1]}: set embedding_dim to "
            f"{embedding_dim}, or to more (the rest is then trained from a "
            "random start)"
        )
    values = table.numpy()
    start = 0
    for of_source in vectors:
        end = start + of_source.matrix.shape[1]
        has_vector = of_source.has_vector
        values[has_vector, start:end] = of_source.matrix[has_vector]
        start = end
    table.assign(values)
