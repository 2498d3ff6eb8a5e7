"""Description of the machine and its rate of matrix products.

    python -m benchmarks.machine LIBRARY

prints, as JSON, the best rates of float32 and bfloat16 products of a library
(numpy, tensorflow or torch) in operations per second, over `SHAPES`.
"""

import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable

import numpy as np

# Imported by name, one per process: not all of them need to be installed.
LIBRARIES = ("numpy", "tensorflow", "torch")
# Rows, inner size, columns: square matrices, and those of an LSTM.
SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 300, 400))
# Number of independent products in one measurement.
PRODUCTS = 4
SECONDS = 0.5


def describe() -> dict:
    """Describes the machine: processor, cores, memory in GB."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(pages * size / 1e9, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            fields = dict(
                map(str.strip, line.split(":", 1))
                for line in file
                if ":" in line
            )
    except FileNotFoundError:
        return platform.processor()
    # A virtual machine may hide the model's name, but not its number.
    return (
        f"{fields.get('model name', '')} (family {fields.get('cpu family')}, "
        f"model {fields.get('model')})"
    )


def rates(library: str) -> dict[str, float]:
    """Measures the best rates in operations per second, by precision.

    Args:
      library: one of `LIBRARIES`.
    """
    best = {}
    for precision in ("float32", "bfloat16"):
        if (library, precision) == ("numpy", "bfloat16"):
            continue
        best[precision] = max(
            2 * np.prod(shape) * PRODUCTS / _seconds(library, precision, shape)
            for shape in SHAPES
        )
    return best


def _seconds(library, precision, shape):
    """Measures the shortest time of a call within `SECONDS`."""
    random = np.random.default_rng(0)
    rows, inner, columns = shape
    pairs = [
        (
            random.standard_normal((rows, inner), np.float32),
            random.standard_normal((inner, columns), np.float32),
        )
        for _ in range(PRODUCTS)
    ]
    multiply = _MULTIPLY[library](pairs, precision)
    multiply()
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        multiply()
        best = min(best, time.perf_counter() - start)
    return best


def _multiply_numpy(pairs, precision) -> Callable[[], object]:
    del precision
    return lambda: [np.matmul(a, b) for a, b in pairs]


def _multiply_tensorflow(pairs, precision) -> Callable[[], object]:
    tf = importlib.import_module("tensorflow")
    tensors = [[tf.cast(x, precision) for x in pair] for pair in pairs]

    @tf.function
    def multiply(tensors):
        # Small outputs that depend on every product.
        return [tf.reduce_max(tf.matmul(a, b)) for a, b in tensors]

    return lambda: [x.numpy() for x in multiply(tensors)]


def _multiply_torch(pairs, precision) -> Callable[[], object]:
    torch = importlib.import_module("torch")
    torch.set_num_threads(os.cpu_count())
    tensors = [
        [torch.from_numpy(x).to(getattr(torch, precision)) for x in pair]
        for pair in pairs
    ]
    return lambda: [torch.matmul(a, b) for a, b in tensors]


_MULTIPLY = {
    "numpy": _multiply_numpy,
    "tensorflow": _multiply_tensorflow,
    "torch": _multiply_torch,
}


if __name__ == "__main__":
    print(json.dumps(rates(sys.argv[1])))
