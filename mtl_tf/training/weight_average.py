"""An exponential moving average of a model's weights."""

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf


class WeightAverage:
    """An exponential moving average of weights (Polyak & Juditsky 1992).

        average = decay * average + (1 - decay) * weight

    It is dense: weights that a step does not change move their average, too.
    In the first steps, `decay` is at most (1 + step) / (10 + step): the start
    soon has no weight.

    Args:
      weights: the weights by name.
      decay: from 0 to below 1; 0: there is no average, and nothing is swapped.
    """

    def __init__(self, weights: Mapping[str, tf.Variable], decay: float):
        self._weights = dict(weights) if decay else {}
        self._decay = decay
        self.averages = {
            name: tf.Variable(weight, trainable=False)
            for name, weight in self._weights.items()
        }

    def update(self, step: tf.Tensor) -> None:
        """Adds the current weights.

        Args:
          step: int64 [], from 0.
        """
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1 + step) / (10 + step))
        for name, weight in self._weights.items():
            average = self.averages[name]
            average.assign_sub((1 - decay) * (average - weight))

    def restart(self) -> None:
        """Starts again from the current weights."""
        for name, weight in self._weights.items():
            self.averages[name].assign(weight)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Swaps weights and averages while the context is active."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self):
        for name, weight in self._weights.items():
            average = self.averages[name]
            value = tf.identity(weight)
            weight.assign(average)
            average.assign(value)
