"""From strings to probabilities, in one graph: what is served is what predicts.

The graph tokenizes, truncates, sorts by length, cuts into batches of a bounded
number of tokens, and puts the answers back in order, so that a caller may hand
over any number of texts of any length.
"""

from collections.abc import Callable, Mapping, Sequence

import keras
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import diversity_features
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.models import embedded_text
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model

# Outputs of the model that are served.
_SCORES, _SHARED, _TRANSFER = "logits", "shared", "transfer_logits"
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
      model: as `multitask_model.build` makes it.
      temperatures: what scores are divided by, by name of the task and output;
        1 if not named.
      diversity: the features of the main task alone, if a label transfer
        network reads them.
    """

    def __init__(
        self,
        config: config_lib.Config,
        tasks: Sequence[tasks_lib.Task],
        vocabulary: vocabulary_lib.Vocabulary,
        model: keras.Model,
        temperatures: Mapping[tuple[str, str], float],
        diversity: diversity_features.DiversityFeatures | None = None,
    ):
        self._config = config
        self._tasks = len(tasks)
        self._vocabulary = vocabulary
        self._model = model
        self._diversity = diversity
        self._temperatures = tf.constant(
            [
                temperatures.get((t.name, predictions_lib.MAIN), 1.0)
                for t in tasks
            ]
        )
        self._main_task = label_transfer.main_task_index(
            config, [task.name for task in tasks]
        )
        self._transfer_temperature = temperatures.get(
            (config.main_task, predictions_lib.LABEL_TRANSFER), 1.0
        )
        # Each by itself, so that none pays for the others.
        self._parts = {
            name: multitask_model.submodel(model, [name])
            for name in (_SCORES, _SHARED, _TRANSFER)
            if name in model.output
        }

    @property
    def encoder_width(self) -> int | None:
        """Features that `encode` gives; None if there is no shared encoder."""
        if _SHARED not in self._parts:
            return None
        return self._width(_SHARED)

    @property
    def weights(self) -> list[tf.Variable]:
        """What was trained, the adversary left out."""
        return [weight.value for weight in self._model.weights]

    @property
    def tables(self) -> list[tf.lookup.StaticHashTable]:
        """Lookup tables; with the weights, what the functions need."""
        tables = [self._vocabulary.table]
        if self._diversity is not None:
            tables.append(self._diversity.table)
        return tables

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
        scores = self._run(_SCORES, task, seq1, seq2)
        return tf.nn.softmax(scores / self._temperatures[task])

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def classify_by_transfer(
        self, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """What the label transfer network says of the main task's labels.

        Args:
          seq1: string [texts], as in `classify`.
          seq2: string [texts].

        Returns:
          float32 [texts, labels]: in the order of the main task's labels, then
          zeros, if there are more.

        Raises:
          ValueError: if the model has no label transfer network.
        """
        if _TRANSFER not in self._parts:
            raise ValueError("the model has no label transfer network")
        scores = self._run(_TRANSFER, self._main_task, seq1, seq2)
        return tf.nn.softmax(scores / self._transfer_temperature)

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
        if _SHARED not in self._parts:
            raise ValueError("a single-task model has no shared encoder")
        # Whichever task it is, the features are the same.
        return self._run(_SHARED, 0, seq1, seq2)

    def _run(self, output, task, seq1, seq2):
        """An output of the model for texts of a task: [texts, width]."""
        check = tf.debugging.assert_equal(
            tf.size(seq1), tf.size(seq2), "seq1 and seq2 are not as many"
        )
        # Before the ops that would fail for the same reason, and name another.
        with tf.control_dependencies([check]):
            texts = tf.size(seq2)

        def step(begin):
            rows = slice(begin, begin + _TEXTS_AT_ONCE)
            result = self._in_batches(output, task, seq1[rows], seq2[rows])
            return begin + _TEXTS_AT_ONCE, result

        return _concatenate(step, texts, self._width(output))

    def _width(self, output):
        return self._parts[output].output[output].shape[-1]

    def _in_batches(self, output, task, seq1, seq2):
        """The same for texts whose tokens fit into memory together."""
        part = self._parts[output]
        seq1, seq2, words = self._encode(seq1, seq2)
        diversity = None
        if "diversity" in part.input:
            # They are of the whole text, however much of it is read.
            diversity = self._diversity(words)
        tokens = self._cut(seq1, seq2)
        lengths = {
            name: tf.cast(ragged.row_lengths(), tf.int32)
            for name, ragged in tokens.items()
        }
        total = tf.add_n(list(lengths.values()))
        order = tf.argsort(total, stable=True)
        rising = tf.gather(total, order)
        most = input_pipeline.EVALUATION_TOKENS
        if output == _TRANSFER and self._config.sharing == "shared_private":
            # The encoder of each task reads them beside those of the others.
            most //= self._tasks

        def step(begin):
            count, groups = _next_batch(rising[begin:], most)
            rows = order[begin : begin + count]
            shape = [groups, count // groups]
            inputs = {}
            for name, ragged in tokens.items():
                inputs[name] = tf.reshape(
                    tf.gather(ragged, rows).to_tensor(vocabulary_lib.PADDING),
                    [*shape, -1],
                )
                inputs[embedded_text.LENGTHS[name]] = tf.reshape(
                    tf.gather(lengths[name], rows), shape
                )
            if diversity is not None:
                inputs["diversity"] = tf.reshape(
                    tf.gather(diversity, rows), [*shape, diversity.shape[1]]
                )
            inputs["task_ids"] = tf.fill([groups], task)
            inputs["transfer_indices"] = tf.range(groups)
            inputs = {name: inputs[name] for name in part.input}
            result = part(inputs, training=False)[output]
            return begin + count, tf.reshape(result, [-1, result.shape[-1]])

        results = _concatenate(step, tf.size(order), self._width(output))
        return tf.gather(results, tf.argsort(order))

    def _encode(self, seq1, seq2):
        """Encodes whole texts.

        Returns:
          Ids of seq1 (None if it is not read) and of seq2, int32 ragged, and
          the tokens of seq2, string ragged.
        """
        if self._config.sequences == "seq2":
            tokens = tokenizer.tokenize(seq2)
            return None, self._vocabulary.encode_tokens(tokens), tokens
        # Both in one go: for few texts, time is that of calling the ops.
        tokens = tokenizer.tokenize(tf.concat([seq1, seq2], axis=0))
        both = self._vocabulary.encode_tokens(tokens)
        texts = tf.size(seq2)
        return both[:texts], both[texts:], tokens[texts:]

    def _cut(self, seq1, seq2):
        """The tokens of a batch of `input_pipeline`, as int32 ragged."""
        limit = self._config.max_tokens
        seq2 = seq2[:, :limit]
        if seq1 is None:
            return {"token_ids": seq2}
        seq1 = seq1[:, :limit]
        if self._config.sequences_apart:
            return {"token_ids": seq2, "seq1": seq1}
        # An absent seq1 is the one token of an empty text.
        first = tf.gather(seq1.values, seq1.row_starts())
        is_read = (seq1.row_lengths() > 1) | (first != vocabulary_lib.EMPTY)
        is_read = tf.cast(is_read, tf.int64)
        texts = seq1.nrows()
        separators = tf.RaggedTensor.from_row_lengths(
            tf.fill([texts], vocabulary_lib.SEPARATOR), tf.ones_like(is_read)
        )
        # Not a concatenation on axis 1: oneDNN logs an error for the transpose
        # of integers in it.
        rows = tf.concat([seq1, separators, seq2], axis=0)
        sources = tf.range(texts)[:, tf.newaxis] + [0, texts, 2 * texts]
        is_kept = tf.stack([is_read, is_read, tf.ones_like(is_read)], axis=1)
        kept = tf.boolean_mask(sources, is_kept > 0)
        joined = tf.RaggedTensor.from_row_lengths(
            tf.gather(rows, kept), tf.reduce_sum(is_kept, axis=1)
        )
        return {"token_ids": joined.merge_dims(1, 2)}


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


def _next_batch(lengths, most):
    """Of texts of rising lengths: how many make a batch, of how many groups.

    The rule of `input_pipeline.evaluation_batches`.

    Args:
      lengths: int32 [texts].
      most: tokens of a batch, padding included, unless one text has more.
    """
    # Of long texts, more than int32 holds.
    lengths = tf.cast(lengths, tf.int64)
    tokens = tf.range(1, tf.size(lengths, tf.int64) + 1) * lengths
    # Both factors rise, so that those that fit are the first.
    fits = tf.math.count_nonzero(tokens <= most, dtype=tf.int32)
    fits = tf.maximum(fits, 1)
    groups = tf.maximum(fits // input_pipeline.EVALUATION_BATCH_SIZE, 1)
    return tf.minimum(
        fits, groups * input_pipeline.EVALUATION_BATCH_SIZE
    ), groups
