import concurrent.futures
import os
import signal
import sys
import threading
import time

import pytest

from mtl_tf.utils import subprocesses


def test_run_gives_status_and_output(tmp_path):
    script = "import sys; print('out'); print('err', file=sys.stderr); exit(3)"
    children = subprocesses.ChildProcesses()
    with (tmp_path / "log").open("w") as log:
        assert children.run([sys.executable, "-c", script], log) == 3
        # An end that comes later finds nothing to end.
        children.end()
    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == ["err", "out"]


def test_end_terminates_processes_and_refuses_new_ones(tmp_path):
    children = subprocesses.ChildProcesses()
    ready = [tmp_path / name for name in "ab"]
    script = 'touch "$0"; exec sleep 60'
    with (
        (tmp_path / "log").open("w") as log,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        futures = [
            pool.submit(children.run, ["sh", "-c", script, str(path)], log)
            for path in ready
        ]
        while not all(path.exists() for path in ready):
            assert not any(future.done() for future in futures)
            time.sleep(0.01)
        children.end()
        for future in futures:
            assert future.result(timeout=30) == -signal.SIGTERM
        with pytest.raises(RuntimeError, match="have been ended"):
            children.run(["touch", str(tmp_path / "c")], log)
    assert not (tmp_path / "c").exists()


@pytest.fixture
def default_handler():
    """Nobody handles SIGTERM; if nothing else does, tests would end."""
    old = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, old)


@pytest.mark.usefixtures("default_handler")
def test_sigterm_raises():
    cleaned_up = []

    def wait():
        try:
            with subprocesses.sigterm_raises():
                os.kill(os.getpid(), signal.SIGTERM)
                threading.Event().wait(30)
        finally:
            cleaned_up.append(True)

    with pytest.raises(SystemExit) as caught:
        wait()
    assert caught.value.code == 143
    assert cleaned_up == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("default_handler")
def test_existing_handler_is_kept():
    signals = []
    signal.signal(signal.SIGTERM, lambda index, _: signals.append(index))
    with subprocesses.sigterm_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signals == [signal.SIGTERM]
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals == [signal.SIGTERM] * 2


@pytest.mark.usefixtures("default_handler")
def test_other_threads_handle_nothing():
    def enter():
        with subprocesses.sigterm_raises():
            return signal.getsignal(signal.SIGTERM)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        assert pool.submit(enter).result() is signal.SIG_DFL


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
