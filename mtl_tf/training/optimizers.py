"""Optimizers with sparse updates.

Parameters of tasks, labels and words absent from a step stay untouched. Keras's
optimizers update every variable densely: absent rows still move by their old
momentum, decay, and lose their second moment. Here a `tf.IndexedSlices`
gradient, as the gathers in `layers` produce, changes only its rows: weights,
moments, weight decay and step counts. Each row has its own step count, so a
task's weights receive exactly the updates they would receive without the other
tasks.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from mtl_tf.layers import tracing

Slots = dict[str, tf.Tensor]

_ACCUMULATOR = "accumulator"


@dataclasses.dataclass(frozen=True)
class Rule:
    """An update rule.

    Attributes:
      slots: initial value of each slot by name; slots have the shape of the
        variable.
      update: (gradient, slots, count) -> (direction, new slots): the variable
        changes by -learning_rate * direction; `count` is the number of updates
        including this one, broadcast against the gradient.
      decoupled_decay: whether weight decay acts on the variable itself (AdamW).
    """

    slots: dict[str, float]
    update: Callable[[tf.Tensor, Slots, tf.Tensor], tuple[tf.Tensor, Slots]]
    decoupled_decay: bool = False


def _sgd(gradient, slots, count):
    del count
    return gradient, slots


def _adagrad(gradient, slots, count):
    """Computes AdaGrad (Duchi et al. 2011)."""
    del count
    total = slots[_ACCUMULATOR] + gradient**2
    return gradient * tf.math.rsqrt(total + 1e-7), {_ACCUMULATOR: total}


def _rmsprop(gradient, slots, count):
    """Computes RMSProp (Tieleman & Hinton 2012) with decay 0.9."""
    del count
    square = 0.9 * slots["square"] + 0.1 * gradient**2
    return gradient * tf.math.rsqrt(square + 1e-7), {"square": square}


def _adam(gradient, slots, count):
    """Computes Adam (Kingma & Ba 2015, Algorithm 1).

    β1 = 0.9, β2 = 0.999, ε = 1e-7.
    """
    mean = 0.9 * slots["mean"] + 0.1 * gradient
    square = 0.999 * slots["square"] + 0.001 * gradient**2
    direction = (mean / (1 - 0.9**count)) / (
        tf.sqrt(square / (1 - 0.999**count)) + 1e-7
    )
    return direction, {"mean": mean, "square": square}


RULES = {
    "sgd": Rule({}, _sgd),
    # `Optimizer` takes another initial accumulator.
    "adagrad": Rule({_ACCUMULATOR: 0.1}, _adagrad),
    "rmsprop": Rule({"square": 0.0}, _rmsprop),
    "adam": Rule({"mean": 0.0, "square": 0.0}, _adam),
    "adamw": Rule({"mean": 0.0, "square": 0.0}, _adam, decoupled_decay=True),
}


@dataclasses.dataclass(frozen=True)
class Update:
    """New values of a variable and of its slots.

    Attributes:
      rows: int [rows], the rows that change; None: all.
      value: the new values of these rows.
      count: int64 [rows], their number of updates.
      slots: the new values of the slots by name.
    """

    rows: tf.Tensor | None
    value: tf.Tensor
    count: tf.Tensor
    slots: Slots

    def read(self, variable: tf.Variable) -> tf.Tensor:
        """Reads the rows of a variable."""
        return _read(variable, self.rows)

    def write(self, variable: tf.Variable, value: tf.Tensor) -> None:
        """Writes values to the rows of a variable."""
        if self.rows is None:
            variable.assign(value)
        else:
            variable.scatter_update(tf.IndexedSlices(value, self.rows))


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule: linear warm-up, then exponential decay.

    It needs no total number of steps, which early stopping leaves open.

    Attributes:
      learning_rate: the highest learning rate.
      warmup_steps: steps of the linear warm-up.
      decay: factor per epoch.
      steps_per_epoch: steps per epoch.
    """

    learning_rate: float
    warmup_steps: int = 0
    decay: float = 1.0
    steps_per_epoch: int = 1

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Computes the learning rate of a step.

        Args:
          step: int64 [], from 0.

        Returns:
          float32 [].
        """
        epoch = tf.cast(step // self.steps_per_epoch, tf.float32)
        warmup = tf.cast(step + 1, tf.float32) / max(1, self.warmup_steps)
        return self.learning_rate * tf.minimum(1.0, warmup) * self.decay**epoch


class Optimizer:
    """An optimizer that applies a rule to whole variables or to rows.

    Args:
      rule: one of `RULES`.
      variables: the variables by name, in a fixed order.
      schedule: the learning rate.
      initial_accumulator: where `adagrad` starts its sum of squared gradients;
        0.1 in Keras.
      weight_decay: weight decay of `adamw`: each step subtracts learning_rate *
        weight_decay * value from the rows it updates, except in biases.
      clip_norm: highest joint norm of the gradients; 0: no clipping.

    Raises:
      ValueError: if the rule is unknown, or has no weight decay.
    """

    def __init__(
        self,
        rule: str,
        variables: dict[str, tf.Variable],
        schedule: Schedule,
        *,
        initial_accumulator: float = 0.1,
        weight_decay: float = 0.0,
        clip_norm: float = 0.0,
    ):
        if rule not in RULES:
            raise ValueError(
                f"optimizer: expected one of {tuple(RULES)}, got {rule!r}"
            )
        if weight_decay and not RULES[rule].decoupled_decay:
            raise ValueError(
                f"weight_decay={weight_decay} needs optimizer=adamw, got {rule}"
            )
        self.rule = rule
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.variables_by_name = dict(variables)
        initial_slots = dict(RULES[rule].slots)
        if _ACCUMULATOR in initial_slots:
            initial_slots[_ACCUMULATOR] = initial_accumulator
        self._slots = {
            name: {
                slot: tf.Variable(tf.fill(tf.shape(variable), initial))
                for slot, initial in initial_slots.items()
            }
            for name, variable in variables.items()
        }
        # A count per row; in densely updated variables all are equal.
        self._counts = {
            name: tf.Variable(tf.zeros(variable.shape[:1], tf.int64))
            for name, variable in variables.items()
        }

    @property
    def state(self) -> dict[str, tf.Variable]:
        """All slots and counts by name, for a checkpoint."""
        state = {f"{name}/count": v for name, v in self._counts.items()}
        for name, slots in self._slots.items():
            for slot, variable in slots.items():
                state[f"{name}/{slot}"] = variable
        return state

    def apply(
        self,
        gradients: Sequence[tf.Tensor | tf.IndexedSlices | None],
        step: tf.Tensor,
    ) -> tf.Tensor:
        """Updates the variables.

        Args:
          gradients: one gradient per variable, in the constructor's order; a
            variable whose gradient is None is not updated.
          step: int64 [], from 0, for the schedule.

        Returns:
          float32 [], the joint norm of the gradients before clipping.
        """
        norm, updates = self._compute(gradients, step)
        for name, update in updates.items():
            update.write(self.variables_by_name[name], update.value)
            update.write(self._counts[name], update.count)
            for slot, value in update.slots.items():
                update.write(self._slots[name][slot], value)
        return norm

    def preview(
        self,
        gradients: Sequence[tf.Tensor | tf.IndexedSlices | None],
        step: tf.Tensor,
    ) -> "dict[str, Update]":
        """Computes the updates that `apply` would make, without making them.

        Args:
          gradients: as in `apply`.
          step: as in `apply`.

        Returns:
          The updates by name, of the variables that have a gradient.
        """
        return self._compute(gradients, step)[1]

    def _compute(self, gradients, step):
        """Returns the norm of the gradients and the updates by name."""
        learning_rate = self.schedule(step)
        summed = [
            sum_rows(gradient)
            if isinstance(gradient, tf.IndexedSlices)
            else gradient
            for gradient in gradients
        ]
        norm = tf.linalg.global_norm(
            [
                g.values if isinstance(g, tf.IndexedSlices) else g
                for g in summed
                if g is not None
            ]
        )
        scale = 1.0
        if self.clip_norm:
            scale = self.clip_norm / tf.maximum(norm, self.clip_norm)
        updates = {
            name: self._update(name, gradient, scale, learning_rate)
            for name, gradient in zip(
                self.variables_by_name, summed, strict=True
            )
            if gradient is not None
        }
        return norm, updates

    def _update(self, name, gradient, scale, learning_rate):
        """Computes the update of a variable."""
        rows = None
        if isinstance(gradient, tf.IndexedSlices):
            rows, gradient = gradient.indices, gradient.values
        variable = self.variables_by_name[name]
        value = _read(variable, rows)
        count = _read(self._counts[name], rows)
        slots = {slot: _read(v, rows) for slot, v in self._slots[name].items()}
        # By name: biases of per-task layers are matrices, too.
        is_bias = name.endswith("bias")
        step = _trace_step(
            self.rule, 0.0 if is_bias else self.weight_decay, len(value.shape)
        )
        value, count, slots = step(
            gradient * scale, value, count, slots, learning_rate
        )
        return Update(rows, value, count, slots)


@functools.cache
def _trace_step(rule, weight_decay, rank):
    """Returns the traced step of a variable, once in a process.

    Args:
      rule: one of `RULES`.
      weight_decay: as in `Optimizer`.
      rank: number of axes of the variable.

    Returns:
      A function, (gradient, value, count, slots, learning rate) -> the new
      value, count and slots.
    """

    def step(gradient, value, count, slots, learning_rate):
        count += 1
        per_row = [-1] + [1] * (rank - 1)
        direction, slots = RULES[rule].update(
            gradient,
            slots,
            tf.reshape(tf.cast(count, gradient.dtype), per_row),
        )
        if weight_decay:
            direction += weight_decay * value
        return value - learning_rate * direction, count, slots

    array = tf.TensorSpec([None] * rank)
    signature = [
        array,
        array,
        tf.TensorSpec([None], tf.int64),
        dict.fromkeys(RULES[rule].slots, array),
        tf.TensorSpec([]),
    ]
    return tracing.trace(step, signature)


def _read(variable: tf.Variable, rows: tf.Tensor | None) -> tf.Tensor:
    """Reads rows of a variable; all if `rows` is None."""
    return variable.read_value() if rows is None else tf.gather(variable, rows)


def sum_rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Sums the slices of each row: rules that square need the sum.

    Args:
      gradient: values [slices, ...], with any number of slices of a row.

    Returns:
      Values [rows, ...], one slice of each row.
    """
    rows, segments = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(
        gradient.values, segments, tf.size(rows)
    )
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
