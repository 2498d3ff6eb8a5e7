"""Child processes that do not outlive their parent."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from typing import IO


class ChildProcesses:
    """Child processes that threads wait for and that can be ended together."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self._ended = False

    def run(self, arguments: Sequence[str], output: IO) -> int:
        """Runs a process until it exits.

        Args:
          arguments: program and arguments.
          output: file for its standard output and standard error.

        Returns:
          Its exit status; if below 0, the signal that ended it.

        Raises:
          RuntimeError: after `end`.
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
        """Terminates all processes without waiting; no more can be started."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Makes SIGTERM raise SystemExit, so that child processes are ended.

    By default it ends the process at once and leaves its children running. An
    existing handler is kept, such as that of `interruption.raised`, under which
    commands run; other threads than the main one have none.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def leave(number, frame):
        del frame
        # As in shells.
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
