"""A process for each measurement: its memory is its own."""

import multiprocessing
import re
from collections.abc import Callable
from concurrent import futures


def call(function: Callable, *arguments):
    """The result of a function, called in a fresh process.

    Args:
      function: one of a module's top level.
      *arguments: what it is called with; as its result, of types that pickle.

    Raises:
      Exception: what the function raised.
    """
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        return executor.submit(function, *arguments).result()


def peak_mb() -> float:
    """Most memory that this process has had at once, in 2**20 bytes.

    What `getrusage` says begins with the peak of the process that started it.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024
