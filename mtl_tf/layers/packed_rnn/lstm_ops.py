"""A long short-term memory over packed texts."""

import functools

import tensorflow as tf

from mtl_tf.layers.packed_rnn import loops
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import precision as precision_lib

# h and c, float32 [task_batches, batch, hidden_size] each.
State = tuple[tf.Tensor, tf.Tensor]

RESULTS = ("states", "last", "end")


def lstm(
    inputs: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    lengths: tf.Tensor,
    *,
    backwards: bool = False,
    initial_state: State | None = None,
    result: str = "states",
    precision: str = "float32",
    for_training: bool = True,
) -> tf.Tensor | State:
    """Runs an LSTM over every text (Liu et al. 2017, Eq. 1-3).

    With z_t = x_t kernel + h_{t-1} recurrent_kernel + bias, split into i, f, g
    and o:

        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(c_t)

    from h_0 = c_0 = 0 or from given ones, without peepholes.

    A step computes only the groups that still have a text there (`packing`),
    and all those of a block at once. Its gradient is written by hand: a loop
    back through time for what flows from step to step, then one product over
    all steps for the weights. What TensorFlow derives from the loop would add
    up the weights' gradients in each step.

    Args:
      inputs: float32 [rows, batch, width], packed.
      kernel: float32 [task_batches, width, 4 * hidden_size], or [1, ...] for
      all
      groups;
        columns in the order i, f, g, o (that of `keras.layers.LSTM`).
      recurrent_kernel: float32 [task_batches or 1, hidden_size, 4 *
      hidden_size].
      bias: float32 [task_batches or 1, 4 * hidden_size].
      lengths: int32 [task_batches, batch], at least 1.
      backwards: read every text from its true last token to its first.
      initial_state: h_0 and c_0, float32 [task_batches, batch, hidden_size];
      zeros
      if None.
      result: one of `RESULTS`.
      precision: of matrix products, factors and results, one of
        `choices.PRECISIONS`;
        what is added up inside of them, state and gates are float32.
      for_training: whether to keep what the gradient needs. Without it there
        is TensorFlow's own gradient, which is slow, and the graph is right on
        any machine: products in bfloat16 are made in float32, of rounded
        factors.

    Returns:
      With `states`, h, float32 [rows, batch, hidden_size], packed, each at the
      place
      of the token that was read. With `last`, h of the token of each text that
      is read last, float32 [task_batches, batch, hidden_size]: its true last
      token,
      or its
      first one backwards. With `end`, (h, c) of it.
    """
    if initial_state is None:
        shape = [*tf.unstack(tf.shape(lengths)), recurrent_kernel.shape[1]]
        initial_state = (tf.zeros(shape), tf.zeros(shape))
    packing = packing_lib.Packing(lengths)
    if backwards:
        inputs = packing.reverse(inputs)
    h, *c = _read(
        inputs,
        _join(kernel, bias, recurrent_kernel),
        *initial_state,
        packing,
        precision_lib.choose(precision, portable=not for_training),
        ("h", "c") if result == "end" else ("h",),
        for_training,
    )
    if result == "states":
        return packing.reverse(h) if backwards else h
    if result == "last":
        return packing.last(h)
    return packing.last(h), packing.last(*c)


def _join(kernel, bias, recurrent_kernel):
    """All weights on each other, with rows of zeros behind the bias."""
    # Products in bfloat16 are half as fast where rows do not start evenly.
    zeros = -(kernel.shape[1] + 1 + recurrent_kernel.shape[1]) % 8
    bias = tf.pad(bias[:, tf.newaxis], [[0, 0], [0, zeros], [0, 0]])
    return tf.concat([kernel, bias, recurrent_kernel], axis=1)


def _read(inputs, weights, h_0, c_0, packing, precision, results, for_training):
    """States of all steps.

    Args:
      inputs: packed.
      weights: as `_join` gives them, [task_batches or 1, width + 1 or more +
      hidden_size,
        4 * hidden_size].
      h_0: [task_batches, batch, hidden_size].
      c_0: [task_batches, batch, hidden_size].
      packing: the packing.
      precision: a `precision.Precision`.
      results: `h`, or `h` and `c`.
      for_training: as in `lstm`.

    Returns:
      Packed, in the order of `results`.
    """
    shared = weights.shape[0] == 1
    hidden_size = h_0.shape[-1]

    def packed(flat):
        return tf.reshape(flat, [-1, tf.shape(h_0)[1], flat.shape[-1]])

    def run(inputs, weights, h_0, c_0):
        width = inputs.shape[-1]
        if not shared:
            weights = tf.gather(weights, packing.order)
        weights = precision.factor(weights)
        start = [tf.gather(state, packing.order) for state in (h_0, c_0)]
        names = (*results, *_KEPT) if for_training else results
        arrays = _forward(inputs, weights, start, packing, precision, names)

        def gradient(*upstream):
            upstream = map(packing_lib.flatten, upstream)
            dz, dx, *start = _backward(
                dict(zip(results, upstream, strict=True)),
                tf.concat(
                    [weights[:, :width], weights[:, -hidden_size:]], axis=1
                ),
                arrays,
                packing,
                precision,
            )
            read = arrays["read"].concat()
            product = functools.partial(tf.matmul, transpose_a=True)
            if shared:
                dw = product(read, dz)[tf.newaxis]
            else:
                dw = packing.map_groups(product, packed(read), packed(dz))
                dw = packing.in_own_order(dw)
            start = (packing.in_own_order(packed(x)) for x in start)
            return packed(dx), precision.result(_fused_order(dw)), *start

        return [packed(arrays[name].concat()) for name in results], gradient

    if for_training:
        return tf.custom_gradient(run)(inputs, weights, h_0, c_0)
    return run(inputs, weights, h_0, c_0)[0]


# What the gradient needs of each step: what the weights are multiplied with
# (the inputs, ones and h_{t-1} beside each other), c_{t-1}, gates, and
# tanh(c_t).
_KEPT = ("read", "previous_c", "i", "f", "g", "o", "tanh_c")

# Steps of one iteration of a loop in training. What a loop does beside its body
# takes a twentieth of a small step; more steps take longer to be traced.
_UNROLLED = 4


def _forward(inputs, weights, start, packing, precision, names):
    """The loop over time, segment by segment, with flat rows, [texts, width].

    Every operation of a step counts, which runs as often as there are steps.

    Args:
      inputs: packed.
      weights: as in `_read`, factors, in the packing's order.
      start: h_0 and c_0, in the packing's order.
      packing: the packing.
      precision: as in `_read`.
      names: of `h`, `c` and `_KEPT`.

    Returns:
      An array of what each step has, flat, for each name.
    """
    hidden_size = start[0].shape[-1]
    start = [packing_lib.flatten(state) for state in start]
    # What the bias is multiplied with. Zeros are multiplied with the rest.
    ones = weights.shape[1] - inputs.shape[-1] - hidden_size
    inputs = precision.factor(packing_lib.flatten(inputs))
    inputs = tf.pad(inputs, [[0, 0], [0, ones]], constant_values=1)

    def step(times, texts, t, begin, h, c, arrays):
        end = begin + texts
        x = tf.strided_slice(inputs, begin, end)
        read = tf.concat([x, precision.factor(h)], axis=-1)
        values = {"read": read, **_gates(precision.result(times(read)), c)}
        arrays = tuple(
            array.write(t, values[name])
            for name, array in zip(names, arrays, strict=True)
        )
        return end, values["h"], values["c"], arrays

    def read_segment(number, h, c, arrays):
        segment = packing.segment(number)
        h, c = (
            tf.concat([state[: segment.going_on], first[segment.new]], axis=0)
            for state, first in zip((h, c), start, strict=True)
        )
        times = _product(weights, segment.ranks, packing)
        _, *found = loops.for_each(
            segment.first_step,
            segment.end_step,
            functools.partial(step, times, segment.texts),
            *(segment.begin, h, c, arrays),
            unrolled=_UNROLLED if "read" in names else 1,
        )
        return found

    none = tf.zeros([0, hidden_size])
    kinds = {"read": (inputs.dtype, weights.shape[1])}
    arrays = tuple(
        loops.array(*kinds.get(name, (tf.float32, hidden_size)), packing.steps)
        for name in names
    )
    *_, arrays = loops.for_each(
        0, packing.segments, read_segment, none, none, arrays
    )
    return dict(zip(names, arrays, strict=True))


def _backward(upstream, weights, kept, packing, precision):
    """The loop back through time, one segment after the other.

    Args:
      upstream: flat gradients of `h`, and of `c` where they are wanted.
      weights: of inputs and h_{t-1}, in the packing's order.
      kept: what `_forward` returned.
      packing: the packing.
      precision: as in `_read`.

    Returns:
      Flat gradients of z, factors in the order of `_fused_order`, of the
      inputs, and of h_0 and c_0, in the packing's order.
    """
    hidden_size = weights.shape[-1] // 4
    width = weights.shape[1] - hidden_size
    transposed = _fused_order(tf.transpose(weights, [0, 2, 1]), axis=1)

    def step(times, texts, t, end, dh, dc, of_z, of_x):
        begin = end - texts
        dh += tf.strided_slice(upstream["h"], begin, end)
        if "c" in upstream:
            dc += tf.strided_slice(upstream["c"], begin, end)
        of_step = {name: kept[name].read(t) for name in _KEPT[1:]}
        dz, dc = _gate_gradients(dh, dc, of_step)
        dz = precision.factor(dz)
        product = precision.result(times(dz))
        dx, dh = tf.split(product, [width, hidden_size], axis=-1)
        return begin, dh, dc, of_z.write(t, dz), of_x.write(t, dx)

    def read_segment(number, dh, dc, of_z, of_x, of_h, of_c):
        segment = packing.segment(number)
        # Groups that end with this segment come in.
        missing = [[0, segment.texts[0] - tf.shape(dh)[0]], [0, 0]]
        times = _product(transposed, segment.ranks, packing)
        _, dh, dc, of_z, of_x = loops.for_each(
            segment.first_step,
            segment.end_step,
            functools.partial(step, times, segment.texts),
            *(segment.end, tf.pad(dh, missing), tf.pad(dc, missing)),
            *(of_z, of_x),
            backwards=True,
            unrolled=_UNROLLED,
        )
        of_h = of_h.write(number, dh[segment.going_on :])
        of_c = of_c.write(number, dc[segment.going_on :])
        dh, dc = dh[: segment.going_on], dc[: segment.going_on]
        return dh, dc, of_z, of_x, of_h, of_c

    none = tf.zeros([0, hidden_size])
    _, _, *arrays = loops.for_each(
        0,
        packing.segments,
        read_segment,
        *(none, none),
        loops.array(weights.dtype, 4 * hidden_size, packing.steps),
        loops.array(tf.float32, width, packing.steps),
        *(
            loops.array(tf.float32, hidden_size, packing.segments)
            for _ in range(2)
        ),
        backwards=True,
    )
    return [array.concat() for array in arrays]


def _gates(z, c):
    """A step's gates and states by name, of z and c_{t-1}."""
    i, f, g, o = tf.split(z, 4, axis=-1)
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    values = {"previous_c": c, "i": i, "f": f, "g": g, "o": o}
    c = f * c + i * g
    tanh_c = tf.tanh(c)
    return values | {"c": c, "tanh_c": tanh_c, "h": o * tanh_c}


def _gate_gradients(dh, dc, kept):
    """Gradients of z, in `_fused_order`, and of c_{t-1}: one op for the step.

    The op is part of TensorFlow's own LSTM cell. Weights and inputs are given
    to it for their shapes alone, and peepholes are off.
    """
    hidden_size = dh.shape[-1]
    none = tf.zeros([hidden_size])
    dc, dz, *_ = tf.raw_ops.LSTMBlockCellGrad(
        x=dh,
        h_prev=dh,
        w=tf.zeros([2 * hidden_size, 4 * hidden_size]),
        b=tf.zeros([4 * hidden_size]),
        wci=none,
        wcf=none,
        wco=none,
        cs_prev=kept["previous_c"],
        cs=kept["previous_c"],
        i=kept["i"],
        f=kept["f"],
        o=kept["o"],
        ci=kept["g"],
        co=kept["tanh_c"],
        cs_grad=dc,
        h_grad=dh,
        use_peephole=False,
    )
    return dz, dc


def _fused_order(columns, axis=-1):
    """From the order i, f, g, o to i, g, f, o, that of `LSTMBlockCellGrad`.

    And back: the order is changed by one exchange.
    """
    i, f, g, o = tf.split(columns, 4, axis=axis)
    return tf.concat([i, g, f, o], axis=axis)


def _product(weights, ranks, packing):
    """A function that multiplies the texts of some groups with weights.

    Args:
      weights: [task_batches or 1, a, b].
      ranks: slice of the groups.
      packing: the packing.

    Returns:
      [texts, a] -> [texts, b].
    """
    groups, a, b = weights.shape
    if groups == 1:
        return functools.partial(tf.matmul, b=weights[0])
    weights = weights[ranks]
    by_group = tf.stack([-1, packing.batch, a])

    def times(rows):
        product = tf.matmul(tf.reshape(rows, by_group), weights)
        return tf.reshape(product, [-1, b])

    return times
