"""From strings to probabilities, in one graph: what is served is what predicts.

The graph tokenises, truncates, sorts by length, cuts into batches of a bounded
number of tokens, and puts the answers back in order, so that a caller may hand
over any number of texts of any length.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import input_pipeline
from mtl_tf import models
from mtl_tf import tasks as tasks_lib
from mtl_tf import text

_TEXTS = tf.TensorSpec([None], tf.string)
# Texts whose tokens are in memory at once. They are sorted by length: fewer
# would leave batches of texts of less like length.
_TEXTS_AT_ONCE = 8192


class TextModel:
    """A trained model that reads strings.

    Args:
      config: its settings.
      tasks: its tasks, in the order of their numbers.
      vocabulary: its vocabulary; with a file, if it is to be exported.
      model: as `models.build` makes it.
      temperatures: what the scores of a task are divided by, by its name; 1 if
        not named.
    """

    def __init__(
        self,
        config: config_lib.Config,
        tasks: Sequence[tasks_lib.Task],
        vocabulary: text.Vocabulary,
        model: keras.Model,
        temperatures: Mapping[str, float],
    ):
        self._config = config
        self._vocabulary = vocabulary
        self._model = model
        self._most_labels = max(len(task.labels) for task in tasks)
        self._temperatures = tf.constant(
            [float(temperatures.get(task.name, 1.0)) for task in tasks]
        )
        self._shared = None
        if "shared" in model.output:
            self._shared = models.part(model, ["shared"])

    @property
    def encoder_width(self) -> int | None:
        """Features that `encode` gives; None if there is no shared encoder."""
        if self._shared is None:
            return None
        return self._shared.output["shared"].shape[-1]

    @property
    def weights(self) -> list[tf.Variable]:
        """What was trained, the adversary left out."""
        return [weight.value for weight in self._model.weights]

    @property
    def table(self) -> tf.lookup.StaticHashTable:
        """Ids by token; with the weights, what the functions need."""
        return self._vocabulary.table

    # Without autograph, which there is nothing for, they are ready sooner.
    @tf.function(
        input_signature=[tf.TensorSpec([], tf.int32), _TEXTS, _TEXTS],
        autograph=False,
    )
    def classify(
        self, task: tf.Tensor, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """Probabilities of the labels of a task.

        Args:
          task: number of the task, int32.
          seq1: string [texts]: what seq2 is read against; empty for none.
          seq2: string [texts]: the texts, any bytes.

        Returns:
          float32 [texts, most labels]: in the order of the task's labels, then
          zeros.
        """
        temperature = self._temperatures[task]

        def run(inputs):
            groups = tf.shape(inputs["lengths"])[0]
            inputs["task"] = tf.fill([groups], task)
            scores = self._model(inputs, training=False)["scores"]
            return tf.nn.softmax(scores / temperature)

        return self._in_parts(run, self._most_labels, seq1, seq2)

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def encode(self, seq1: tf.Tensor, seq2: tf.Tensor) -> tf.Tensor:
        """Features of the shared encoder.

        Args:
          seq1: string [texts], as in `classify`.
          seq2: string [texts].

        Returns:
          float32 [texts, width].

        Raises:
          ValueError: if the model has no shared encoder.
        """
        if self._shared is None:
            raise ValueError("a single-task model has no shared encoder")
        return self._in_parts(
            lambda inputs: self._shared(inputs, training=False)["shared"],
            self.encoder_width,
            seq1,
            seq2,
        )

    def _in_parts(self, run, width, seq1, seq2):
        """Applies a function of grouped batches to texts: [texts, width]."""
        texts = tf.size(seq2)
        tf.debugging.assert_equal(
            tf.size(seq1), texts, "seq1 and seq2 are not as many"
        )

        def step(begin):
            part = slice(begin, begin + _TEXTS_AT_ONCE)
            result = self._in_batches(run, width, seq1[part], seq2[part])
            return begin + _TEXTS_AT_ONCE, result

        return _concatenate(step, texts, width)

    def _in_batches(self, run, width, seq1, seq2):
        """The same for texts whose tokens fit into memory together."""
        tokens = self._read(seq1, seq2)
        lengths = {
            name: tf.cast(ragged.row_lengths(), tf.int32)
            for name, ragged in tokens.items()
        }
        total = tf.add_n(list(lengths.values()))
        order = tf.argsort(total, stable=True)
        rising = tf.gather(total, order)

        def step(begin):
            count, groups = _next_batch(rising[begin:])
            rows = order[begin : begin + count]
            shape = [groups, count // groups]
            inputs = {}
            for name, ragged in tokens.items():
                inputs[name] = tf.reshape(
                    tf.gather(ragged, rows).to_tensor(text.PADDING),
                    [*shape, -1],
                )
                inputs[models.LENGTHS[name]] = tf.reshape(
                    tf.gather(lengths[name], rows), shape
                )
            return begin + count, tf.reshape(run(inputs), [-1, width])

        results = _concatenate(step, tf.size(order), width)
        return tf.gather(results, tf.argsort(order))

    def _read(self, seq1, seq2):
        """The tokens of a batch of `input_pipeline`, as int32 ragged."""
        limit = self._config.max_tokens
        if self._config.sequences == "seq2":
            return {"tokens": self._vocabulary.encode(seq2)[:, :limit]}
        # Both in one go: for few texts, time is that of calling the ops.
        both = self._vocabulary.encode(tf.concat([seq1, seq2], axis=0))
        texts = tf.size(seq2)
        seq1, seq2 = both[:texts, :limit], both[texts:, :limit]
        if self._config.sequences_apart:
            return {"tokens": seq2, "seq1": seq1}
        # An absent seq1 is the one token of an empty text.
        first = tf.gather(seq1.values, seq1.row_starts())
        is_read = (seq1.row_lengths() > 1) | (first != text.EMPTY)
        separator = tf.fill([seq1.nrows(), 1], text.SEPARATOR)
        opening = tf.concat([seq1, separator], axis=1)
        opening = tf.RaggedTensor.from_row_lengths(
            tf.ragged.boolean_mask(opening, is_read).flat_values,
            tf.where(is_read, opening.row_lengths(), 0),
        )
        return {"tokens": tf.concat([opening, seq2], axis=1)}


def _concatenate(
    step: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    texts: tf.Tensor,
    width: int,
) -> tf.Tensor:
    """Puts the results of successive steps together.

    Args:
      step: from the first text of a step to the first of the next one, and the
        step's result, float32 [its texts, width].
      texts: number of texts, int32.
      width: numbers of each.

    Returns:
      float32 [texts, width].
    """

    def body(begin, results):
        end, result = step(begin)
        return end, results.write(results.size(), result)

    results = tf.TensorArray(
        tf.float32,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, width],
    )
    # One step at a time: its memory is the bound of the whole.
    _, results = tf.while_loop(
        lambda begin, _: begin < texts,
        body,
        (tf.constant(0), results),
        parallel_iterations=1,
    )
    return results.concat()


def _next_batch(lengths):
    """Of texts of rising lengths: how many make a batch, of how many groups.

    The rule of `input_pipeline.evaluation_batches`.
    """
    # Of long texts, more than int32 holds.
    lengths = tf.cast(lengths, tf.int64)
    tokens = tf.range(1, tf.size(lengths, tf.int64) + 1) * lengths
    # Both factors rise, so that those that fit are the first.
    fits = tf.math.count_nonzero(
        tokens <= input_pipeline.EVALUATION_TOKENS, dtype=tf.int32
    )
    fits = tf.maximum(fits, 1)
    groups = tf.maximum(fits // input_pipeline.EVALUATION_GROUP, 1)
    return tf.minimum(fits, groups * input_pipeline.EVALUATION_GROUP), groups
