"""TensorFlow graph from strings to probabilities, for prediction and serving.

The graph tokenizes and truncates texts, sorts them by length, divides them into
batches with a limited number of tokens, and restores their order, so that it
takes any number of texts of any length.
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
from mtl_tf.models import token_states as token_states_lib

# Outputs of the model that are served.
_LOGITS, _SHARED, _TRANSFER = "logits", "shared", "transfer_logits"
_TEXTS = tf.TensorSpec([None], tf.string)
# Texts whose tokens are in memory at a time. They are sorted by length: with
# fewer texts, the lengths in a batch would differ more.
_TEXTS_AT_ONCE = 8192


class TextModel:
    """Trained model whose inputs are strings.

    Args:
      config: settings of the run.
      tasks: tasks of the model, in the order of their ids.
      vocabulary: vocabulary of the model; an export needs one with a file.
      model: output of `multitask_model.build`.
      temperatures: divisors of logits by task name and output; 1 by default.
      diversity: diversity features of the main task, if a label transfer
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
        self._num_tasks = len(tasks)
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
        # One model per output, so that none computes the others.
        self._submodels = {
            name: multitask_model.submodel(model, [name])
            for name in (_LOGITS, _SHARED, _TRANSFER)
            if name in model.output
        }

    @property
    def features_dim(self) -> int | None:
        """Number of features of `encode`; None without a shared encoder."""
        if _SHARED not in self._submodels:
            return None
        return self._output_dim(_SHARED)

    @property
    def weights(self) -> list[tf.Variable]:
        """Trained weights, without the adversary."""
        return [weight.value for weight in self._model.weights]

    @property
    def tables(self) -> list[tf.lookup.StaticHashTable]:
        """Lookup tables; the functions depend on them and the weights."""
        tables = [self._vocabulary.table]
        if self._diversity is not None:
            tables.append(self._diversity.table)
        return tables

    # Without autograph, which nothing here needs, tracing is faster.
    @tf.function(
        input_signature=[tf.TensorSpec([], tf.int32), _TEXTS, _TEXTS],
        autograph=False,
    )
    def classify(
        self, task_id: tf.Tensor, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """Computes the label probabilities of a task.

        Args:
          task_id: int32 scalar, index of the task.
          seq1: string [texts], first texts of pairs; empty strings for none.
          seq2: string [texts], the texts, of any bytes.

        Returns:
          float32 [texts, most labels], in the order of the task's labels and
          padded with zeros.
        """
        logits = self._run(_LOGITS, task_id, seq1, seq2)
        return tf.nn.softmax(logits / self._temperatures[task_id])

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def classify_by_transfer(
        self, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """Computes label probabilities by the label transfer network.

        Args:
          seq1: string [texts], as in `classify`.
          seq2: string [texts].

        Returns:
          float32 [texts, labels], in the order of the main task's labels and
          padded with zeros.

        Raises:
          ValueError: if the model has no label transfer network.
        """
        if _TRANSFER not in self._submodels:
            raise ValueError("the model has no label transfer network")
        logits = self._run(_TRANSFER, self._main_task, seq1, seq2)
        return tf.nn.softmax(logits / self._transfer_temperature)

    @tf.function(input_signature=[_TEXTS, _TEXTS], autograph=False)
    def encode(self, seq1: tf.Tensor, seq2: tf.Tensor) -> tf.Tensor:
        """Computes the features of the shared encoder.

        Args:
          seq1: string [texts], as in `classify`.
          seq2: string [texts].

        Returns:
          float32 [texts, features].

        Raises:
          ValueError: if the model has no shared encoder.
        """
        if _SHARED not in self._submodels:
            raise ValueError("a single-task model has no shared encoder")
        # The features are the same for every task.
        return self._run(_SHARED, 0, seq1, seq2)

    def words(self, text: tf.Tensor) -> tuple[str, ...]:
        """Returns the tokens of a text, string scalar, that the model reads."""
        tokens = tokenizer.tokenize(text[tf.newaxis])[0]
        tokens = tokens[: self._config.max_tokens].numpy()
        return tuple(token.decode("utf-8") for token in tokens)

    def token_states(
        self, task_id: int, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Computes the states of the encoders at each token of a text.

        Args:
          task_id: index of the task.
          seq1: string scalar, the first text of a pair; empty for none.
          seq2: string scalar, the text.

        Returns:
          `shared` and `private`, those that exist: float32 [tokens, features].
          If seq1 and seq2 are read as one sequence, its tokens come first.
        """
        seq1, seq2, _ = self._tokenize(seq1[tf.newaxis], seq2[tf.newaxis])
        inputs = {"task_ids": tf.constant([task_id])}
        for name, ragged in self._truncate(seq1, seq2).items():
            lengths = tf.cast(ragged.row_lengths(), tf.int32)
            inputs[name] = ragged.to_tensor(vocabulary_lib.PADDING)[tf.newaxis]
            inputs[embedded_text.LENGTHS_OF[name]] = lengths[tf.newaxis]
        states = token_states_lib.build(self._model)(inputs, training=False)
        return {name: x[0, 0] for name, x in states.items()}

    def _run(self, output, task_id, seq1, seq2):
        """Computes an output of the model for texts of a task: [texts, dim]."""
        check = tf.debugging.assert_equal(
            tf.size(seq1), tf.size(seq2), "seq1 and seq2 differ in number"
        )
        # Other ops would fail for the same reason with less clear messages.
        with tf.control_dependencies([check]):
            texts = tf.size(seq2)

        def step(start):
            rows = slice(start, start + _TEXTS_AT_ONCE)
            result = self._in_batches(output, task_id, seq1[rows], seq2[rows])
            return start + _TEXTS_AT_ONCE, result

        return _concatenate(step, texts, self._output_dim(output))

    def _output_dim(self, output):
        return self._submodels[output].output[output].shape[-1]

    def _in_batches(self, output, task_id, seq1, seq2):
        """Computes outputs for texts whose tokens fit into memory together."""
        submodel = self._submodels[output]
        seq1, seq2, tokens = self._tokenize(seq1, seq2)
        diversity = None
        if "diversity" in submodel.input:
            # They describe the full text, before truncation.
            diversity = self._diversity(tokens)
        token_ids = self._truncate(seq1, seq2)
        lengths = {
            name: tf.cast(ragged.row_lengths(), tf.int32)
            for name, ragged in token_ids.items()
        }
        total = tf.add_n(list(lengths.values()))
        order = tf.argsort(total, stable=True)
        sorted_lengths = tf.gather(total, order)
        max_tokens = input_pipeline.EVALUATION_TOKENS
        if output == _TRANSFER and self._config.sharing == "shared_private":
            # Each text is encoded by the private encoders of all tasks.
            max_tokens //= self._num_tasks

        def step(start):
            count, task_batches = _next_batch(
                sorted_lengths[start:], max_tokens
            )
            rows = order[start : start + count]
            shape = [task_batches, count // task_batches]
            inputs = {}
            for name, ragged in token_ids.items():
                inputs[name] = tf.reshape(
                    tf.gather(ragged, rows).to_tensor(vocabulary_lib.PADDING),
                    [*shape, -1],
                )
                inputs[embedded_text.LENGTHS_OF[name]] = tf.reshape(
                    tf.gather(lengths[name], rows), shape
                )
            if diversity is not None:
                inputs["diversity"] = tf.reshape(
                    tf.gather(diversity, rows), [*shape, diversity.shape[1]]
                )
            inputs["task_ids"] = tf.fill([task_batches], task_id)
            inputs["transfer_indices"] = tf.range(task_batches)
            inputs = {name: inputs[name] for name in submodel.input}
            result = submodel(inputs, training=False)[output]
            return start + count, tf.reshape(result, [-1, result.shape[-1]])

        results = _concatenate(step, tf.size(order), self._output_dim(output))
        return tf.gather(results, tf.argsort(order))

    def _tokenize(self, seq1, seq2):
        """Tokenizes full texts.

        Returns:
          Token ids of seq1 (None if it is not read) and of seq2, int32 ragged,
          and the tokens of seq2, string ragged.
        """
        if self._config.sequences == "seq2":
            tokens = tokenizer.tokenize(seq2)
            return None, self._vocabulary.encode_tokens(tokens), tokens
        # Together: for few texts, the number of ops determines the time.
        tokens = tokenizer.tokenize(tf.concat([seq1, seq2], axis=0))
        both = self._vocabulary.encode_tokens(tokens)
        texts = tf.size(seq2)
        return both[:texts], both[texts:], tokens[texts:]

    def _truncate(self, seq1, seq2):
        """Truncates and joins texts as `input_pipeline` does; int32 ragged."""
        limit = self._config.max_tokens
        seq2 = seq2[:, :limit]
        if seq1 is None:
            return {"token_ids": seq2}
        seq1 = seq1[:, :limit]
        if self._config.encodes_pairs:
            return {"token_ids": seq2, "seq1": seq1}
        # An absent seq1 has the single token of an empty text.
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
    dim: int,
) -> tf.Tensor:
    """Concatenates the results of successive steps.

    Args:
      step: function from the index of a step's first text to that of the next
        step and the step's result, float32 [texts of the step, dim].
      texts: int32 scalar, number of texts.
      dim: size of a text's result.

    Returns:
      float32 [texts, dim].
    """

    def body(start, results):
        end, result = step(start)
        return end, results.write(results.size(), result)

    results = tf.TensorArray(
        tf.float32,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, dim],
    )
    # One step at a time, which limits memory to that of a step.
    _, results = tf.while_loop(
        lambda start, _: start < texts,
        body,
        (tf.constant(0), results),
        parallel_iterations=1,
    )
    return results.concat()


def _next_batch(lengths, max_tokens):
    """Sizes the next batch by the rule of `input_pipeline.evaluation_batches`.

    Args:
      lengths: int32 [texts], sorted.
      max_tokens: tokens of a batch with padding, unless one text has more.

    Returns:
      The numbers of texts and of task batches, int32 scalars.
    """
    # The product for long texts exceeds int32.
    lengths = tf.cast(lengths, tf.int64)
    tokens = tf.range(1, tf.size(lengths, tf.int64) + 1) * lengths
    # Both factors increase, so that the batches that fit come first.
    count = tf.math.count_nonzero(tokens <= max_tokens, dtype=tf.int32)
    count = tf.maximum(count, 1)
    task_batch = input_pipeline.EVALUATION_BATCH_SIZE
    task_batches = tf.maximum(count // task_batch, 1)
    return tf.minimum(count, task_batches * task_batch), task_batches
