"""Processes that a process starts, and that do not outlive it."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import IO


class ChildProcesses:
    """Processes that threads wait for, and that can be ended together."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self._ended = False

    def run(self, arguments: Sequence[str], output: IO) -> int:
        """Runs a process to its end.

        Args:
          arguments: program and arguments.
          output: file that takes what it prints.

        Returns:
          Its exit status; below 0, the signal that ended it.

        Raises:
          RuntimeError: after `end`, which none may escape.
        """
        with self._lock:
            if self._ended:
                raise RuntimeError("the processes have been ended")
            process = subprocess.Popen(
                arguments, stdout=output, stderr=subprocess.STDOUT
            )
            self._running.add(process)
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)

    def end(self) -> None:
        """Ends all that run, without waiting; no more are started."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """SIGTERM meanwhile raises SystemExit, so that there is time to clean up.

    It would end the process on the spot, and leave its children running. A
    handler that is there stays; threads other than the main one have none.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def leave(number, frame):
        del frame
        # As a shell gives it.
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
