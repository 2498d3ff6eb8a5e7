"""Measurements in separate processes, each with its own memory."""

import multiprocessing
import re
from collections.abc import Callable
from concurrent import futures


def call(function: Callable, *arguments):
    """Calls a function in a new process; returns its result.

    Args:
      function: a function at the top level of a module.
      *arguments: its arguments; like its result, they must support pickle.

    Raises:
      Exception: if the function raises it.
    """
    context = multiprocessing.get_context("spawn")
    with futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        return executor.submit(function, *arguments).result()


def peak_mb() -> float:
    """Returns the peak memory of this process, in units of 2**20 bytes.

    `getrusage` would include the peak of the parent process.
    """
    with open("/proc/self/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024
