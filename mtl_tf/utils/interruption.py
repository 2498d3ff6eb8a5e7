"""Interruption by signals: the first one cleans up, a second one exits."""

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
# `timeout`, or a terminal together with a parent process, send a signal twice
# in a row.
_ONE_SIGNAL_SECONDS = 0.5
_received = None


class Interrupted(KeyboardInterrupt):
    """Signal that interrupts the program where it arrives.

    Attributes:
      number: number of the signal.
      status: exit status of a program that it ends, as in shells.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.status = 128 + number


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Makes the first signal raise `Interrupted`, and a second one exit.

    An ignored signal stays ignored, as `nohup` requires. In other threads than
    the main one, which cannot handle signals, nothing changes. Commands run in
    this context; `subprocesses.sigterm_raises` handles SIGTERM in programs that
    start processes without it.
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

    def ignore_interrupts(unraisable):
        # Python would print an exception in a destructor; `check` raises it
        # again.
        if not issubclass(unraisable.exc_type, Interrupted):
            hook(unraisable)

    sys.unraisablehook = ignore_interrupts
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        _received = None


@contextlib.contextmanager
def default_actions() -> Iterator[None]:
    """Leaves signals to their default action, which ends the process at once.

    Python handles a signal between two of its instructions, and so not while an
    operation of TensorFlow waits for another process. An ignored signal stays
    ignored. In other threads than the main one nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check() -> None:
    """Raises `Interrupted` if a signal has arrived; loops call it.

    The exception of the handler is lost where Python does not propagate errors.
    """
    if _received is not None:
        raise Interrupted(_received)


@contextlib.contextmanager
def quick_exit() -> Iterator[None]:
    """Exits at once after a signal.

    Python takes seconds to tear down TensorFlow, and writes nothing meanwhile.
    """
    try:
        yield
    except SystemExit as end:
        if end.code in [128 + number for number in _SIGNALS]:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code)
        raise
