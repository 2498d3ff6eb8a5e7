"""The models: Keras functional models out of the layers."""

from collections.abc import Collection, Sequence

import keras
import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.layers import dropout
from mtl_tf.layers import embedding
from mtl_tf.layers import label_embedding
from mtl_tf.layers import pooling
from mtl_tf.layers import softmax_head
from mtl_tf.layers import task_dense
from mtl_tf.layers import task_discriminator
from mtl_tf.layers import text_encoder
from mtl_tf.models import label_transfer

# Names of the inputs that are tokens, and of their lengths.
LENGTHS = {"token_ids": "lengths", "seq1": "seq1_lengths"}


def build(
    config: config_lib.Config,
    num_classes: tuple[int, ...],
    vocabulary_size: int,
    main_task: int | None = None,
) -> keras.Model:
    """Builds the model that a config describes.

    Encoders and how tasks share them are those of Liu et al. 2017, section 3.
    What stands between their features and the scores, the conditional encoder
    and the label transfer network are those of Augenstein, Ruder & Søgaard
    2018, section 3: the mean of the word vectors joins the features, past the
    encoders; the task-specific layer reads all of it; the output reads that
    layer; the label transfer network reads the outputs of the auxiliary tasks,
    all on the same text.

    Args:
      config: encoder, sharing, output, label transfer, sizes and dropout.
      num_classes: number of labels of each task, in the order of the tasks.
      vocabulary_size: number of word vectors.
      main_task: number of the main task, where there is label transfer.

    Returns:
      A functional model. Inputs, by name: `tokens`, int32 [groups, batch,
      time]; `lengths`, int32 [groups, batch], at least 1; `task`, int32
      [groups]; for a conditional encoder `seq1` and `seq1_lengths`, too, as
      `tokens` and `lengths`, which are then those of seq2. Outputs, by name:
      `scores`, float32 [groups, batch, most labels]; `shared` and `private`,
      the features of both encoders before dropout, float32 [groups, batch,
      features], those that there are.

      With label transfer, also the inputs `asked`, int32 [asked], numbers of
      the groups that the label transfer network reads, and, if it reads them,
      `diversity`, float32 [groups, batch, 5]; and the outputs
      `transfer_logits`, float32 [asked, batch, labels], what the network says
      of these groups, and `main_task_logits`, float32 [asked, batch, most
      labels],
      what the main task's own output says of them. `submodel` is the model with
      some of the outputs.

    Raises:
      ValueError: if label vectors are longer than what they are multiplied
        with, or a size or a number is none.
    """
    _check_sizes(config, num_classes, vocabulary_size, main_task)
    layers = _Layers(config, tuple(num_classes), vocabulary_size)
    inputs = {"task_ids": keras.Input((), dtype="int32", name="task_ids")}
    sequences = []
    for name in (
        ("token_ids", "seq1") if config.sequences_apart else ("token_ids",)
    ):
        tokens = keras.Input((None, None), dtype="int32", name=name)
        lengths = keras.Input((None,), dtype="int32", name=LENGTHS[name])
        inputs |= {name: tokens, LENGTHS[name]: lengths}
        sequences += [layers.embedding(tokens, lengths), lengths]

    outputs, common = layers.common_features(sequences)
    joined = list(common)
    if layers.private_encoder:
        outputs["private"] = layers.private(sequences, inputs["task_ids"])
        joined.append(outputs["private"])
    hidden = layers.hidden(joined, inputs["task_ids"])
    outputs["logits"], _ = layers.scores(hidden, inputs["task_ids"])
    if config.label_transfer != "none":
        transfer = label_transfer.LabelTransfer(
            config, num_classes, main_task, layers, inputs
        )
        outputs |= transfer.outputs(sequences, common)
    return keras.Model(inputs, outputs, name="mtl_tf")


def _check_sizes(config, num_classes, vocabulary_size, main_task):
    """Refuses sizes of which no model can be built."""
    if not isinstance(config, config_lib.Config):
        raise ValueError(
            f"config: a mtl_tf.Config is expected, got {type(config).__name__}"
        )
    whole = int | np.integer
    if (
        not isinstance(num_classes, Sequence)
        or not num_classes
        or not all(isinstance(x, whole) and x >= 2 for x in num_classes)
    ):
        raise ValueError(
            "num_classes: a number of labels is expected for each task, 2 or "
            f"more, got {num_classes!r:.80}"
        )
    least = len(vocabulary_lib.SPECIAL_TOKENS)
    if not isinstance(vocabulary_size, whole) or vocabulary_size < least:
        raise ValueError(
            f"vocabulary_size: a number of {least} or more is expected, got "
            f"{vocabulary_size!r:.80}"
        )
    if config.label_transfer != "none" and main_task not in range(
        len(num_classes)
    ):
        raise ValueError(
            f"main_task: a number below {len(num_classes)} is expected with "
            f"label_transfer={config.label_transfer}, got {main_task!r:.80}"
        )


def submodel(model: keras.Model, outputs: Collection[str]) -> keras.Model:
    """A model with some of the outputs, without the inputs of others.

    `task` is an input unless `shared` features alone are wanted; `asked` and
    `diversity` if an output of label transfer is.

    Raises:
      ValueError: if the model has no such output.
    """
    for name in outputs:
        if name not in model.output:
            raise ValueError(
                f"the model has no output {name!r}; it has "
                f"{', '.join(model.output)}"
            )
    unneeded = set()
    if not set(outputs) & set(label_transfer.OUTPUTS):
        unneeded |= {"transfer_indices", "diversity"}
    if set(outputs) == {"shared"}:
        unneeded.add("task_ids")
    return keras.Model(
        {k: x for k, x in model.input.items() if k not in unneeded},
        {name: model.output[name] for name in outputs},
        name="_".join(outputs),
    )


class _Layers:
    """The layers of a model, and what they make of a text."""

    def __init__(self, config, num_classes, vocabulary_size):
        # Layers must not start alike.
        random = np.random.default_rng(config.seed)
        seed = random.integers(2**31, size=8).tolist()
        tasks = len(num_classes)
        self.embedding = embedding.WordEmbedding(
            vocabulary_size,
            config.embedding_dim,
            unknown_id=vocabulary_lib.UNKNOWN,
            word_dropout=config.word_dropout,
            vector_dropout=config.vector_dropout,
            init_range=config.init_range,
            seed=seed[0],
            trainable=config.train_word_vectors,
            name="word_embedding",
        )
        self.shared_encoder = self.private_encoder = None
        if config.sharing != "single_task":
            self.shared_encoder = _encoder(config, 1, seed[1], "shared_encoder")
        if config.sharing != "fully_shared":
            self.private_encoder = _encoder(
                config, tasks, seed[2], "private_encoder"
            )
        self._skip = None
        if config.skip_connection:
            self._skip = pooling.Pooling("mean", name="skip_connection")
        self._dropout = dropout.FeatureDropout(
            config.feature_dropout, seed=seed[3], name="feature_dropout"
        )
        self._output_layer = _output_layer(config, num_classes, seed[4])
        self._task_layer = _task_layer(config, tasks, seed[5])
        # Of the label transfer network.
        self.transfer_seeds = seed[6:]

    def common_features(self, sequences):
        """The features that are the same whichever task reads.

        Args:
          sequences: word vectors and lengths of seq2, and of seq1 where it is
            read apart.

        Returns:
          Shared features by name; and all of them, a list.
        """
        features, common = {}, []
        seq2, lengths, *seq1 = sequences
        if self.shared_encoder:
            task_ids = keras.ops.zeros_like(lengths[:, 0])
            shared = self.shared_encoder(seq2, lengths, task_ids, *seq1)
            features["shared"] = shared
            common.append(shared)
        if self._skip:
            common.append(self._skip(seq2, lengths))
            if seq1:
                common.append(self._skip(*seq1))
        return features, common

    def private(self, sequences, task_ids):
        """Features of the private encoder of each group's reader."""
        seq2, lengths, *seq1 = sequences
        return self.private_encoder(seq2, lengths, task_ids, *seq1)

    def hidden(self, joined, task_ids):
        """What an output reads.

        Args:
          joined: features [groups, batch, width each]. The private ones last:
            what stands before them is common to models with and without, and a
            warm start makes use of that.
          task_ids: int32 [groups], the tasks that read them.
        """
        hidden = joined[0]
        if len(joined) > 1:
            hidden = keras.ops.concatenate(joined, axis=-1)
        hidden = self._dropout(hidden)
        return (
            self._task_layer(hidden, task_ids) if self._task_layer else hidden
        )

    def scores(self, hidden, task_ids):
        """Scores of each group's labels, for the task that reads it.

        Returns:
          float32 [groups, batch, most labels], and the label vectors that are
          expected, [groups, batch, width], None without a label embedding.
        """
        found = self._output_layer(hidden, task_ids)
        return found if isinstance(found, tuple) else (found, None)


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


def variables_by_path(variables) -> dict[str, tf.Variable]:
    """TensorFlow variables by their Keras path.

    Raises:
      ValueError: if two have the same path: one would be lost in a checkpoint.
    """
    by_path = {}
    for variable in variables:
        if variable.path in by_path:
            raise ValueError(f"two variables are called {variable.path}")
        by_path[variable.path] = variable.value
    return by_path


def set_word_vectors(
    model: keras.Model, vectors: pretrained_embeddings.WordVectors
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
            f"the pretrained vectors have {width} numbers, embedding_dim is "
            f"{table.shape[1]}: set embedding_dim to {width}, or to more (the "
            "rest is then trained from a random start)"
        )
    values = table.numpy()
    values[vectors.found, :width] = vectors.matrix[vectors.found]
    table.assign(values)


def _encoder(config, num_tasks, seed, name):
    return text_encoder.TextEncoder(
        config.encoder,
        config.pooling,
        config.hidden_size,
        num_tasks,
        num_layers=config.num_layers,
        forget_bias=config.forget_bias,
        recurrent_dropout=config.recurrent_dropout,
        precision=config.precision,
        init_range=config.init_range,
        seed=seed,
        name=name,
    )


def _task_layer(config, tasks, seed):
    """None where there is none."""
    if not config.task_layer_size:
        return None
    kind = task_dense.TaskDense
    if config.chained_task_layers:
        kind = task_dense.ChainedTaskDense
    return kind(
        config.task_layer_size,
        tasks,
        init_range=config.init_range,
        seed=seed,
        name="task_layer",
    )


def _output_layer(config, num_classes, seed):
    common = {"init_range": config.init_range, "seed": seed}
    if config.output_layer == "softmax":
        return softmax_head.SoftmaxHead(
            num_classes,
            tanh=config.tanh_logits,
            name="softmax_output",
            **common,
        )
    return label_embedding.LabelEmbedding(
        num_classes,
        width=config.label_embedding_dim,
        use_bias=config.label_bias,
        name="label_embedding",
        **common,
    )
