"""Processes of a tf.data service on this machine."""

import contextlib
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from tests.helpers import preloaded_python

_ROOT = pathlib.Path(__file__).parents[2]
_TIMEOUT = 60


class Service(NamedTuple):
    """A service with its address, and the processes of its workers."""

    address: str
    workers: list[subprocess.Popen]


@contextlib.contextmanager
def service(folder: pathlib.Path, num_workers: int = 2) -> Iterator[Service]:
    """Starts a dispatcher and workers, which do not outlive the context.

    Args:
      folder: where their output goes.
      num_workers: number of workers.
    """
    processes = []

    def start(name, *arguments):
        path = folder / f"{name}.log"
        with path.open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [
                        preloaded_python.executable(),
                        *("-m", "mtl_tf.data.service_process", *arguments),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=_ROOT,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                )
            )
        return _address(path, processes[-1])

    try:
        address = start("dispatcher")
        for index in range(num_workers):
            start(f"worker{index}", f"--dispatcher={address}")
        yield Service(address, processes[1:])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(_TIMEOUT)


def _address(path, process):
    """Waits until a process has logged the address that it listens at."""
    end = time.monotonic() + _TIMEOUT
    while True:
        log = path.read_text("utf-8")
        if match := re.search(r"listens at (localhost:\d+)\n", log):
            return match[1]
        assert process.poll() is None, log
        assert time.monotonic() < end, log
        time.sleep(0.05)
