"""Release of the gradient functions that TensorFlow registers."""

import contextlib
from collections.abc import Iterator

from tensorflow.python.framework import ops

# Names that `tf.custom_gradient` makes up, one for each call in a graph.
_PREFIX = "CustomGradient-"


@contextlib.contextmanager
def released() -> Iterator[None]:
    """Forgets the custom gradients that a block traces.

    Within a graph, `tf.custom_gradient` registers its gradient function for
    the lifetime of the process, and the function holds the graph: about 60 MB
    for a training step. Only a gradient that is taken of the graph after the
    block would look it up.
    """
    registry = ops.gradient_registry._registry
    known = set(registry)
    try:
        yield
    finally:
        for name in registry.keys() - known:
            if name.startswith(_PREFIX):
                del registry[name]
