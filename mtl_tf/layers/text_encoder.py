"""Text encoders: token features in, one feature vector a text out.

An encoder reads `float32 [rows, batch, width]` (`packing`) with the weights of
the group's task_ids and returns `float32 [task_batches, batch, features]`. The
shared
encoder has one task_ids, a private encoder has one for each task.
"""

import keras
import tensorflow as tf

from mtl_tf.layers import lstm
from mtl_tf.layers import per_task
from mtl_tf.layers import pooling as pooling_layers
from mtl_tf.layers.packed_rnn import packing as packing_lib

CONDITIONAL = "conditional_bilstm"
RECURRENT = ("lstm", "bilstm", "stacked_lstm", CONDITIONAL)
ENCODERS = (*RECURRENT, "cnn", "bag_of_words")
POOLINGS = ("last", "max", "mean", "attention")


@keras.saving.register_keras_serializable(package="mtl_tf")
class Convolution(per_task.PerTaskLayer):
    """Convolutions over windows of several widths, then a ReLU (Kim 2014).

        s_t = relu(sum_j x_{t + j - (w - 1) // 2} W_j + b), j = 0 .. w - 1

    for each window width w; beyond the ends of a text stand zeros.

    Args:
      filters: number of filters of each window width.
      windows: window widths, in tokens.
      **kwargs: for `PerTaskLayer`.

    Call arguments: token features, packed, lengths [task_batches, batch],
    task_ids
    [task_batches]; returns [rows, batch, filters * number of windows].
    """

    def __init__(
        self,
        filters: int,
        num_tasks: int,
        *,
        windows: tuple[int, ...] = (3, 4, 5),
        **kwargs,
    ):
        super().__init__(num_tasks, **kwargs)
        self.filters = filters
        self.windows = tuple(windows)

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernels = [
            self.add_per_task_weight(
                f"kernel_{window}", (inputs_shape[-1], window * self.filters)
            )
            for window in self.windows
        ]
        self.bias = self.add_per_task_weight(
            "bias", (len(self.windows) * self.filters,)
        )

    def call(self, inputs, lengths, task_ids):
        packing = packing_lib.Packing(lengths)
        inputs, mask = packing.unpack_with_mask(inputs)
        inputs = tf.where(mask, inputs, tf.zeros_like(inputs))
        time = tf.shape(inputs)[1]
        outputs = []
        for window, kernel in zip(self.windows, self.kernels, strict=True):
            # One product for all places in the window, then a shifted sum.
            product = tf.einsum(
                "gtbi,gio->gtbo", inputs, self.gather(kernel, task_ids)
            )
            before = (window - 1) // 2
            product = tf.pad(
                product, [[0, 0], [before, window - 1 - before], [0, 0], [0, 0]]
            )
            places = tf.split(product, window, axis=-1)
            outputs.append(
                tf.add_n(
                    [place[:, j : j + time] for j, place in enumerate(places)]
                )
            )
        bias = self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        return packing.pack(tf.nn.relu(tf.concat(outputs, axis=-1) + bias))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "windows": self.windows,
        }


@keras.saving.register_keras_serializable(package="mtl_tf")
class TokenDense(per_task.PerTaskLayer):
    """Every word by itself: s_t = tanh(x_t W + b); order plays no part.

    Pooled over the tokens it is a bag of words. Call arguments: token features,
    packed, lengths [task_batches, batch], task_ids [task_batches]; returns
    [rows, batch,
    hidden_size].
    """

    def __init__(self, hidden_size: int, num_tasks: int, **kwargs):
        super().__init__(num_tasks, **kwargs)
        self.hidden_size = hidden_size

    def build(self, inputs_shape, lengths_shape=None, task_ids_shape=None):
        del lengths_shape, task_ids_shape
        self.kernel = self.add_per_task_weight(
            "kernel", (inputs_shape[-1], self.hidden_size)
        )
        self.bias = self.add_per_task_weight("bias", (self.hidden_size,))

    def call(self, inputs, lengths, task_ids):
        packing = packing_lib.Packing(lengths)
        product = tf.einsum(
            "gtbi,gio->gtbo",
            packing.unpack(inputs),
            self.gather(self.kernel, task_ids),
        )
        bias = self.gather(self.bias, task_ids)[:, tf.newaxis, tf.newaxis]
        return packing.pack(tf.tanh(product + bias))

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}


@keras.saving.register_keras_serializable(package="mtl_tf")
class TextEncoder(per_task.PerTaskLayer):
    """A text encoder by name, with its pooling.

    Args:
      encoder: one of `ENCODERS`. `stacked_lstm` has `num_layers` LSTMs on
        each other, `cnn` windows of 3, 4 and 5 tokens with `hidden_size`
        filters
        each. `conditional_bilstm` reads two texts, seq1 with a BiLSTM, and then
        the other with a BiLSTM of its own weights that starts, in each
        direction, from the state in which that of seq1 ended (Rocktäschel et
        al. 2016; Augenstein et al. 2016). Its features are those of the second
        text.
      pooling: one of `POOLINGS`. `last` is the paper's: the state at
        the text's true last token (at its first, for the backward direction).
      hidden_size: width of a state (d), of each direction in a BiLSTM.
      num_layers: number of layers of a `stacked_lstm`.
      forget_bias: see `stacked_lstm.StackedLSTM`.
      recurrent_dropout: see `stacked_lstm.StackedLSTM`.
      precision: see `lstm.lstm`; of recurrent encoders alone.
      **kwargs: for `PerTaskLayer`.

    Call arguments: token features, packed, lengths [task_batches, batch],
    task_ids
    [task_batches]; a `conditional_bilstm` also wants the features of seq1,
    packed,
    and their lengths. Returns [task_batches, batch, features].
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
        self._directions = self._make_directions()
        self._seq1_directions = []
        if encoder == CONDITIONAL:
            self._seq1_directions = [
                self._make_lstm("seq1_forward"),
                self._make_lstm("seq1_backward", backwards=True),
            ]
        self._pools = self._make_pools()

    def _make_directions(self):
        """Stacks of token layers, the results of which are concatenated."""
        if self.encoder == "cnn":
            return [
                [Convolution(self.hidden_size, **self._common("convolution"))]
            ]
        if self.encoder == "bag_of_words":
            return [[TokenDense(self.hidden_size, **self._common("words"))]]
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
            **self._common(name),
        )

    def _make_pools(self):
        """One pooling layer a direction; none for what an LSTM ends with."""
        if self.pooling == "last":
            return []
        if self.pooling == "attention":
            return [
                pooling_layers.AttentionPooling(
                    **self._common(f"attention_{n}")
                )
                for n in range(len(self._directions))
            ]
        return [
            pooling_layers.Pooling(self.pooling, name=f"pooling_{n}")
            for n in range(len(self._directions))
        ]

    def _common(self, name):
        seed = self.seed if self.seed is None else self._weight_seed(name)
        return {
            "num_tasks": self.num_tasks,
            "init_range": self.init_range,
            "seed": seed,
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
            # The features of its tokens are as wide.
            layer.build(tuple(inputs_shape))
        for number, layers in enumerate(self._directions):
            shape = tuple(inputs_shape)
            for layer in layers:
                layer.build(shape)
                shape = (*shape[:-1], _width(layer))
            if self._pools:
                self._pools[number].build(shape)

    def call(
        self,
        inputs,
        lengths,
        task_ids=None,
        seq1=None,
        seq1_lengths=None,
        training=False,
    ):
        if task_ids is None:
            # All tasks share the one set of weights.
            task_ids = tf.zeros(tf.shape(lengths)[:1], tf.int32)
        starts = [None] * len(self._directions)
        if self._seq1_directions:
            starts = [
                layer(
                    seq1,
                    seq1_lengths,
                    task_ids,
                    result="end",
                    training=training,
                )
                for layer in self._seq1_directions
            ]
        features = []
        for number, (layers, start) in enumerate(
            zip(self._directions, starts, strict=True)
        ):
            states = inputs
            for layer in layers:
                settings = {}
                if isinstance(layer, lstm.PerTaskLSTM):
                    ends = self.pooling == "last" and layer is layers[-1]
                    settings = {
                        "initial_state": start,
                        "result": "last" if ends else "states",
                        "training": training,
                    }
                states = layer(states, lengths, task_ids, **settings)
            features.append(self._pool(number, states, lengths, task_ids))
        return tf.concat(features, axis=-1)

    def _pool(self, number, states, lengths, task_ids):
        if self.pooling == "last":
            return states
        if self.pooling == "attention":
            return self._pools[number](states, lengths, task_ids)
        return self._pools[number](states, lengths)

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
        }


def _width(layer):
    if isinstance(layer, Convolution):
        return layer.filters * len(layer.windows)
    return layer.hidden_size


def _check(encoder, pooling):
    if encoder not in ENCODERS:
        raise ValueError(f"encoder: one of {ENCODERS}, got {encoder!r}")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling: one of {POOLINGS}, got {pooling!r}")
    if pooling == "last" and encoder not in RECURRENT:
        raise ValueError(
            f"pooling: {encoder} has no last state; only {RECURRENT} have"
        )
