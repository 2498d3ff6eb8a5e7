import concurrent.futures
import os
import signal
import subprocess
import sys
import time

import pytest

from mtl_tf.utils import interruption

_PROGRAM = """
import os, signal, sys, time
from mtl_tf.utils import interruption
def send():
    os.kill(os.getpid(), signal.SIGTERM)
with interruption.quick_exit():
    try:
        with interruption.raised():
            {body}
    except interruption.Interrupted as interrupt:
        print("in order", flush=True)
        sys.exit(interrupt.status)
print("not reached")
"""


@pytest.fixture(autouse=True)
def defaults():
    """Handlers of a program that has just begun."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)
    # Python sees it soon.
    time.sleep(0.1)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_is_raised(number, status):
    before = signal.getsignal(number)
    with (
        pytest.raises(interruption.Interrupted) as caught,
        interruption.raised(),
    ):
        send(number)
    assert caught.value.number == number
    assert caught.value.status == status
    assert signal.getsignal(number) is before
    # It is over.
    interruption.check()


def test_a_signal_that_is_sent_twice_in_a_row_is_one():
    with interruption.raised():
        with pytest.raises(interruption.Interrupted):
            send(signal.SIGTERM)
        send(signal.SIGTERM)
        send(signal.SIGINT)


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruption.raised():
        send(signal.SIGHUP)
        interruption.check()


def test_a_signal_within_a_destructor_is_not_lost(capsys):
    class Object:
        def __del__(self):
            send(signal.SIGTERM)

    with interruption.raised():
        thing = Object()
        del thing
        with pytest.raises(interruption.Interrupted) as caught:
            interruption.check()
        assert caught.value.status == 143
    assert "Traceback" not in capsys.readouterr().err


def test_other_threads_change_nothing():
    def enter():
        with interruption.raised():
            return signal.getsignal(signal.SIGTERM)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(enter).result() is signal.SIG_DFL


def run(body):
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(body=body)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, done.stdout, done.stderr


def test_the_end_in_order():
    assert run("send(); time.sleep(60)") == (143, "in order\n", "")


def test_a_second_signal_ends_at_once():
    body = """
            try:
                send()
            finally:
                time.sleep(0.8)
                send()
                time.sleep(60)
"""
    assert run(body) == (143, "", "")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
