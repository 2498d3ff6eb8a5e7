"""Optimizers that leave what a step does not contain as it was.

Keras's optimizers update every variable as a whole: a task that is absent from
a step, or a word that does not occur in it, still moves by its old momentum,
decays, and loses its second moment. Here a gradient that comes as
`tf.IndexedSlices`, as the gathers of `layers` give it, touches the rows it
names: weights, moments, weight decay and step count alike. Each row has a step
count of its own, so that a task's weights go through exactly the updates they
would go through if the other tasks were not there.
"""

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

Slots = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Rule:
    """An update rule.

    Attributes:
      slots: start value of each slot, by name; slots have the shape of the
        variable.
      update: (gradient, slots, count) -> (direction, new slots): the variable
        moves by -learning_rate * direction; `count` is the number of updates
        with this one, broadcast against the gradient.
      decoupled_decay: weight decay acts on the variable itself (AdamW).
    """

    slots: dict[str, float]
    update: Callable[[tf.Tensor, Slots, tf.Tensor], tuple[tf.Tensor, Slots]]
    decoupled_decay: bool = False


def _sgd(gradient, slots, count):
    del count
    return gradient, slots


def _adagrad(gradient, slots, count):
    """Duchi et al. 2011, with the accumulator's start of 0.1 as in Keras."""
    del count
    total = slots["total"] + gradient**2
    return gradient * tf.math.rsqrt(total + 1e-7), {"total": total}


def _rmsprop(gradient, slots, count):
    """Tieleman & Hinton 2012, decay 0.9."""
    del count
    square = 0.9 * slots["square"] + 0.1 * gradient**2
    return gradient * tf.math.rsqrt(square + 1e-7), {"square": square}


def _adam(gradient, slots, count):
    """Kingma & Ba 2015, Algorithm 1, β1 = 0.9, β2 = 0.999, ε = 1e-7."""
    mean = 0.9 * slots["mean"] + 0.1 * gradient
    square = 0.999 * slots["square"] + 0.001 * gradient**2
    direction = (mean / (1 - 0.9**count)) / (
        tf.sqrt(square / (1 - 0.999**count)) + 1e-7
    )
    return direction, {"mean": mean, "square": square}


RULES = {
    "sgd": Rule({}, _sgd),
    "adagrad": Rule({"total": 0.1}, _adagrad),
    "rmsprop": Rule({"square": 0.0}, _rmsprop),
    "adam": Rule({"mean": 0.0, "square": 0.0}, _adam),
    "adamw": Rule({"mean": 0.0, "square": 0.0}, _adam, decoupled_decay=True),
}


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Learning rate by step.

    It needs no end, since training stops when dev does: a linear warm-up, then
    a factor after each epoch.

    Attributes:
      learning_rate: its highest value.
      warmup_steps: steps of the linear warm-up.
      decay: factor of each epoch.
      steps_per_epoch: length of an epoch.
    """

    learning_rate: float
    warmup_steps: int = 0
    decay: float = 1.0
    steps_per_epoch: int = 1

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """float32: the rate of this step; `step` is int64, from 0."""
        epoch = tf.cast(step // self.steps_per_epoch, tf.float32)
        warm = tf.cast(step + 1, tf.float32) / max(1, self.warmup_steps)
        return self.learning_rate * tf.minimum(1.0, warm) * self.decay**epoch


class Optimizer:
    """Applies a rule to variables, whole or by row.

    Args:
      rule: one of `RULES`.
      variables: the variables (`tf.Variable`) by name, in a fixed order.
      schedule: learning rate.
      weight_decay: of `adamw`: each step takes learning_rate * weight_decay *
        value from every row that it touches, biases apart.
      clip_norm: gradients are scaled down so that their joint norm is at most
        this; 0 is off.

    Raises:
      ValueError: if there is no such rule, or it has no weight decay.
    """

    def __init__(
        self,
        rule: str,
        variables: dict[str, tf.Variable],
        schedule: Schedule,
        *,
        weight_decay: float = 0.0,
        clip_norm: float = 0.0,
    ):
        if rule not in RULES:
            raise ValueError(f"optimizer: one of {tuple(RULES)}, got {rule!r}")
        self.rule = RULES[rule]
        if weight_decay and not self.rule.decoupled_decay:
            raise ValueError(
                f"weight_decay={weight_decay} belongs to optimizer=adamw, not "
                f"to {rule}"
            )
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.variables_by_name = dict(variables)
        self._slots = {
            name: {
                slot: tf.Variable(tf.fill(tf.shape(variable), start))
                for slot, start in self.rule.slots.items()
            }
            for name, variable in variables.items()
        }
        # One count a row; a variable that is always updated whole has the
        # same count in all of them.
        self._counts = {
            name: tf.Variable(tf.zeros(variable.shape[:1], tf.int64))
            for name, variable in variables.items()
        }

    @property
    def state(self) -> dict[str, tf.Variable]:
        """Every slot and count by name, for a checkpoint."""
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
          gradients: one a variable, in the order given to the constructor;
            None leaves the variable alone.
          step: int64, from 0, for the schedule.

        Returns:
          float32: the joint norm of the gradients before clipping.
        """
        learning_rate = self.schedule(step)
        summed = [
            _sum_rows(gradient)
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
        for name, gradient in zip(self.variables_by_name, summed, strict=True):
            if gradient is not None:
                self._update(name, gradient, scale, learning_rate)
        return norm

    def _update(self, name, gradient, scale, learning_rate):
        rows = None
        if isinstance(gradient, tf.IndexedSlices):
            rows, gradient = gradient.indices, gradient.values
        variable = self.variables_by_name[name]
        counts = self._counts[name]

        def read(v):
            return v.read_value() if rows is None else tf.gather(v, rows)

        def write(v, value):
            if rows is None:
                v.assign(value)
            else:
                v.scatter_update(tf.IndexedSlices(value, rows))

        value, count = read(variable), read(counts) + 1
        slots = {slot: read(v) for slot, v in self._slots[name].items()}
        per_row = [-1] + [1] * (len(variable.shape) - 1)
        direction, slots = self.rule.update(
            gradient * scale,
            slots,
            tf.reshape(tf.cast(count, gradient.dtype), per_row),
        )
        # By name: the biases of stacked layers are matrices too.
        if self.weight_decay and not name.endswith("bias"):
            direction += self.weight_decay * value
        write(variable, value - learning_rate * direction)
        write(counts, count)
        for slot, new in slots.items():
            write(self._slots[name][slot], new)


def _sum_rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Each row once: a rule that squares must see the sum of its parts."""
    rows, place = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
