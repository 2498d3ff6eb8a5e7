"""A long short-term memory over packed texts."""

import functools

import tensorflow as tf

from mtl_tf.layers import packing as packing_lib

# h and c, float32 [groups, batch, units] each.
State = tuple[tf.Tensor, tf.Tensor]

PRECISIONS = ("float32", "bfloat16")
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
      kernel: float32 [groups, width, 4 * units], or [1, ...] for all groups;
        columns in the order i, f, g, o (that of `keras.layers.LSTM`).
      recurrent_kernel: float32 [groups or 1, units, 4 * units].
      bias: float32 [groups or 1, 4 * units].
      lengths: int32 [groups, batch], at least 1.
      backwards: read every text from its true last token to its first.
      initial_state: h_0 and c_0, float32 [groups, batch, units]; zeros if None.
      result: one of `RESULTS`.
      precision: of matrix products, factors and results, one of `PRECISIONS`;
        what is added up inside of them, state and gates are float32.
      for_training: whether to keep what the gradient needs. Without it there
        is TensorFlow's own gradient, which is slow.

    Returns:
      With `states`, h, float32 [rows, batch, units], packed, each at the place
      of the token that was read. With `last`, h of the token of each text that
      is read last, float32 [groups, batch, units]: its true last token, or its
      first one backwards. With `end`, (h, c) of it.
    """
    if initial_state is None:
        shape = [*tf.unstack(tf.shape(lengths)), recurrent_kernel.shape[1]]
        initial_state = (tf.zeros(shape), tf.zeros(shape))
    packing = packing_lib.Packing(lengths)
    if backwards:
        inputs = packing.reverse(inputs)
    weights = tf.concat([kernel, recurrent_kernel, bias[:, tf.newaxis]], axis=1)
    # Products in bfloat16 are half as fast where rows do not start evenly.
    weights = tf.pad(weights, [[0, 0], [0, -weights.shape[1] % 8], [0, 0]])
    h, *c = _read(
        inputs,
        weights,
        *initial_state,
        packing,
        tf.as_dtype(precision),
        ("h", "c") if result == "end" else ("h",),
        for_training,
    )
    if result == "states":
        return packing.reverse(h) if backwards else h
    if result == "last":
        return packing.last(h)
    return packing.last(h), packing.last(*c)


def _read(inputs, weights, h_0, c_0, packing, precision, results, for_training):
    """States of all steps.

    Args:
      inputs: packed.
      weights: both kernels, the bias and any rows that are not read on each
        other, [groups or 1, width + units + 1 or more, 4 * units].
      h_0: [groups, batch, units].
      c_0: [groups, batch, units].
      packing: the packing.
      precision: as in `lstm`.
      results: `h`, or `h` and `c`.
      for_training: as in `lstm`.

    Returns:
      Packed, in the order of `results`.
    """
    shared = weights.shape[0] == 1
    units = h_0.shape[-1]

    def run(inputs, weights, h_0, c_0):
        if not shared:
            weights = tf.gather(weights, packing.order)
        weights = tf.cast(weights, precision)
        start = [tf.gather(state, packing.order) for state in (h_0, c_0)]
        names = (*results, *_KEPT) if for_training else results
        arrays = _forward(inputs, weights, start, packing, names)

        def gradient(*upstream):
            upstream = dict(zip(results, upstream, strict=True))
            width = inputs.shape[-1]
            dz, dx, *start = _backward(
                upstream, weights[:, : width + units], arrays, packing
            )
            read = _concat(arrays["read"], weights.shape[1])
            product = functools.partial(tf.matmul, transpose_a=True)
            if shared:
                flat = (packing_lib.flatten(x) for x in (read, dz))
                dw = product(*flat)[tf.newaxis]
            else:
                dw = packing.map_groups(product, read, dz)
                dw = packing.in_own_order(dw)
            start = (packing.in_own_order(x) for x in start)
            return dx, tf.cast(_fused_order(dw), tf.float32), *start

        return [_concat(arrays[name], units) for name in results], gradient

    if for_training:
        return tf.custom_gradient(run)(inputs, weights, h_0, c_0)
    return run(inputs, weights, h_0, c_0)[0]


# What the gradient needs of each step: what the weights are multiplied with
# (the inputs, h_{t-1} and 1 beside each other), c_{t-1}, gates, and tanh(c_t).
_KEPT = ("read", "previous_c", "i", "f", "g", "o", "tanh_c")


def _forward(inputs, weights, start, packing, names):
    """The loop over time, one block of groups after the other.

    Args:
      inputs: packed.
      weights: as in `_read`, in their precision, in the packing's order.
      start: h_0 and c_0, likewise.
      packing: the packing.
      names: of `h`, `c` and `_KEPT`.

    Returns:
      An array over the steps of all blocks for each name.
    """
    units = start[0].shape[-1]
    # What the bias is multiplied with, and the rows beyond it.
    rest = weights.shape[1] - inputs.shape[-1] - units
    one = tf.one_hot(tf.zeros(tf.shape(start[0])[:2], tf.int32), rest)

    def step(weights, t, h, c, arrays):
        active, begin = packing.active[t], packing.begin[t]
        h, c = h[:active], c[:active]
        x = inputs[begin : begin + active]
        values = {"previous_c": c}
        read = tf.cast(tf.concat([x, h, one[:active]], -1), weights.dtype)
        z = tf.cast(_times(read, weights), tf.float32)
        i, f, g, o = tf.split(z, 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        c = f * c + i * g
        tanh_c = tf.tanh(c)
        h = o * tanh_c
        values |= {"h": h, "c": c, "read": read, "tanh_c": tanh_c}
        values |= {"i": i, "f": f, "g": g, "o": o}
        arrays = tuple(
            array.write(t, values[name])
            for name, array in zip(names, arrays, strict=True)
        )
        return t + 1, h, c, arrays

    def read_block(block, arrays):
        ranks, first, end = packing.of_block(block)
        *_, arrays = tf.while_loop(
            lambda t, *_: t < end,
            functools.partial(step, _of_groups(weights, ranks)),
            (first, *(state[ranks] for state in start), arrays),
            _loop_shapes(units, len(arrays)),
            parallel_iterations=1,
        )
        return (arrays,)

    arrays = tuple(
        _array(weights.dtype if name == "read" else tf.float32, packing.steps)
        for name in names
    )
    (arrays,) = _for_each_block(packing, read_block, arrays)
    return dict(zip(names, arrays, strict=True))


def _backward(upstream, weights, kept, packing):
    """The loop back through time, for each block.

    Args:
      upstream: packed gradients of `h`, and of `c` where they are wanted.
      weights: as in `_forward`, without what needs no gradient of its input.
      kept: what `_forward` returned.
      packing: the packing.

    Returns:
      Packed gradients of z, in the order of `_fused_order` and the precision
      of the weights, and of the inputs; gradients of h_0 and c_0 in the
      packing's order.
    """
    units = weights.shape[-1] // 4
    width = weights.shape[1] - units
    transposed = _fused_order(tf.transpose(weights, [0, 2, 1]), axis=1)
    none = tf.zeros([0, tf.shape(upstream["h"])[1], units])

    def step(transposed, t, dh, dc, arrays):
        active, begin = packing.active[t], packing.begin[t]
        rows = slice(begin, begin + active)
        # Groups that end at this step come in.
        new = [[0, active - tf.shape(dh)[0]], [0, 0], [0, 0]]
        dh = tf.pad(dh, new) + upstream["h"][rows]
        dc = tf.pad(dc, new)
        if "c" in upstream:
            dc += upstream["c"][rows]
        of_step = {name: kept[name].read(t) for name in _KEPT[1:]}
        dz, dc = _gate_gradients(dh, dc, of_step)
        dz = tf.cast(dz, weights.dtype)
        product = tf.cast(_times(dz, transposed), tf.float32)
        dx, dh = tf.split(product, [width, units], axis=-1)
        of_z, of_x = arrays
        return t - 1, dh, dc, (of_z.write(t, dz), of_x.write(t, dx))

    def read_block(block, arrays, of_h, of_c):
        ranks, first, end = packing.of_block(block)
        _, dh, dc, arrays = tf.while_loop(
            lambda t, *_: t >= first,
            functools.partial(step, _of_groups(transposed, ranks)),
            (end - 1, none, none, arrays),
            _loop_shapes(units, len(arrays)),
            parallel_iterations=1,
        )
        return arrays, of_h.write(block, dh), of_c.write(block, dc)

    dtypes = weights.dtype, tf.float32
    (of_z, of_x), *starts = _for_each_block(
        packing,
        read_block,
        tuple(_array(dtype, packing.steps) for dtype in dtypes),
        *(_array(tf.float32, packing.blocks) for _ in range(2)),
    )
    starts = (_concat(array, units) for array in starts)
    return _concat(of_z, 4 * units), _concat(of_x, width), *starts


def _gate_gradients(dh, dc, kept):
    """Gradients of z, in `_fused_order`, and of c_{t-1}: one op for the step.

    The op is part of TensorFlow's own LSTM cell. Weights and inputs are given
    to it for their shapes alone, and peepholes are off.
    """
    units = dh.shape[-1]
    flat = {
        name: packing_lib.flatten(tf.ensure_shape(x, [None, None, units]))
        for name, x in (*kept.items(), ("dh", dh), ("dc", dc))
    }
    none = tf.zeros([units])
    dc, dz, *_ = tf.raw_ops.LSTMBlockCellGrad(
        x=flat["dh"],
        h_prev=flat["dh"],
        w=tf.zeros([2 * units, 4 * units]),
        b=tf.zeros([4 * units]),
        wci=none,
        wcf=none,
        wco=none,
        cs_prev=flat["previous_c"],
        cs=flat["previous_c"],
        i=flat["i"],
        f=flat["f"],
        o=flat["o"],
        ci=flat["g"],
        co=flat["tanh_c"],
        cs_grad=flat["dc"],
        h_grad=flat["dh"],
        use_peephole=False,
    )
    shape = tf.shape(dh)
    dz = tf.reshape(dz, [shape[0], shape[1], 4 * units])
    return dz, tf.reshape(dc, shape)


def _fused_order(columns, axis=-1):
    """From the order i, f, g, o to i, g, f, o, that of `LSTMBlockCellGrad`.

    And back: the order is changed by one exchange.
    """
    i, f, g, o = tf.split(columns, 4, axis=axis)
    return tf.concat([i, g, f, o], axis=axis)


def _times(rows, weights):
    """[rows, batch, a] times [rows or 1, a, b] (or more): [rows, batch, b]."""
    if weights.shape[0] != 1:
        return tf.matmul(rows, weights[: tf.shape(rows)[0]])
    product = tf.matmul(packing_lib.flatten(rows), weights[0])
    return tf.reshape(product, [-1, tf.shape(rows)[1], product.shape[-1]])


def _for_each_block(packing, read, *values):
    """Calls a function of a block and of values, which returns new values."""
    _, *values = tf.while_loop(
        lambda block, *_: block < packing.blocks,
        lambda block, *values: (block + 1, *read(block, *values)),
        (0, *values),
        parallel_iterations=1,
    )
    return values


def _of_groups(weights, ranks):
    """Weights of some groups, or those of all."""
    return weights if weights.shape[0] == 1 else weights[ranks]


def _array(dtype, size):
    return tf.TensorArray(dtype, size, infer_shape=False)


def _concat(array, width):
    """[..., batch, width], of all that an array holds."""
    return tf.ensure_shape(array.concat(), [None, None, width])


def _loop_shapes(units, arrays):
    """Shapes of a loop's variables: the number of groups changes."""
    scalar = tf.TensorShape([])
    state = tf.TensorShape([None, None, units])
    return scalar, state, state, (scalar,) * arrays
