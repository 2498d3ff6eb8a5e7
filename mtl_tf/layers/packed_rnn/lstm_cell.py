"""The equations of one step of an LSTM, and their gradients."""

from typing import NamedTuple

import tensorflow as tf


class Step(NamedTuple):
    """Results of a step, float32 [texts, hidden_size].

    Attributes:
      previous_c: c_{t-1}.
      i: input gate, sigmoid of its part of z_t.
      f: forget gate, sigmoid of its part of z_t.
      g: candidate (c with a tilde in the paper), tanh of its part of z_t.
      o: output gate, sigmoid of its part of z_t.
      c: cell state c_t.
      tanh_c: tanh(c_t).
      h: hidden state h_t.
    """

    previous_c: tf.Tensor
    i: tf.Tensor
    f: tf.Tensor
    g: tf.Tensor
    o: tf.Tensor
    c: tf.Tensor
    tanh_c: tf.Tensor
    h: tf.Tensor


def step(z: tf.Tensor, previous_c: tf.Tensor) -> Step:
    """Computes a step of an LSTM (Liu et al. 2017, Eq. 1, Eq. 2 and Eq. 3).

    Args:
      z: the affine map of Eq. 1, W [x_t; h_{t-1}] + b, float32 [texts, 4 *
        hidden_size], in the order i, f, g, o.
      previous_c: c_{t-1}, float32 [texts, hidden_size].
    """
    i, f, g, o = tf.split(z, 4, axis=-1)
    # Eq. 1
    i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
    # Eq. 2
    c = f * previous_c + i * g
    # Eq. 3
    tanh_c = tf.tanh(c)
    h = o * tanh_c
    return Step(previous_c, i, f, g, o, c, tanh_c, h)


def step_gradients(
    dh: tf.Tensor, dc: tf.Tensor, values: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the gradients of a step, in one op.

    The op is that of TensorFlow's own LSTM cell. Weights and inputs only give
    it their shapes, and peepholes are off.

    Args:
      dh: gradient of h_t.
      dc: gradient of c_t.
      values: those of `Step` by name, but for `c` and `h`.

    Returns:
      The gradient of z_t, in the order of `swap_gates`, and that of c_{t-1}.
    """
    hidden_size = dh.shape[-1]
    no_peephole = tf.zeros([hidden_size])
    dc, dz, *_ = tf.raw_ops.LSTMBlockCellGrad(
        x=dh,
        h_prev=dh,
        w=tf.zeros([2 * hidden_size, 4 * hidden_size]),
        b=tf.zeros([4 * hidden_size]),
        wci=no_peephole,
        wcf=no_peephole,
        wco=no_peephole,
        cs_prev=values["previous_c"],
        cs=values["previous_c"],
        i=values["i"],
        f=values["f"],
        o=values["o"],
        ci=values["g"],
        co=values["tanh_c"],
        cs_grad=dc,
        h_grad=dh,
        use_peephole=False,
    )
    return dz, dc


def swap_gates(columns: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """Changes the order i, f, g, o to i, g, f, o of `LSTMBlockCellGrad`.

    It is its own inverse.
    """
    i, f, g, o = tf.split(columns, 4, axis=axis)
    return tf.concat([i, g, f, o], axis=axis)
