"""A long short-term memory over packed texts.

A step of the loop computes only the task batches that still have a text there,
and all those of a block at once (`packing`). The gradient is written by hand: a
loop back through time for what flows from step to step, then one product over
all steps for the weights. What TensorFlow derives from the loop would add up
the weights' gradients in each step.
"""

import dataclasses
import functools

import tensorflow as tf

from mtl_tf.layers.packed_rnn import lstm_cell
from mtl_tf.layers.packed_rnn import lstm_loops
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import precision as precision_lib

# h and c, float32 [task_batches, batch, hidden_size] each.
State = tuple[tf.Tensor, tf.Tensor]

RESULTS = ("states", "last_hidden", "final_state")


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

    `lstm_cell.step` has the equations. There are no peepholes.

    Args:
      inputs: x, float32 [rows, batch, input_size], packed.
      kernel: float32 [task_batches, input_size, 4 * hidden_size]; [1, ...] if
        all share it. Columns are in the order i, f, g, o of
        `keras.layers.LSTM`.
      recurrent_kernel: float32 [task_batches or 1, hidden_size, 4 *
        hidden_size].
      bias: float32 [task_batches or 1, 4 * hidden_size].
      lengths: int32 [task_batches, batch], at least 1.
      backwards: whether to read a text from its true last token to its first.
      initial_state: h_0 and c_0; None for zeros.
      result: one of `RESULTS`.
      precision: one of `PRECISIONS`, that of matrix products. Their sums, the
        state and the gates are float32.
      for_training: whether to keep what the gradient needs. Without it the
        gradient is TensorFlow's own, which is slow, and the graph is correct on
        any machine: products in bfloat16 multiply rounded factors in float32.

    Returns:
      `states`: h at each token, float32 [rows, batch, hidden_size], packed.
      `last_hidden`: h of the token that is read last, float32 [task_batches,
      batch, hidden_size]. `final_state`: (h, c) of that token.
    """
    if initial_state is None:
        shape = [*tf.unstack(tf.shape(lengths)), recurrent_kernel.shape[1]]
        initial_state = (tf.zeros(shape), tf.zeros(shape))
    packing = packing_lib.Packing(lengths, for_training)
    if backwards:
        inputs = packing.reverse(inputs)
    recurrence = _Recurrence(
        packing,
        precision_lib.choose(precision, portable=not for_training),
        ("h", "c") if result == "final_state" else ("h",),
        for_training,
    )
    weights = _join(kernel, bias, recurrent_kernel)
    h, *c = recurrence.states(inputs, weights, *initial_state)
    if result == "states":
        return packing.reverse(h) if backwards else h
    if result == "last_hidden":
        return packing.last(h)
    return packing.last(h), packing.last(*c)


def _join(kernel, bias, recurrent_kernel):
    """Joins the weights of [x_t; 1; h_{t-1}], with rows of zeros below bias."""
    # Products in bfloat16 are half as fast where rows are not aligned.
    zeros = -(kernel.shape[1] + 1 + recurrent_kernel.shape[1]) % 8
    bias = tf.pad(bias[:, tf.newaxis], [[0, 0], [0, zeros], [0, 0]])
    return tf.concat([kernel, bias, recurrent_kernel], axis=1)


@dataclasses.dataclass(frozen=True)
class _Recurrence:
    """The recurrence of a batch, and its gradient.

    Attributes:
      packing: the packing of the batch.
      precision: the precision of products.
      names: the states that it computes, `h` or `h` and `c`.
      for_training: as in `lstm`.
    """

    packing: packing_lib.Packing
    precision: precision_lib.Precision
    names: tuple[str, ...]
    for_training: bool

    def states(self, inputs, weights, h_0, c_0):
        """Computes the states of all steps.

        Args:
          inputs: float32 [rows, batch, input_size], packed.
          weights: float32 [task_batches or 1, input_size + 1 or more +
            hidden_size, 4 * hidden_size], the result of `_join`.
          h_0: float32 [task_batches, batch, hidden_size].
          c_0: float32 [task_batches, batch, hidden_size].

        Returns:
          A list of float32 [rows, batch, hidden_size], packed, one for each of
          `names`.
        """
        if self.for_training:
            run = tf.custom_gradient(self._states_and_gradient)
            return run(inputs, weights, h_0, c_0)
        return self._states_and_gradient(inputs, weights, h_0, c_0)[0]

    def _states_and_gradient(self, inputs, weights, h_0, c_0):
        """Returns the states, and the function that computes the gradients."""
        input_size, hidden_size = inputs.shape[-1], h_0.shape[-1]
        is_shared = weights.shape[0] == 1
        if not is_shared:
            weights = tf.gather(weights, self.packing.order)
        weights = self.precision.factor(weights)
        states, residuals = self._forward(inputs, weights, (h_0, c_0))

        def gradient(*upstream):
            upstream = map(packing_lib.flatten, upstream)
            # Without the bias, which no gradient flows through.
            flows_back = [weights[:, :input_size], weights[:, -hidden_size:]]
            gradients = lstm_loops.BackwardLoop(
                dict(zip(self.names, upstream, strict=True)),
                tf.concat(flows_back, axis=1),
                residuals,
                self.packing,
                self.precision,
            ).run()
            dz, dx = gradients.z.concat(), gradients.x.concat()
            initial = gradients.h_0.concat(), gradients.c_0.concat()
            dw = self._weight_gradient(residuals.factor.concat(), dz, is_shared)
            dh_0, dc_0 = (
                self.packing.in_batch_order(self._packed(x)) for x in initial
            )
            return self._packed(dx), dw, dh_0, dc_0

        return [self._packed(x.concat()) for x in states.values()], gradient

    def _forward(self, inputs, weights, initial_state):
        """Runs the loop over time.

        Args:
          inputs: as in `states`.
          weights: factors, by rank.
          initial_state: h_0 and c_0, as in `states`.

        Returns:
          The result of `ForwardLoop.run`.
        """
        input_size, hidden_size = inputs.shape[-1], initial_state[0].shape[-1]
        # A column of ones for the bias, and further ones for rows of zeros.
        num_ones = weights.shape[1] - input_size - hidden_size
        initial_state = tuple(
            packing_lib.flatten(tf.gather(state, self.packing.order))
            for state in initial_state
        )
        inputs = self.precision.factor(packing_lib.flatten(inputs))
        inputs = tf.pad(inputs, [[0, 0], [0, num_ones]], constant_values=1)
        return lstm_loops.ForwardLoop(
            inputs, weights, initial_state, self.packing, self.precision
        ).run(self.names, keep_residuals=self.for_training)

    def _weight_gradient(self, factor, dz, is_shared):
        """Multiplies factors with gradients of z, over all steps at once."""
        product = functools.partial(tf.matmul, transpose_a=True)
        if is_shared:
            dw = product(factor, dz)[tf.newaxis]
        else:
            dw = self.packing.in_batch_order(
                self.packing.map_task_batches(
                    product, self._packed(factor), self._packed(dz)
                )
            )
        return self.precision.result(lstm_cell.swap_gates(dw))

    def _packed(self, flat):
        """Reshapes [rows * batch, width] to [rows, batch, width]."""
        shape = [-1, self.packing.batch_size, flat.shape[-1]]
        return tf.reshape(flat, shape)
