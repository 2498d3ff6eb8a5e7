"""A long short-term memory whose weights are stacked by reader."""

import keras
import tensorflow as tf

from mtl_tf.layers import packing as packing_lib
from mtl_tf.layers import stacked

# h and c, float32 [groups, batch, units] each.
State = tuple[tf.Tensor, tf.Tensor]


def lstm(
    inputs: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    lengths: tf.Tensor,
    backwards: bool = False,
    initial_state: State | None = None,
    return_state: bool = False,
) -> tf.Tensor | tuple[tf.Tensor, State]:
    """Runs an LSTM over every text (Liu et al. 2017, Eq. 1-3).

    With z_t = x_t kernel + h_{t-1} recurrent_kernel + bias, split into i, f, g
    and o:

        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t)

    from h_0 = c_0 = 0 or from given ones, without peepholes.

    Only h_{t-1} recurrent_kernel and the gates are computed step by step, and
    only for the groups that still have a text at that step (`packing`). What
    does not depend on the step before is one product over all steps: the
    inputs' share of z, and, in a gradient written by hand, all the gradients of
    weights and inputs. What TensorFlow derives from the loop would add up the
    weights' gradients in each step.

    Args:
      inputs: float32 [groups, time, batch, width].
      kernel: float32 [groups, width, 4 * units], or [1, ...] for all groups;
        columns in the order i, f, g, o (that of `keras.layers.LSTM`).
      recurrent_kernel: float32 [groups or 1, units, 4 * units].
      bias: float32 [groups or 1, 4 * units].
      lengths: int32 [groups, batch], at least 1.
      backwards: read every text from its true last token to its first.
      initial_state: h_0 and c_0, float32 [groups, batch, units]; zeros if None.
      return_state: whether to return h and c of the end as well.

    Returns:
      h, float32 [groups, time, batch, units], each at the place of the token
      that was read. Beyond the end of a text it has no meaning, and nothing
      that lies there changes what is before it. With `return_state` this and
      (h, c) of the token of each text that is read last, float32 [groups,
      batch, units]: its true last token, or its first one backwards.
    """
    shared = kernel.shape[0] == recurrent_kernel.shape[0] == bias.shape[0] == 1
    if initial_state is None:
        shape = [*tf.unstack(tf.shape(lengths)), recurrent_kernel.shape[1]]
        initial_state = (tf.zeros(shape), tf.zeros(shape))

    @tf.custom_gradient
    def run(inputs, kernel, recurrent_kernel, bias, h_0, c_0):
        packing = packing_lib.Packing(lengths, tf.shape(inputs)[1], backwards)
        h_0, c_0 = tf.gather(h_0, packing.order), tf.gather(c_0, packing.order)
        if not shared:
            kernel, recurrent_kernel, bias = (
                tf.gather(weight, packing.order)
                for weight in (kernel, recurrent_kernel, bias)
            )
        packed = packing.pack(inputs)
        h, c, gates = _forward(
            _input_product(packed, kernel, packing, shared),
            recurrent_kernel,
            bias,
            (h_0, c_0),
            packing,
        )

        def gradient(h_gradients, *end_gradients):
            h_gradients = packing.pack(h_gradients)
            c_gradients = None
            if end_gradients:
                end_h, c_gradients = map(packing.put_last, end_gradients)
                h_gradients += end_h
            z_gradients, *start_gradients = _backward(
                h_gradients,
                c_gradients,
                recurrent_kernel,
                packing.delay(c, c_0),
                c,
                gates,
                packing,
            )
            input_gradients, *weight_gradients = _weight_gradients(
                packed,
                packing.delay(h, h_0),
                z_gradients,
                kernel,
                packing,
                shared,
            )
            if not shared:
                weight_gradients = map(packing.in_own_order, weight_gradients)
            return (
                packing.unpack(input_gradients),
                *weight_gradients,
                *map(packing.in_own_order, start_gradients),
            )

        states = packing.unpack(h)
        if not return_state:
            return states, gradient
        return (states, packing.last(h), packing.last(c)), gradient

    result = run(inputs, kernel, recurrent_kernel, bias, *initial_state)
    if not return_state:
        return result
    states, *end = result
    return states, tuple(end)


def _input_product(packed, kernel, packing, shared):
    """x_t kernel of all steps: packed, 4 * units wide."""
    if shared:
        return _times(packed, kernel)
    (product,) = packing.for_each_group(
        lambda kernel, x: [tf.matmul(x, kernel)], kernel, [packed], [True]
    )
    return tf.ensure_shape(product, [None, None, kernel.shape[-1]])


def _forward(product, recurrent_kernel, bias, start, packing):
    """The loop over time; packed h, c, and the gates i, f, g, o."""
    units = recurrent_kernel.shape[1]

    def step(t, h, c, arrays):
        active, begin = packing.active[t], packing.begin[t]
        h, c = h[:active], c[:active]
        z = product[begin : begin + active] + _times(h, recurrent_kernel)
        z += bias[:active, tf.newaxis]
        i, f, g, o = tf.split(z, 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * c + i * g
        h = o * tf.tanh(c)
        values = (h, c, tf.concat([i, f, g, o], axis=-1))
        return t + 1, h, c, _write(arrays, t, values)

    *_, arrays = tf.while_loop(
        lambda t, *_: t < packing.longest,
        step,
        (0, *start, _arrays(3, packing.longest)),
        _loop_shapes(units, 3),
    )
    return [
        tf.ensure_shape(array.concat(), [None, None, width])
        for array, width in zip(arrays, (units, units, 4 * units), strict=True)
    ]


def _backward(
    h_gradients, c_gradients, recurrent_kernel, previous_c, c, gates, packing
):
    """The loop back through time.

    Args:
      h_gradients: packed, what comes from outside to each h.
      c_gradients: packed, the same for c; None for none.
      recurrent_kernel: as in `_forward`.
      previous_c: packed, c of the step before.
      c: packed.
      gates: packed.
      packing: the packing.

    Returns:
      Packed gradients of z; gradients of h_0 and c_0 in the packing's order.
    """
    units = recurrent_kernel.shape[1]
    tanh_c = tf.tanh(c)

    def step(t, dh, dc, arrays):
        active, begin = packing.active[t], packing.begin[t]
        rows = slice(begin, begin + active)
        # Groups that end at this step come in.
        new = [[0, active - tf.shape(dh)[0]], [0, 0], [0, 0]]
        dh = tf.pad(dh, new) + h_gradients[rows]
        i, f, g, o = tf.split(gates[rows], 4, axis=-1)
        dc = tf.pad(dc, new) + dh * o * (1 - tanh_c[rows] ** 2)
        if c_gradients is not None:
            dc += c_gradients[rows]
        dz = tf.concat(
            [
                dc * g * i * (1 - i),
                dc * previous_c[rows] * f * (1 - f),
                dc * i * (1 - g**2),
                dh * tanh_c[rows] * o * (1 - o),
            ],
            axis=-1,
        )
        dh = _times(dz, recurrent_kernel, transpose=True)
        return t - 1, dh, dc * f, _write(arrays, t, [dz])

    none = tf.zeros([0, tf.shape(c)[1], units])
    _, dh, dc, arrays = tf.while_loop(
        lambda t, *_: t >= 0,
        step,
        (packing.longest - 1, none, none, _arrays(1, packing.longest)),
        _loop_shapes(units, 1),
    )
    dz = tf.ensure_shape(arrays[0].concat(), [None, None, 4 * units])
    return dz, dh, dc


def _weight_gradients(packed, previous_h, dz, kernel, packing, shared):
    """Gradients of the inputs (packed), both kernels and the bias."""

    def products(kernel, x, previous_h, dz):
        return [
            tf.matmul(dz, kernel, transpose_b=True),
            tf.matmul(x, dz, transpose_a=True),
            tf.matmul(previous_h, dz, transpose_a=True),
            tf.reduce_sum(dz, axis=0),
        ]

    if shared:
        flat = (packing_lib.flatten(x) for x in (packed, previous_h, dz))
        dx, *weight_gradients = products(kernel[0], *flat)
        dx = tf.reshape(dx, tf.shape(packed))
        weight_gradients = [g[tf.newaxis] for g in weight_gradients]
    else:
        dx, *weight_gradients = packing.for_each_group(
            products,
            kernel,
            [packed, previous_h, dz],
            [True, False, False, False],
        )
    return tf.ensure_shape(dx, packed.shape), *weight_gradients


def _times(rows, weight, transpose=False):
    """[rows, batch, a] times [rows or 1, a, b] (or more): [rows, batch, b]."""
    if weight.shape[0] != 1:
        weight = weight[: tf.shape(rows)[0]]
        return tf.matmul(rows, weight, transpose_b=transpose)
    product = tf.matmul(
        packing_lib.flatten(rows), weight[0], transpose_b=transpose
    )
    batch = tf.shape(rows)[1]
    return tf.reshape(product, [-1, batch, product.shape[-1]])


def _arrays(count, size):
    return tuple(
        tf.TensorArray(tf.float32, size, infer_shape=False)
        for _ in range(count)
    )


def _write(arrays, t, values):
    return tuple(
        array.write(t, value)
        for array, value in zip(arrays, values, strict=True)
    )


def _loop_shapes(units, arrays):
    """Shapes of a loop's variables: the number of groups changes."""
    scalar = tf.TensorShape([])
    state = tf.TensorShape([None, None, units])
    return scalar, state, state, (scalar,) * arrays


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
    [groups, batch] and `reader` [groups]; `initial_state` and `return_state`
    as in `lstm`, which also says what is returned.
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

    def call(
        self,
        inputs,
        lengths,
        reader,
        initial_state=None,
        return_state=False,
        training=False,
    ):
        weights = [self.kernel, self.recurrent_kernel, self.bias]
        drops = training and self.recurrent_dropout
        if self.readers > 1 or drops:
            weights = [self.of_groups(weight, reader) for weight in weights]
        if drops:
            weights[1] = keras.random.dropout(
                weights[1],
                self.recurrent_dropout,
                noise_shape=(tf.shape(reader)[0], self.units, 1),
                seed=self.seed_generator,
            )
        weights = [tf.convert_to_tensor(weight) for weight in weights]
        return lstm(
            inputs,
            *weights,
            lengths,
            self.backwards,
            initial_state,
            return_state,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "backwards": self.backwards,
            "forget_bias": self.forget_bias,
            "recurrent_dropout": self.recurrent_dropout,
        }
