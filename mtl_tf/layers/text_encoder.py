"""Text encoders: from token features to one feature vector for a text."""

import keras
import tensorflow as tf

from mtl_tf.layers import lstm
from mtl_tf.layers import packed_rnn
from mtl_tf.layers import per_task
from mtl_tf.layers import pooling as pooling_layers
from mtl_tf.layers import token_layers

CONDITIONAL = "conditional_bilstm"
RECURRENT = ("lstm", "bilstm", "stacked_lstm", CONDITIONAL)
ENCODERS = (*RECURRENT, "cnn", "bag_of_words")
POOLINGS = ("last", "max", "mean", "attention")


@keras.saving.register_keras_serializable(package="mtl_tf")
class TextEncoder(per_task.PerTaskLayer):
    """Encodes texts with one of several encoders, and pools over the tokens.

    A shared encoder has one set of weights, a private encoder has one for each
    task (Liu et al. 2017, section 3). The encoders:

        lstm                one LSTM (Liu et al. 2017, Eq. 1-3)
        bilstm              an LSTM in each direction, concatenated
        stacked_lstm        `num_layers` LSTMs, each reading the one before
        cnn                 windows of 3, 4 and 5 tokens with `hidden_size`
                            filters each (Kim 2014)
        bag_of_words        a dense layer for each token
        conditional_bilstm  a BiLSTM encodes seq1; a second one, with other
                            weights, encodes the text. In each direction it
                            starts from the final state of the first one
                            (Augenstein et al. 2016)

    Args:
      encoder: one of `ENCODERS`.
      pooling: one of `POOLINGS`. `last`, as in Liu et al. 2017, is the state at
        the text's true last token (at its first, for the backward direction).
      hidden_size: width of a state, of each direction in a BiLSTM.
      num_tasks: number of weight sets.
      num_layers: number of LSTMs of a `stacked_lstm`.
      forget_bias: as in `PerTaskLSTM`.
      recurrent_dropout: as in `PerTaskLSTM`.
      precision: as in `PerTaskLSTM`.
      recurrence: as in `PerTaskLSTM`.
      **kwargs: for `PerTaskLayer`; `trainable=False` freezes all weights.

    Call arguments:
      inputs: token features, float32 [rows, batch, width], packed
        (`packed_rnn.packing`).
      lengths: int32 [task_batches, batch].
      task_ids: int32 [task_batches]; None if all tasks share one set of
        weights.
      seq1: token features of the first texts of pairs, float32 [rows, batch,
        width], packed; for a `conditional_bilstm`.
      seq1_lengths: their lengths, int32 [task_batches, batch].
      by_token: whether to return the states that are pooled otherwise.
      training: whether to apply recurrent dropout.

    Returns:
      float32 [task_batches, batch, features]; by token float32 [task_batches,
      batch, seq_len, features], the states of both directions at each token of
      the text, and zeros beyond its end.

    Raises:
      ValueError: if there is no such encoder or pooling, or no last state.

    Reference:
      [Liu, Qiu & Huang 2017](https://aclanthology.org/P17-1001);
      [Augenstein et al. 2016](https://aclanthology.org/D16-1084).
    """

    def __init__(
        self,
        encoder: str,
        pooling: str,
        hidden_size: int,
        num_tasks: int,
        *,
        num_layers: int = 2,
        forget_bias: float = 0.0,
        recurrent_dropout: float = 0.0,
        precision: str = "float32",
        recurrence: str = "auto",
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        _check(encoder, pooling)
        self.encoder = encoder
        self.pooling = pooling
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.forget_bias = forget_bias
        self.recurrent_dropout = recurrent_dropout
        self.precision = precision
        self.recurrence = recurrence
        self._directions = self._make_directions()
        self._seq1_directions = []
        if encoder == CONDITIONAL:
            self._seq1_directions = [
                self._make_lstm("seq1_forward"),
                self._make_lstm("seq1_backward", backwards=True),
            ]
        self._pools = self._make_pools()

    def _make_directions(self):
        """Makes a list of layers for each direction."""
        if self.encoder == "cnn":
            layer = token_layers.Convolution(
                self.hidden_size, **self._common("convolution")
            )
            return [[layer]]
        if self.encoder == "bag_of_words":
            layer = token_layers.TokenDense(
                self.hidden_size, **self._common("words")
            )
            return [[layer]]
        if self.encoder in ("bilstm", CONDITIONAL):
            return [
                [self._make_lstm("forward")],
                [self._make_lstm("backward", backwards=True)],
            ]
        num_layers = self.num_layers if self.encoder == "stacked_lstm" else 1
        return [
            [self._make_lstm(f"lstm_{level}") for level in range(num_layers)]
        ]

    def _make_lstm(self, name, backwards=False):
        return lstm.PerTaskLSTM(
            self.hidden_size,
            backwards=backwards,
            forget_bias=self.forget_bias,
            recurrent_dropout=self.recurrent_dropout,
            precision=self.precision,
            recurrence=self.recurrence,
            **self._common(name),
        )

    def _make_pools(self):
        """Makes a pooling layer for each direction; none for last states."""
        if self.pooling == "last":
            return []
        if self.pooling == "attention":
            return [
                pooling_layers.AttentionPooling(
                    **self._common(f"attention_{index}")
                )
                for index in range(len(self._directions))
            ]
        return [
            pooling_layers.Pooling(self.pooling, name=f"pooling_{index}")
            for index in range(len(self._directions))
        ]

    def _common(self, name):
        """Returns the arguments that the layers of an encoder share."""
        return {
            "num_tasks": self.num_tasks,
            "init_range": self.init_range,
            "seed": self._weight_seed(name),
            # Keras freezes only layers that exist when `trainable` is set.
            "trainable": self.trainable,
            "name": name,
        }

    def build(
        self,
        inputs_shape,
        lengths_shape=None,
        task_ids_shape=None,
        seq1_shape=None,
        seq1_lengths_shape=None,
    ):
        del lengths_shape, task_ids_shape, seq1_shape, seq1_lengths_shape
        for layer in self._seq1_directions:
            # Both texts of a pair have word vectors of the same width.
            layer.build(tuple(inputs_shape))
        for index, layers in enumerate(self._directions):
            shape = tuple(inputs_shape)
            for layer in layers:
                layer.build(shape)
                shape = (*shape[:-1], layer.output_size)
            if self._pools:
                self._pools[index].build(shape)

    def call(
        self,
        inputs,
        lengths,
        task_ids=None,
        seq1=None,
        seq1_lengths=None,
        by_token=False,
        training=False,
    ):
        if task_ids is None:
            task_ids = tf.zeros(tf.shape(lengths)[:1], tf.int32)
        initial_states = [None] * len(self._directions)
        if self.encoder == CONDITIONAL:
            initial_states = [
                layer(
                    seq1,
                    seq1_lengths,
                    task_ids,
                    result="final_state",
                    training=training,
                )
                for layer in self._seq1_directions
            ]
        last_only = self.pooling == "last" and not by_token
        features = []
        for index, initial_state in enumerate(initial_states):
            states = self._encode(
                index,
                inputs,
                lengths,
                task_ids,
                initial_state=initial_state,
                last_only=last_only,
                training=training,
            )
            if by_token:
                states = _by_token(states, lengths)
            else:
                states = self._pool(index, states, lengths, task_ids)
            features.append(states)
        return tf.concat(features, axis=-1)

    def _encode(self, index, inputs, lengths, task_ids, *, last_only, **kwargs):
        """Computes the states of a direction, all or only the last ones.

        Args:
          index: index of the direction.
          inputs: as in `call`.
          lengths: as in `call`.
          task_ids: as in `call`.
          last_only: whether to return only the last state of each text.
          **kwargs: `initial_state` and `training`, for each LSTM.
        """
        layers = self._directions[index]
        states = inputs
        for layer in layers:
            arguments = {}
            if isinstance(layer, lstm.PerTaskLSTM):
                is_last = last_only and layer is layers[-1]
                arguments = {
                    "result": "last_hidden" if is_last else "states",
                    **kwargs,
                }
            states = layer(states, lengths, task_ids, **arguments)
        return states

    def _pool(self, index, states, lengths, task_ids):
        """Pools over the tokens of a direction."""
        if self.pooling == "last":
            return states
        if self.pooling == "attention":
            return self._pools[index](states, lengths, task_ids)
        return self._pools[index](states, lengths)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": self.encoder,
            "pooling": self.pooling,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "forget_bias": self.forget_bias,
            "recurrent_dropout": self.recurrent_dropout,
            "precision": self.precision,
            "recurrence": self.recurrence,
        }


def _by_token(states, lengths):
    """Unpacks states: [rows, batch, width] to one with an axis of tokens.

    Returns:
      float32 [task_batches, batch, seq_len, width], zeros beyond the end of a
      text.
    """
    packing = packed_rnn.Packing(lengths, for_training=False)
    states, mask = packing.unpack_with_mask(states)
    states = tf.where(mask, states, tf.zeros_like(states))
    return tf.transpose(states, [0, 2, 1, 3])


def _check(encoder, pooling):
    """Raises a ValueError if a pooling does not go with an encoder."""
    if encoder not in ENCODERS:
        raise ValueError(
            f"encoder: expected one of {ENCODERS}, got {encoder!r}"
        )
    if pooling not in POOLINGS:
        raise ValueError(
            f"pooling: expected one of {POOLINGS}, got {pooling!r}"
        )
    if pooling == "last" and encoder not in RECURRENT:
        raise ValueError(
            f"encoder: expected one of {RECURRENT} with pooling=last, got "
            f"{encoder!r}, which has no last state"
        )
