"""Matrix products of a given precision, with equal results on all processors.

A product in bfloat16 has factors and a result that are rounded to bfloat16, and
sums in float32. TensorFlow computes it so where oneDNN has kernels for the
processor (AVX-512), and on GPUs. Elsewhere its kernels also round the partial
sums, and half of the results differ. There the rounded factors are multiplied
in float32.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

PRECISIONS = ("float32", "bfloat16")


class Precision(NamedTuple):
    """The types of a product.

    Attributes:
      rounded: type that factors and results are rounded to.
      multiplied: type in which the rounded factors are multiplied.
    """

    rounded: tf.DType
    multiplied: tf.DType

    def factor(self, tensor: tf.Tensor) -> tf.Tensor:
        """Rounds a factor of a product."""
        return tf.cast(tf.cast(tensor, self.rounded), self.multiplied)

    def result(self, product: tf.Tensor) -> tf.Tensor:
        """Rounds a product of rounded factors; returns it in float32."""
        return tf.cast(tf.cast(product, self.rounded), tf.float32)


# Correct on machines that have native products of the precision.
NATIVE = {name: Precision(*[tf.as_dtype(name)] * 2) for name in PRECISIONS}
# Correct on every machine.
PORTABLE = {
    name: Precision(tf.as_dtype(name), tf.float32) for name in PRECISIONS
}


def choose(name: str, *, portable: bool = False) -> Precision:
    """Returns the types of the fastest correct products of a precision.

    Args:
      name: one of `PRECISIONS`.
      portable: whether the graph may run on another machine.
    """
    if portable or name == "float32":
        return PORTABLE[name]
    return NATIVE[name] if _has_native_bfloat16() else PORTABLE[name]


@functools.cache
def _has_native_bfloat16() -> bool:
    """Measures this machine, once in a process."""
    # Models are traced; the measurement must not be part of their graphs.
    with tf.init_scope():
        is_native = sums_in_float32(tf.matmul)
    if not is_native:
        logging.warning(
            "precision=bfloat16: TensorFlow's own bfloat16 products do not add "
            "up in float32 on this processor. Factors and results are rounded "
            "to bfloat16 and multiplied in float32, which is not faster than "
            "precision=float32."
        )
    return is_native


def sums_in_float32(
    product: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> bool:
    """Checks that products of bfloat16 matrices are summed in float32.

    Args:
      product: a function like `tf.matmul`, of a pair or of a batch of pairs of
        matrices, which returns bfloat16.
    """
    random = np.random.default_rng(0)
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((8, 1000), (1000, 32)),
        ((2, 8, 1000), (2, 1000, 32)),
    ]
    shares = [
        _share_of_exact(product, *(random.normal(0.03, 0.03, x) for x in pair))
        for pair in shapes
    ]
    # With partial sums in bfloat16 about half of the results are exact. With
    # sums in float32 a few are not: those halfway between two numbers may be
    # rounded to either.
    return min(shares) > 0.95


def _share_of_exact(product, *factors):
    """Returns the share of results that equal the true sums, rounded once."""
    factors = [tf.cast(factor, tf.bfloat16) for factor in factors]
    exact = np.matmul(*(tf.cast(x, tf.float64).numpy() for x in factors))
    rounded = tf.cast(exact, tf.bfloat16).numpy()
    return np.mean(product(*factors).numpy() == rounded)
