"""Signals that end a program: the first one in order, the second at once."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM) + (
    (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
)
# `timeout`, and a terminal together with a parent process, send the same
# signal twice in a row.
_ONE_SIGNAL_SECONDS = 0.5
_received = None


class Interrupted(KeyboardInterrupt):
    """A signal, at the point of the program where it arrived.

    Attributes:
      number: its number.
      status: exit status of a program that it ends, as shells give it.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.status = 128 + number


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Makes signals raise `Interrupted`, once; a second one ends the process.

    An ignored signal stays ignored, as `nohup` wants it. Threads other than
    the main one cannot handle signals: there, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _received
    first = None

    def handle(number, frame):
        del frame
        global _received
        nonlocal first
        if first is None:
            first, _received = time.monotonic(), number
            raise Interrupted(number)
        if time.monotonic() - first > _ONE_SIGNAL_SECONDS:
            os._exit(128 + number)

    before = {
        number: signal.signal(number, handle)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    hook = sys.unraisablehook

    def pass_over(unraisable):
        # Raised within a destructor, which Python would print: `check` raises
        # it again.
        if not issubclass(unraisable.exc_type, Interrupted):
            hook(unraisable)

    sys.unraisablehook = pass_over
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        _received = None


def check() -> None:
    """Raises `Interrupted` if a signal has arrived; loops call it.

    What the handler raises is lost where Python does not propagate errors.
    """
    if _received is not None:
        raise Interrupted(_received)


@contextlib.contextmanager
def quick_exit() -> Iterator[None]:
    """Ends the process on the spot where a signal is what ends it.

    Taking down TensorFlow takes Python seconds, in which nothing is written.
    """
    try:
        yield
    except SystemExit as end:
        if end.code in [128 + number for number in _SIGNALS]:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise
