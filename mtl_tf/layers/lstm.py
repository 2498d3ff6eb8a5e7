"""A long short-term memory whose weights are stacked by reader."""

import keras
import tensorflow as tf

from mtl_tf.layers import stacked


def lstm(
    inputs: tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    lengths: tf.Tensor,
    backwards: bool = False,
) -> tf.Tensor:
    """Runs one LSTM a group over the group's texts (Liu et al., Eq. 1-3).

    With z_t = [x_t, h_{t-1}] kernel + bias, split into i, f, g, o:

        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t)

    from h_0 = c_0 = 0, without peepholes. The loop runs over groups, not over
    time steps: a group is one call of TensorFlow's fused kernel and ends at
    its own longest text, so that a group of short texts does not pay for
    another's long ones, and groups run beside each other on the cores.

    Args:
      inputs: float32 [groups, time, batch, width].
      kernel: float32 [groups, width + units, 4 * units], rows of x first,
        columns in the order i, f, g, o (that of `keras.layers.LSTM`).
      bias: float32 [groups, 4 * units].
      lengths: int32 [groups, batch], at least 1.
      backwards: read every text from its true last token to its first.

    Returns:
      h, float32 [groups, time, batch, units], each at the place of the token
      that was read. Beyond the end of a text it has no meaning, and nothing
      that lies there changes what is before it.
    """
    states = _lstm(backwards)(inputs, kernel, bias, lengths)
    states.set_shape([*inputs.shape[:3], bias.shape[-1] // 4])
    return states


def _lstm(backwards):
    @tf.custom_gradient
    def run(inputs, kernel, bias, lengths):
        groups = tf.shape(inputs)[0]
        steps = tf.reduce_max(lengths, axis=1)
        ends = tf.cumsum(steps)

        def flip(sequence, group):
            if not backwards:
                return sequence
            return tf.reverse_sequence(
                sequence, lengths[group], seq_axis=0, batch_axis=1
            )

        def forward(group):
            sequence = flip(inputs[group, : steps[group]], group)
            outputs = tf.raw_ops.BlockLSTMV2(
                **_cell(sequence, kernel[group], bias[group])
            )
            states = _pad(flip(outputs.h, group), tf.shape(inputs)[1])
            return states, *outputs

        # The activations of all groups, end to end: [sum of steps, ...].
        states, *activations = _for_each_group(
            forward, groups, ["stack"] + ["concat"] * len(_ACTIVATIONS)
        )

        def gradient(state_gradients):
            def backward(group):
                begin, end = ends[group] - steps[group], ends[group]
                sequence = flip(inputs[group, : steps[group]], group)
                saved = {
                    name: value[begin:end]
                    for name, value in zip(
                        _ACTIVATIONS, activations, strict=True
                    )
                }
                got = tf.raw_ops.BlockLSTMGradV2(
                    **_cell(sequence, kernel[group], bias[group]),
                    **saved,
                    cs_grad=tf.zeros_like(saved["cs"]),
                    h_grad=flip(state_gradients[group, : steps[group]], group),
                )
                return (
                    _pad(flip(got.x_grad, group), tf.shape(inputs)[1]),
                    got.w_grad,
                    got.b_grad,
                )

            return *_for_each_group(backward, groups, ["stack"] * 3), None

        return states, gradient

    return run


# Outputs of tf.raw_ops.BlockLSTMV2, in its order.
_ACTIVATIONS = ("i", "cs", "f", "o", "ci", "co", "h")


def _cell(sequence, kernel, bias):
    """What the fused kernel and its gradient both take."""
    units = tf.shape(bias)[0] // 4
    zeros = tf.zeros([tf.shape(sequence)[1], units], sequence.dtype)
    no_peephole = tf.zeros([units], sequence.dtype)
    return {
        "seq_len_max": tf.cast(tf.shape(sequence)[0], tf.int64),
        "x": sequence,
        "cs_prev": zeros,
        "h_prev": zeros,
        "w": kernel,
        "wci": no_peephole,
        "wcf": no_peephole,
        "wco": no_peephole,
        "b": bias,
        "use_peephole": False,
    }


def _pad(sequence, time):
    return tf.pad(
        sequence, [[0, time - tf.shape(sequence)[0]], [0, 0], [0, 0]]
    )


def _for_each_group(function, groups, joins):
    """Calls `function(group)` for each group and joins each of its results."""
    arrays = tuple(
        tf.TensorArray(tf.float32, groups, infer_shape=False) for _ in joins
    )

    def body(group, arrays):
        results = function(group)
        written = tuple(
            array.write(group, result)
            for array, result in zip(arrays, results, strict=True)
        )
        return group + 1, written

    _, arrays = tf.while_loop(
        lambda group, _: group < groups, body, (0, arrays)
    )
    return [
        array.stack() if join == "stack" else array.concat()
        for array, join in zip(arrays, joins, strict=True)
    ]


@keras.saving.register_keras_serializable(package="mtl_tf")
class StackedLSTM(stacked.StackedLayer):
    """One direction of an LSTM, with a set of weights for each reader.

    Args:
      units: width of its state (d in the paper).
      readers: number of weight sets.
      backwards: read every text from its last token to its first.
      forget_bias: added to the start of the forget gate's bias. The paper
        draws all biases from [-0.1, 0.1], hence 0; Keras starts from 1.
      recurrent_dropout: share of h_{t-1}'s elements that a training step
        drops, the same for all time steps (Gal & Ghahramani 2016) and for all
        texts of a group: a mask on the rows of the recurrent weights.
      **kwargs: for `StackedLayer`.

    Call arguments: token features [groups, time, batch, width], `lengths`
    [groups, batch] and `reader` [groups]; returns h, [groups, time, batch,
    units], as `lstm` does.
    """

    def __init__(
        self,
        units: int,
        readers: int,
        *,
        backwards: bool = False,
        forget_bias: float = 0.0,
        recurrent_dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(readers, **kwargs)
        self.units = units
        self.backwards = backwards
        self.forget_bias = forget_bias
        self.recurrent_dropout = recurrent_dropout

    def build(self, inputs_shape, lengths_shape=None, reader_shape=None):
        del lengths_shape, reader_shape
        self.kernel = self.add_stacked_weight(
            "kernel", (inputs_shape[-1], 4 * self.units)
        )
        self.recurrent_kernel = self.add_stacked_weight(
            "recurrent_kernel", (self.units, 4 * self.units)
        )
        forget_gate = [0.0] * self.units + [self.forget_bias] * self.units
        self.bias = self.add_stacked_weight(
            "bias",
            (4 * self.units,),
            offset=tf.constant(forget_gate + [0.0] * 2 * self.units),
        )
        self.seed_generator = stacked.seed_generator(self.seed)

    def call(self, inputs, lengths, reader, training=False):
        recurrent_kernel = self.of_groups(self.recurrent_kernel, reader)
        if training and self.recurrent_dropout:
            recurrent_kernel = keras.random.dropout(
                recurrent_kernel,
                self.recurrent_dropout,
                noise_shape=(tf.shape(reader)[0], self.units, 1),
                seed=self.seed_generator,
            )
        kernel = tf.concat(
            [self.of_groups(self.kernel, reader), recurrent_kernel], axis=1
        )
        bias = self.of_groups(self.bias, reader)
        return lstm(inputs, kernel, bias, lengths, self.backwards)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "backwards": self.backwards,
            "forget_bias": self.forget_bias,
            "recurrent_dropout": self.recurrent_dropout,
        }
