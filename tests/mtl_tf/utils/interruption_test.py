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
        index: signal.signal(index, handler)
        for index, handler in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
    }
    yield
    for index, handler in before.items():
        signal.signal(index, handler)


def send(index):
    os.kill(os.getpid(), index)
    # Python sees it soon.
    time.sleep(0.1)


@pytest.mark.parametrize(
    ("index", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_is_raised(index, status):
    before = signal.getsignal(index)
    with (
        pytest.raises(interruption.Interrupted) as caught,
        interruption.raised(),
    ):
        send(index)
    assert caught.value.number == index
    assert caught.value.status == status
    assert signal.getsignal(index) is before
    # It is over.
    interruption.check()


def test_repeated_signal_counts_once():
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


def test_signal_in_a_destructor_is_kept(capsys):
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


def test_first_signal_cleans_up():
    assert run("send(); time.sleep(60)") == (143, "in order\n", "")


def test_second_signal_exits():
    body = """
            try:
                send()
            finally:
                time.sleep(0.8)
                send()
                time.sleep(60)
"""
    assert run(body) == (143, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_default_actions_end_a_process_that_python_does_not_run(number):
    body = f"""with interruption.default_actions():
                os.kill(os.getpid(), signal.{number.name})
                time.sleep(9)"""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(body=body)],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-number, b"")


def test_default_actions_are_left_as_they_were():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with interruption.raised():
        before = signal.getsignal(signal.SIGTERM)
        with interruption.default_actions():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            # Background processes ignore it.
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is before
        with pytest.raises(interruption.Interrupted):
            send(signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
