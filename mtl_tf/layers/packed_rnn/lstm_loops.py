"""The loops of an LSTM over the segments and steps of a packed batch.

All rows are flat here: [texts of a step, width] (`packing.flatten`), and all
states and weights are by rank.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from mtl_tf.layers.packed_rnn import loops
from mtl_tf.layers.packed_rnn import lstm_cell
from mtl_tf.layers.packed_rnn import packing as packing_lib
from mtl_tf.layers.packed_rnn import precision as precision_lib

# Steps of one iteration of a loop in training. The overhead of an iteration is
# a twentieth of a small step; more steps take longer to trace.
_UNROLLED = 4

# Multiplies [texts, a] with the weights of the task batches of a segment.
_Product = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Residuals:
    """Values of the forward loop for its gradient: arrays with an item a step.

    Attributes:
      factor: what the weights are multiplied with, [x_t; 1; h_{t-1}].
      previous_c: as in `lstm_cell.Step`.
      i: as in `lstm_cell.Step`.
      f: as in `lstm_cell.Step`.
      g: as in `lstm_cell.Step`.
      o: as in `lstm_cell.Step`.
      tanh_c: as in `lstm_cell.Step`.
    """

    factor: tf.TensorArray
    previous_c: tf.TensorArray
    i: tf.TensorArray
    f: tf.TensorArray
    g: tf.TensorArray
    o: tf.TensorArray
    tanh_c: tf.TensorArray

    @property
    def flows(self) -> dict[str, tf.Tensor]:
        """The flows of the arrays by name (`loops.matrix_array_from_flow`)."""
        return {name: array.flow for name, array in vars(self).items()}

    @classmethod
    def from_flows(
        cls, flows: dict[str, tf.Tensor], weights: tf.Tensor, hidden_size: int
    ) -> "Residuals":
        """Returns the residuals with these flows.

        Args:
          flows: by name.
          weights: as in `ForwardLoop`.
          hidden_size: width of h.
        """
        types = _residual_types(weights, hidden_size)
        return cls(
            **{
                name: loops.matrix_array_from_flow(dtype, columns, flows[name])
                for name, (dtype, columns) in types.items()
            }
        )

    def read(self, step: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads the values of a step that `lstm_cell.step_gradients` needs."""
        return {name: getattr(self, name).read(step) for name in _CELL_VALUES}


RESIDUALS = tuple(field.name for field in dataclasses.fields(Residuals))
_CELL_VALUES = RESIDUALS[1:]


def _residual_types(weights, hidden_size):
    """Returns dtypes and widths of the residuals by name."""
    types = dict.fromkeys(RESIDUALS, (tf.float32, hidden_size))
    return types | {"factor": (weights.dtype, weights.shape[1])}


@dataclasses.dataclass(frozen=True)
class ForwardLoop:
    """The loop over time.

    Each operation of a step counts: it runs as often as there are steps.

    Attributes:
      inputs: x_t and ones, `[x_t; 1]`, factors (`Precision.factor`), flat.
      weights: of `[x_t; 1; h_{t-1}]`, factors, [task_batches or 1, input_size +
        ones + hidden_size, 4 * hidden_size].
      initial_state: h_0 and c_0, float32, flat.
      packing: the packing of the batch.
      precision: the precision of products.
    """

    inputs: tf.Tensor
    weights: tf.Tensor
    initial_state: tuple[tf.Tensor, tf.Tensor]
    packing: packing_lib.Packing
    precision: precision_lib.Precision

    def run(
        self, states: tuple[str, ...], keep_residuals: bool
    ) -> tuple[dict[str, tf.TensorArray], Residuals | None]:
        """Runs the loop.

        Args:
          states: the states to return, `h` or `h` and `c`.
          keep_residuals: whether to return what the gradient needs.

        Returns:
          An array of each state, with one item, float32 [texts, hidden_size],
          for each step; and the residuals or None.
        """
        names = (*states, *RESIDUALS) if keep_residuals else states
        hidden_size = self.initial_state[0].shape[-1]
        no_texts = tf.zeros([0, hidden_size])
        types = {"h": (tf.float32, hidden_size), "c": (tf.float32, hidden_size)}
        types |= _residual_types(self.weights, hidden_size)
        arrays = {
            name: loops.matrix_array(*types[name], self.packing.num_steps)
            for name in names
        }
        *_, arrays = loops.for_each(
            0,
            self.packing.num_segments,
            self._run_segment,
            no_texts,
            no_texts,
            arrays,
        )
        residuals = None
        if keep_residuals:
            residuals = Residuals(**{x: arrays[x] for x in RESIDUALS})
        return {name: arrays[name] for name in states}, residuals

    def _run_segment(self, index, h, c, arrays):
        """Runs the steps of a segment; states are those of the one before."""
        segment = self.packing.segment(index)
        h, c = (
            tf.concat(
                [state[: segment.num_continued], initial[segment.starting]],
                axis=0,
            )
            for state, initial in zip((h, c), self.initial_state, strict=True)
        )
        product = _product(self.weights, segment, self.packing)

        def step(index, start, h, c, arrays):
            end = start + segment.num_texts
            x = tf.strided_slice(self.inputs, start, end)
            factor = tf.concat([x, self.precision.factor(h)], axis=-1)
            z = self.precision.result(product(factor))
            values = {"factor": factor, **lstm_cell.step(z, c)._asdict()}
            arrays = {
                name: array.write(index, values[name])
                for name, array in arrays.items()
            }
            return end, values["h"], values["c"], arrays

        _, *values = loops.for_each(
            segment.first_step,
            segment.end_step,
            step,
            segment.start,
            h,
            c,
            arrays,
            unrolled=_UNROLLED if "factor" in arrays else 1,
        )
        return values


class Gradients(NamedTuple):
    """Results of the backward loop: arrays with an item a step or segment.

    Attributes:
      z: gradients of z_t, factors, in the order of `lstm_cell.swap_gates`.
      x: gradients of x_t.
      h_0: gradients of the initial h of texts that start in a segment.
      c_0: gradients of the initial c of texts that start in a segment.
    """

    z: tf.TensorArray
    x: tf.TensorArray
    h_0: tf.TensorArray
    c_0: tf.TensorArray


@dataclasses.dataclass(frozen=True)
class BackwardLoop:
    """The loop back through time.

    Attributes:
      upstream: flat gradients of `h` in all steps, or of `h` and of `c`.
      weights: of `[x_t; h_{t-1}]`, factors, [task_batches or 1, input_size +
        hidden_size, 4 * hidden_size].
      residuals: what the forward loop has kept.
      packing: the packing of the batch.
      precision: the precision of products.
    """

    upstream: dict[str, tf.Tensor]
    weights: tf.Tensor
    residuals: Residuals
    packing: packing_lib.Packing
    precision: precision_lib.Precision

    def run(self) -> Gradients:
        """Runs the loop from the last segment to the first."""
        input_size, hidden_size = self._sizes
        num_steps = self.packing.num_steps
        num_segments = self.packing.num_segments
        no_texts = tf.zeros([0, hidden_size])
        transposed = lstm_cell.swap_gates(
            tf.transpose(self.weights, [0, 2, 1]), axis=1
        )
        array = loops.matrix_array
        _, _, gradients = loops.for_each(
            0,
            num_segments,
            lambda *values: self._run_segment(transposed, *values),
            no_texts,
            no_texts,
            Gradients(
                z=array(self.weights.dtype, 4 * hidden_size, num_steps),
                x=array(tf.float32, input_size, num_steps),
                h_0=array(tf.float32, hidden_size, num_segments),
                c_0=array(tf.float32, hidden_size, num_segments),
            ),
            backwards=True,
        )
        return gradients

    def _run_segment(self, transposed, index, dh, dc, gradients):
        """Runs the steps of a segment; dh and dc are of the one after it."""
        segment = self.packing.segment(index)
        # Texts that end with this segment have no gradient from beyond.
        padding = [[0, segment.num_texts[0] - tf.shape(dh)[0]], [0, 0]]
        product = _product(transposed, segment, self.packing)

        def step(index, end, dh, dc, dz_array, dx_array):
            start = end - segment.num_texts
            dh += tf.strided_slice(self.upstream["h"], start, end)
            if "c" in self.upstream:
                dc += tf.strided_slice(self.upstream["c"], start, end)
            dz, dc = lstm_cell.step_gradients(
                dh, dc, self.residuals.read(index)
            )
            dz = self.precision.factor(dz)
            dx, dh = tf.split(
                self.precision.result(product(dz)), self._sizes, axis=-1
            )
            dz_array = dz_array.write(index, dz)
            return start, dh, dc, dz_array, dx_array.write(index, dx)

        _, dh, dc, dz_array, dx_array = loops.for_each(
            segment.first_step,
            segment.end_step,
            step,
            segment.end,
            tf.pad(dh, padding),
            tf.pad(dc, padding),
            gradients.z,
            gradients.x,
            backwards=True,
            unrolled=_UNROLLED,
        )
        continued = segment.num_continued
        gradients = Gradients(
            z=dz_array,
            x=dx_array,
            h_0=gradients.h_0.write(index, dh[continued:]),
            c_0=gradients.c_0.write(index, dc[continued:]),
        )
        return dh[:continued], dc[:continued], gradients

    @property
    def _sizes(self):
        """Widths of x_t and of h_{t-1}."""
        hidden_size = self.weights.shape[-1] // 4
        return self.weights.shape[1] - hidden_size, hidden_size


def _product(weights, segment, packing) -> _Product:
    """Makes the product with the weights of a segment.

    Args:
      weights: [task_batches or 1, a, b].
      segment: the segment.
      packing: the packing of the batch.

    Returns:
      A function, [texts, a] -> [texts, b].
    """
    num_task_batches, a, b = weights.shape
    if num_task_batches == 1:
        return functools.partial(tf.matmul, b=weights[0])
    weights = weights[segment.ranks]
    by_task_batch = tf.stack([-1, packing.batch_size, a])

    def product(rows):
        result = tf.matmul(tf.reshape(rows, by_task_batch), weights)
        return tf.reshape(result, [-1, b])

    return product
