"""Measurements in separate processes, each with its own memory."""

import contextlib
import multiprocessing
import os
import pathlib
import re
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

# Between two samples of the memory of all processes.
_SECONDS = 0.1


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


def call_with_peaks(function: Callable, *arguments) -> tuple[object, dict]:
    """Calls a function in a new process, and samples the memory of processes.

    Args:
      function: a function at the top level of a module.
      *arguments: its arguments.

    Returns:
      The result of the function, and in units of 2**20 bytes: `all_mb`, the
      peak of the sum over the new process and those that it starts, and
      `one_mb`, the peak of a single one.
    """
    peaks = {"all_mb": 0.0, "one_mb": 0.0}
    done = threading.Event()
    others = set(_descendants(os.getpid()))

    def sample():
        while not done.wait(_SECONDS):
            processes = set(_descendants(os.getpid())) - others
            sizes = [0.0, *map(_resident_mb, processes)]
            peaks["all_mb"] = max(peaks["all_mb"], sum(sizes))
            peaks["one_mb"] = max(peaks["one_mb"], max(sizes))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        return call(function, *arguments), peaks
    finally:
        done.set()
        thread.join()


def _descendants(process: int) -> Iterator[int]:
    """Yields the processes that a process has started, and what they have."""
    for path in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        # A process may end in the meantime.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for child in map(int, path.read_text("ascii").split()):
                yield child
                yield from _descendants(child)


def _resident_mb(process) -> float:
    """Returns the memory of a process, including pages that it shares."""
    try:
        text = pathlib.Path(f"/proc/{process}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # A process that has ended has no such line.
    match = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(match[1]) / 1024 if match else 0.0
