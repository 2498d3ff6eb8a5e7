"""A long short-term memory over padded texts, compiled by XLA.

It takes and returns packed rows, as `lstm_ops` does. In between, the texts are
dense, `[time, task_batches, batch, width]`, and all of them take all steps. The
state is carried through padding, so that the state of the last step is that of
each text's last token.

XLA compiles a program for each shape that it meets. Sizes are rounded up to few
(`round_up`), and there is one program for all results: it keeps h and c of all
steps, which are also all that the gradient needs.
"""

import dataclasses
import functools

import tensorflow as tf

from mtl_tf.layers import tracing
from mtl_tf.layers.packed_rnn import lstm_cell
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import precision as precision_lib

# 1, 2, 3, 4, 6, 8, 12, 16, ...: at most a third of a size is padding.
_SIZES = sorted(
    {2**n for n in range(31)} | {3 * 2**n for n in range(29)}  # below 2**31
)


def round_up(size: tf.Tensor) -> tf.Tensor:
    """Rounds a size, int32, up to a power of two or three times one."""
    sizes = tf.constant(_SIZES)
    return tf.reduce_min(tf.where(sizes >= size, sizes, _SIZES[-1]))


def run(
    inputs: tf.Tensor,
    weights: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    initial_state: tuple[tf.Tensor, tf.Tensor],
    packing: packing_lib.Packing,
    *,
    result: str,
    precision: str,
) -> tf.Tensor | tuple[tf.Tensor, tf.Tensor]:
    """Runs an LSTM from the first step to the last.

    Args:
      inputs: as in `lstm_ops.lstm`.
      weights: kernel, recurrent kernel and bias, as there.
      initial_state: h_0 and c_0, as there.
      packing: the packing of the batch.
      result: as there.
      precision: as there. XLA adds up in float32 on every device.

    Returns:
      As there.
    """
    num_task_batches = tf.size(packing.order)
    num_steps = round_up(packing.seq_len)
    # Zeros beyond the sizes of the batch.
    task_batch_padding = [0, round_up(num_task_batches) - num_task_batches]
    text_padding = [0, round_up(packing.batch_size) - packing.batch_size]
    of_texts = [task_batch_padding, text_padding]
    is_shared = weights[0].shape[0] == 1
    if not is_shared:
        weights = tuple(
            tf.pad(x, [task_batch_padding, *[[0, 0]] * (len(x.shape) - 1)])
            for x in weights
        )
    unpacked = tf.transpose(packing.unpack(inputs, num_steps), [1, 0, 2, 3])
    h, c = _states(
        _Scan(
            input_size=inputs.shape[-1],
            hidden_size=weights[1].shape[1],
            is_shared=is_shared,
            precision=precision_lib.NATIVE[precision],
        ),
        tf.pad(unpacked, [[0, 0], *of_texts, [0, 0]]),
        *weights,
        *(tf.pad(x, [*of_texts, [0, 0]]) for x in initial_state),
        tf.pad(packing.lengths, of_texts),
    )
    if result == "states":
        h = h[:, :num_task_batches, : packing.batch_size]
        return packing.pack(tf.transpose(h, [1, 0, 2, 3]))
    last = [x[-1, :num_task_batches, : packing.batch_size] for x in (h, c)]
    return last[0] if result == "last_hidden" else tuple(last)


def _states(scan, *arguments):
    """Computes the states of all steps, with their gradient.

    Args:
      scan: the recurrence.
      *arguments: those of `_Scan.forward`.

    Returns:
      h and c, float32 [time, task_batches, batch, hidden_size].
    """
    *arguments, lengths = arguments

    @tf.custom_gradient
    def compute(*arguments):
        # A tape that watches a traced function would derive a gradient of it.
        arguments = list(map(tf.stop_gradient, arguments))
        states = _trace_forward(scan)(*arguments, lengths)

        def gradient(*upstream):
            return _trace_backward(scan)(
                [*arguments, lengths], list(states), list(upstream)
            )

        return states, gradient

    return compute(*arguments)


@functools.cache
def _trace_forward(scan):
    """Returns the traced `_Scan.forward`, once in a process."""
    return tracing.trace(scan.forward, scan.signature, jit_compile=True)


@functools.cache
def _trace_backward(scan):
    """Returns the traced `_Scan.backward`, once in a process."""
    states = [tf.TensorSpec([None, None, None, scan.hidden_size])] * 2
    return tracing.trace(
        scan.backward, [scan.signature, states, states], jit_compile=True
    )


@dataclasses.dataclass(frozen=True)
class _Scan:
    """The loops of a recurrence, by its sizes and types.

    Each kernel of a step counts: XLA joins all but the product into few.

    Attributes:
      input_size: width of x_t.
      hidden_size: width of h_t.
      is_shared: whether all task batches have the same weights.
      precision: the precision of products.
    """

    input_size: int
    hidden_size: int
    is_shared: bool
    precision: precision_lib.Precision

    @property
    def signature(self):
        """Specs of the arguments of `forward`."""
        weight_sets = 1 if self.is_shared else None
        state = tf.TensorSpec([None, None, self.hidden_size])
        return [
            tf.TensorSpec([None, None, None, self.input_size]),
            tf.TensorSpec([weight_sets, self.input_size, 4 * self.hidden_size]),
            tf.TensorSpec(
                [weight_sets, self.hidden_size, 4 * self.hidden_size]
            ),
            tf.TensorSpec([weight_sets, 4 * self.hidden_size]),
            state,
            state,
            tf.TensorSpec([None, None], tf.int32),
        ]

    def forward(
        self, inputs, kernel, recurrent_kernel, bias, h_0, c_0, lengths
    ):
        """Runs the loop over time.

        Args:
          inputs: x, float32 [time, task_batches, batch, input_size], of any
            value beyond the end of a text.
          kernel: float32 [task_batches or 1, input_size, 4 * hidden_size].
          recurrent_kernel: float32 [task_batches or 1, hidden_size, 4 *
            hidden_size].
          bias: float32 [task_batches or 1, 4 * hidden_size].
          h_0: float32 [task_batches, batch, hidden_size].
          c_0: float32 [task_batches, batch, hidden_size].
          lengths: int32 [task_batches, batch].

        Returns:
          h and c, float32 [time, task_batches, batch, hidden_size]: beyond the
          end of a text, those of its last token.
        """
        num_steps = tf.shape(inputs)[0]
        mask = _mask(lengths, num_steps)
        z = self._input_product(inputs, kernel, bias, mask)
        z_array, mask_array = _arrays(z, mask)

        def step(index, h, c, h_array, c_array):
            z = z_array.read(index) + self._product(h, recurrent_kernel)
            h, c = _step(z, mask_array.read(index), h, c)
            return (
                *(index + 1, h, c),
                *(h_array.write(index, h), c_array.write(index, c)),
            )

        empty = self._empty_array(num_steps, self.hidden_size)
        *_, h_array, c_array = _loop(num_steps, step, h_0, c_0, empty, empty)
        return h_array.stack(), c_array.stack()

    def backward(self, arguments, states, upstream):
        """Computes the gradients of the arguments of `forward`.

        The products of all steps, forward and back, are one product each. The
        loop has the rest, and the product that flows from step to step.

        Args:
          arguments: those of `forward`.
          states: its results.
          upstream: their gradients.

        Returns:
          The gradients of all arguments but the lengths.
        """
        inputs, kernel, recurrent_kernel, bias, h_0, c_0, lengths = arguments
        h, c = states
        num_steps = tf.shape(inputs)[0]
        mask = _mask(lengths, num_steps)
        previous_h = tf.concat([h_0[tf.newaxis], h[:-1]], axis=0)
        previous_c = tf.concat([c_0[tf.newaxis], c[:-1]], axis=0)
        z = self._input_product(inputs, kernel, bias, mask)
        z += self._product(previous_h, recurrent_kernel)
        transposed = tf.transpose(recurrent_kernel, [0, 2, 1])
        arrays = _arrays(z, previous_h, previous_c, mask)
        upstream_arrays = _arrays(*upstream)

        def step(index, dh, dc, dz_array):
            time = num_steps - 1 - index
            *values, mask = (array.read(time) for array in arrays)
            of_h, of_c = (array.read(time) for array in upstream_arrays)
            dz, dh, dc = _step_gradients(values, mask, dh + of_h, dc + of_c)
            dh += self._product(dz, transposed)
            return index + 1, dh, dc, dz_array.write(time, dz)

        empty = self._empty_array(num_steps, 4 * self.hidden_size)
        zeros = tf.zeros_like(h_0)
        _, dh_0, dc_0, dz_array = _loop(num_steps, step, zeros, zeros, empty)
        gradients = tf.gradients(
            z, [inputs, kernel, recurrent_kernel, bias], dz_array.stack()
        )
        return *gradients, dh_0, dc_0

    def _input_product(self, inputs, kernel, bias, mask):
        """Computes W x_t + b of all steps."""
        # Beyond the end of a text there may be infinities.
        inputs = tf.where(mask, inputs, tf.zeros_like(inputs))
        return self._product(inputs, kernel) + bias[:, tf.newaxis]

    def _product(self, rows, weights):
        """Multiplies the rows of each task batch with its weights.

        Args:
          rows: float32 [task_batches, batch, a], or those of all steps,
            [time, task_batches, batch, a].
          weights: float32 [task_batches or 1, a, b].

        Returns:
          As `rows`, with b instead of a.
        """
        axes = "tkb"[1 - len(rows.shape) :]
        by_task_batch = "k"
        if self.is_shared:
            weights, by_task_batch = weights[0], ""
        product = tf.einsum(
            f"{axes}i,{by_task_batch}io->{axes}o",
            self.precision.factor(rows),
            self.precision.factor(weights),
        )
        return self.precision.result(product)

    def _empty_array(self, num_steps, width):
        """Makes an array for a matrix of each task batch and step."""
        return tf.TensorArray(
            tf.float32, num_steps, element_shape=[None, None, width]
        )


def _mask(lengths, num_steps):
    """Masks tokens, bool [time, task_batches, batch, 1]."""
    steps = tf.range(num_steps)[:, tf.newaxis, tf.newaxis]
    return (steps < lengths)[..., tf.newaxis]


def _arrays(*by_step):
    """Divides tensors into steps: a `tf.TensorArray` of each."""
    return [
        tf.TensorArray(tensor.dtype, tf.shape(tensor)[0]).unstack(tensor)
        for tensor in by_step
    ]


def _loop(num_steps, step, *values):
    """Calls a function for each step; XLA knows their number beforehand."""
    return tf.while_loop(
        lambda index, *_: index < num_steps,
        step,
        (0, *values),
        maximum_iterations=num_steps,
    )


def _step(z, mask, h, c):
    """Computes h_t and c_t: those of the step before beyond a text's end."""
    values = lstm_cell.step(z, c)
    return tf.where(mask, values.h, h), tf.where(mask, values.c, c)


def _step_gradients(values, mask, dh, dc):
    """Computes the gradients of z_t, h_{t-1} and c_{t-1}, except through z_t.

    Args:
      values: z_t, h_{t-1} and c_{t-1}.
      mask: bool [task_batches, batch, 1].
      dh: gradient of h_t.
      dc: gradient of c_t.
    """
    z, h, c = values
    # Not by a tape: none records while `tracing.trace` traces.
    return tf.gradients(_step(z, mask, h, c), values, [dh, dc])
