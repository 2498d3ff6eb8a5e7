"""A long short-term memory over packed texts.

A step of the loop computes only the task batches that still have a text there,
and all those of a block at once (`packing`). The gradient is written by hand: a
loop back through time for what flows from step to step, then one product over
all steps for the weights. What TensorFlow derives from the loop would add up
the weights' gradients in each step.
"""

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf

from mtl_tf.layers import tracing
from mtl_tf.layers.packed_rnn import lstm_cell
from mtl_tf.layers.packed_rnn import lstm_loops
from mtl_tf.layers.packed_rnn import lstm_scan
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import precision as precision_lib
from mtl_tf.layers.packed_rnn import recurrence as recurrence_lib

# h and c, float32 [task_batches, batch, hidden_size] each.
State = tuple[tf.Tensor, tf.Tensor]

RESULTS = ("states", "last_hidden", "final_state")

_LENGTHS = tf.TensorSpec([None, None], tf.int32)


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
    recurrence: str = "auto",
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
      recurrence: one of `RECURRENCES`, the form of the loop.
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
    run: Callable = functools.partial(_run, for_training=for_training)
    if recurrence_lib.choose(recurrence) == "scan":
        run = lstm_scan.run
    weights = (kernel, recurrent_kernel, bias)
    states = run(
        *(inputs, weights, initial_state, packing),
        result=result,
        precision=precision,
    )
    if backwards and result == "states":
        return packing.reverse(states)
    return states


def forget_traces() -> None:
    """Forgets the traced loops, so that they are traced anew.

    When TensorFlow derives the gradient of a loop, it adds outputs to that
    loop. Loading a SavedModel that contains them prints warnings.
    """
    _trace_forward.cache_clear()


def _run(
    inputs, weights, initial_state, packing, *, result, precision, for_training
):
    """Runs an LSTM over packed rows, as `lstm_scan.run`."""
    kernel, recurrent_kernel, bias = weights
    recurrence = _Recurrence(
        input_size=inputs.shape[-1],
        hidden_size=recurrent_kernel.shape[1],
        is_shared=kernel.shape[0] == 1,
        precision=precision_lib.choose(precision, portable=not for_training),
        names=("h", "c") if result == "final_state" else ("h",),
        for_training=for_training,
    )
    weights = _join(kernel, bias, recurrent_kernel)
    h, *c = _states(
        recurrence, inputs, weights, *initial_state, packing.lengths
    )
    if result == "states":
        return h
    if result == "last_hidden":
        return packing.last(h)
    return packing.last(h), packing.last(*c)


def _join(kernel, bias, recurrent_kernel):
    """Joins the weights of [x_t; 1; h_{t-1}], with rows of zeros below bias."""
    input_size, hidden_size = kernel.shape[1], recurrent_kernel.shape[1]
    zeros = _num_rows(input_size, hidden_size) - input_size - 1 - hidden_size
    bias = tf.pad(bias[:, tf.newaxis], [[0, 0], [0, zeros], [0, 0]])
    return tf.concat([kernel, bias, recurrent_kernel], axis=1)


def _num_rows(input_size, hidden_size):
    """Returns the number of rows of joined weights, a multiple of 8.

    Products in bfloat16 are half as fast where rows are not aligned.
    """
    return -(-(input_size + 1 + hidden_size) // 8) * 8


def _states(recurrence, inputs, weights, h_0, c_0, lengths):
    """Computes the states of all steps, in training with their gradient.

    Args:
      recurrence: the recurrence.
      inputs: float32 [rows, batch, input_size], packed.
      weights: float32 [task_batches or 1, input_size + 1 or more +
        hidden_size, 4 * hidden_size], the result of `_join`.
      h_0: float32 [task_batches, batch, hidden_size].
      c_0: float32 [task_batches, batch, hidden_size].
      lengths: int32 [task_batches, batch].

    Returns:
      A list of float32 [rows, batch, hidden_size], packed, one for each of
      `recurrence.names`.
    """
    forward = _trace_forward(recurrence)
    if not recurrence.for_training:
        return forward(inputs, weights, h_0, c_0, lengths)["states"]

    @tf.custom_gradient
    def run(*arguments):
        # A tape that watches a traced function would derive a gradient of it.
        arguments = map(tf.stop_gradient, arguments)
        results = forward(*arguments, lengths)
        states = results.pop("states")

        def gradient(*upstream):
            backward = _trace_backward(recurrence)
            return backward(list(upstream), results, lengths)

        return states, gradient

    return run(inputs, weights, h_0, c_0)


@functools.cache
def _trace_forward(recurrence):
    """Returns the traced `_Recurrence.forward`.

    The LSTMs of a model, and those of models of the same sizes, differ in their
    weights alone: they share one trace until `forget_traces`.
    """
    return tracing.trace(recurrence.forward, recurrence.forward_signature)


@functools.cache
def _trace_backward(recurrence):
    """Returns the traced `_Recurrence.backward`."""
    return tracing.trace(recurrence.backward, recurrence.backward_signature)


@dataclasses.dataclass(frozen=True)
class _Recurrence:
    """The loops of a recurrence, by its sizes and types.

    Attributes:
      input_size: width of x_t.
      hidden_size: width of h_t.
      is_shared: whether all task batches have the same weights.
      precision: the precision of products.
      names: the states that it computes, `h` or `h` and `c`.
      for_training: as in `lstm`.
    """

    input_size: int
    hidden_size: int
    is_shared: bool
    precision: precision_lib.Precision
    names: tuple[str, ...]
    for_training: bool

    @property
    def forward_signature(self):
        """Specs of the arguments of `forward`."""
        state = tf.TensorSpec([None, None, self.hidden_size])
        return [
            tf.TensorSpec([None, None, self.input_size]),
            tf.TensorSpec(self._weights_shape),
            state,
            state,
            _LENGTHS,
        ]

    def forward(self, inputs, weights, h_0, c_0, lengths):
        """Runs the loop over time.

        Args:
          inputs: as in `_states`.
          weights: as in `_states`.
          h_0: as in `_states`.
          c_0: as in `_states`.
          lengths: as in `_states`.

        Returns:
          By name: the list `states`; in training also `weights`, as factors and
          by rank, and `residuals`, `Residuals.flows`.
        """
        packing = packing_lib.Packing(lengths, for_training=False)
        # A column of ones for the bias, and further ones for rows of zeros.
        num_ones = self._num_rows - self.input_size - self.hidden_size
        if not self.is_shared:
            weights = tf.gather(weights, packing.order)
        weights = self.precision.factor(weights)
        initial_state = tuple(
            packing_lib.flatten(tf.gather(state, packing.order))
            for state in (h_0, c_0)
        )
        inputs = self.precision.factor(packing_lib.flatten(inputs))
        inputs = tf.pad(inputs, [[0, 0], [0, num_ones]], constant_values=1)
        states, residuals = lstm_loops.ForwardLoop(
            inputs, weights, initial_state, packing, self.precision
        ).run(self.names, keep_residuals=self.for_training)
        results = {
            "states": [_pack(x.concat(), packing) for x in states.values()]
        }
        if self.for_training:
            results |= {"weights": weights, "residuals": residuals.flows}
        return results

    @property
    def backward_signature(self):
        """Specs of the arguments of `backward`."""
        state = tf.TensorSpec([None, None, self.hidden_size])
        results = {
            "weights": tf.TensorSpec(
                self._weights_shape, self.precision.multiplied
            ),
            "residuals": dict.fromkeys(
                lstm_loops.RESIDUALS, tf.TensorSpec([], tf.variant)
            ),
        }
        return [[state for _ in self.names], results, _LENGTHS]

    def backward(self, upstream, results, lengths):
        """Computes the gradients of the arguments of `forward`.

        Args:
          upstream: gradients of the states.
          results: what `forward` returns beside the states.
          lengths: as in `_states`.

        Returns:
          The gradients of inputs, weights, h_0 and c_0.
        """
        packing = packing_lib.Packing(lengths, for_training=False)
        weights = results["weights"]
        residuals = lstm_loops.Residuals.from_flows(
            results["residuals"], weights, self.hidden_size
        )
        upstream = map(packing_lib.flatten, upstream)
        # Without the bias, which no gradient flows through.
        flows_back = [
            weights[:, : self.input_size],
            weights[:, -self.hidden_size :],
        ]
        gradients = lstm_loops.BackwardLoop(
            dict(zip(self.names, upstream, strict=True)),
            tf.concat(flows_back, axis=1),
            residuals,
            packing,
            self.precision,
        ).run()
        dw = self._weight_gradient(
            residuals.factor.concat(), gradients.z.concat(), packing
        )
        dx = _pack(gradients.x.concat(), packing)
        dh_0, dc_0 = (
            packing.in_batch_order(_pack(x.concat(), packing))
            for x in (gradients.h_0, gradients.c_0)
        )
        return dx, dw, dh_0, dc_0

    @property
    def _num_rows(self):
        """Number of rows of the weights."""
        return _num_rows(self.input_size, self.hidden_size)

    @property
    def _weights_shape(self):
        return [
            1 if self.is_shared else None,
            self._num_rows,
            4 * self.hidden_size,
        ]

    def _weight_gradient(self, factor, dz, packing):
        """Multiplies factors with gradients of z, over all steps at once."""
        product = functools.partial(tf.matmul, transpose_a=True)
        if self.is_shared:
            dw = product(factor, dz)[tf.newaxis]
        else:
            dw = packing.in_batch_order(
                packing.map_task_batches(
                    product, _pack(factor, packing), _pack(dz, packing)
                )
            )
        return self.precision.result(lstm_cell.swap_gates(dw))


def _pack(flat, packing):
    """Reshapes [rows * batch, width] to [rows, batch, width]."""
    return tf.reshape(flat, [-1, packing.batch_size, flat.shape[-1]])
