"""Models of the benchmark in layers of Keras, as in its documentation.

A functional model for each task, of layers that tasks share and layers of its
own, and a traced step for each: one optimizer step a task.
"""

import keras
import tensorflow as tf

from benchmarks import groups as groups_lib
from mtl_tf.utils import devices


def _uniform(config):
    limit = config["init_range"]
    return keras.initializers.RandomUniform(-limit, limit)


def _lstm(config, **kwargs):
    """Makes an LSTM with the initialization of this project."""
    return keras.layers.LSTM(
        config["hidden_size"],
        kernel_initializer=_uniform(config),
        recurrent_initializer=_uniform(config),
        bias_initializer=_uniform(config),
        unit_forget_bias=False,
        **kwargs,
    )


def _dense(config, hidden_size, **kwargs):
    return keras.layers.Dense(
        hidden_size, kernel_initializer=_uniform(config), **kwargs
    )


def _embedding(problem, **kwargs):
    config = problem["config"]
    return keras.layers.Embedding(
        problem["vocabulary_size"],
        config["embedding_dim"],
        embeddings_initializer=_uniform(config),
        trainable=config["train_word_vectors"],
        **kwargs,
    )


def _cross_entropy(labels, scores):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    )


class AspMtl:
    """ASP-MTL: shared and private LSTM, discriminator, orthogonality.

    Args:
      problem: see `problems`.

    Attributes:
      models: the model of each task: inputs as `inputs` names them; scores,
        shared features and private ones.
      layers: additional layers.
    """

    inputs = ("token_ids", "lengths")

    def __init__(self, problem: dict):
        config = problem["config"]
        self._config = config
        self.embedding = _embedding(problem)
        self.shared = _lstm(config, return_sequences=True)
        self.private, self.outputs, self.models = [], [], []
        for labels in problem["label_counts"]:
            self.private.append(_lstm(config, return_sequences=True))
            self.outputs.append(_dense(config, labels))
            self.models.append(
                self._make_model(self.private[-1], self.outputs[-1])
            )
        self.discriminator = _dense(config, len(self.models))
        self.discriminator.build((None, config["hidden_size"]))
        self.layers = [self.discriminator]

    def _make_model(self, private, output):
        tokens = keras.Input((None,), dtype="int32")
        lengths = keras.Input((), dtype="int32")
        vectors = self.embedding(tokens)
        # The state at the last token, which is faster than a mask.
        last = keras.ops.reshape(lengths - 1, (-1, 1, 1))
        shared, private = (
            keras.ops.take_along_axis(lstm(vectors), last, axis=1)[:, 0]
            for lstm in (self.shared, private)
        )
        scores = output(keras.ops.concatenate([shared, private], axis=-1))
        return keras.Model([tokens, lengths], [scores, shared, private])

    def loss(self, task: int, inputs: list, labels: tf.Tensor) -> tf.Tensor:
        """Computes the loss of a group of a task."""
        scores, shared, private = self.models[task](inputs, training=True)
        guesses = self.discriminator(self._reverse(shared))
        adversarial = _cross_entropy(tf.fill(tf.shape(labels), task), guesses)
        products = tf.matmul(shared, private, transpose_a=True)
        return (
            _cross_entropy(labels, scores)
            + adversarial
            + self._config["orthogonality_weight"] * tf.reduce_sum(products**2)
        )

    def _reverse(self, features):
        scale = self._config["adversarial_weight"]

        @tf.custom_gradient
        def reverse(features):
            return tf.identity(features), lambda upstream: -scale * upstream

        return reverse(features)


class ConditionalLel:
    """A conditional BiLSTM for all tasks, and a label embedding layer.

    Args:
      problem: see `problems`.

    Attributes:
      models: the model of each task: inputs as `inputs` names them; scores.
      layers: additional layers.
    """

    inputs = ("token_ids", "seq1")
    layers = ()

    def __init__(self, problem: dict):
        config, num_classes = problem["config"], problem["label_counts"]
        # A mask: seq2 starts from the states at the true ends of seq1.
        self.embedding = _embedding(problem, mask_zero=True)
        self.seq1 = keras.layers.Bidirectional(_lstm(config, return_state=True))
        self.seq2 = keras.layers.Bidirectional(_lstm(config))
        # Label vectors of all tasks, concatenated.
        self.labels = _dense(config, sum(num_classes), use_bias=False)
        self.task_layers, self.models = [], []
        first = 0
        for labels in num_classes:
            self.task_layers.append(
                _dense(config, config["task_layer_size"], activation="tanh")
            )
            self.models.append(
                self._make_model(
                    self.task_layers[-1], slice(first, first + labels)
                )
            )
            first += labels

    def _make_model(self, task_layer, labels):
        tokens = [keras.Input((None,), dtype="int32") for _ in self.inputs]
        seq2, seq1 = map(self.embedding, tokens)
        _, *states = self.seq1(seq1)
        # Keras passes the mask on only without an initial state.
        mask = self.embedding.compute_mask(tokens[0])
        features = [self.seq2(seq2, initial_state=states, mask=mask)]
        pooling = keras.layers.GlobalAveragePooling1D()
        features += [pooling(seq2), pooling(seq1)]
        hidden = task_layer(keras.ops.concatenate(features, axis=-1))
        return keras.Model(tokens, self.labels(hidden)[:, labels])

    def loss(self, task: int, inputs: list, labels: tf.Tensor) -> tf.Tensor:
        """Computes the loss of a group of a task."""
        return _cross_entropy(labels, self.models[task](inputs, training=True))


class Contender:
    """Contender in Keras, see `contenders`; the variant sets the threads.

    `tensorflow_threads`: its defaults; `project_threads`: as this project.
    """

    def __init__(self, problem: dict, variant: str):
        # Every combination of groups is traced once.
        tf.get_logger().setLevel("ERROR")
        if variant == "project_threads":
            devices.configure(problem["config"]["threads"])
        self.model = MODELS[problem["model"]](problem)
        self._variables = [
            self._variables_of(task) for task in range(len(self.model.models))
        ]
        self._optimizer = keras.optimizers.Adam(
            problem["config"]["learning_rate"]
        )
        every = {v.path: v for own in self._variables for v in own}
        self._optimizer.build(list(every.values()))
        self._steps = list(map(self._make_step, range(len(self._variables))))

    def convert(self, groups: list[dict]) -> list[dict]:
        """Converts groups to tensors, before the clock starts."""
        return [
            {
                name: int(array) if name == "task_ids" else tf.constant(array)
                for name, array in group.items()
            }
            for group in groups
        ]

    def step(self, groups: list[dict]) -> float:
        """Trains on groups; returns the sum of their losses."""
        losses = [
            self._steps[group["task_ids"]](self._inputs(group), group["labels"])
            for group in groups
        ]
        return sum(map(float, losses))

    def loss(self, groups: list[dict]) -> tf.Tensor:
        """Computes the sum of the losses of groups."""
        return tf.add_n(
            [
                self.model.loss(
                    group["task_ids"], self._inputs(group), group["labels"]
                )
                for group in groups
            ]
        )

    def computed(self, groups: list[dict]) -> int:
        """Counts the tokens that the LSTMs read, with padding."""
        return groups_lib.padded_tokens(groups)

    def _inputs(self, group):
        return [group[name] for name in self.model.inputs]

    def _variables_of(self, task):
        layers = [self.model.models[task], *self.model.layers]
        return [v for layer in layers for v in layer.trainable_variables]

    def _make_step(self, task):
        variables = self._variables[task]
        signature = [
            tf.TensorSpec([None] * len(x.shape), x.dtype)
            for x in self.model.models[task].inputs
        ]

        @tf.function(
            input_signature=[signature, tf.TensorSpec([None], tf.int32)]
        )
        def step(inputs, labels):
            with tf.GradientTape() as tape:
                loss = self.model.loss(task, inputs, labels)
            self._optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        return step


MODELS = {"asp_mtl": AspMtl, "conditional_lel": ConditionalLel}
