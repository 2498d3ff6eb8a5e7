import concurrent.futures
import os
import signal
import sys
import threading
import time

import pytest

from mtl_tf.utils import subprocesses

# Answers each job with its field `status`; -1: dies without an answer.
_WORKER = """
import json, os, sys, time
print("started", file=sys.stderr, flush=True)
for line in sys.stdin:
    job = json.loads(line)
    with open(job["log"], "a") as log:
        log.write(f"{job['name']} {os.getpid()}\\n")
    while job.get("waits"):
        time.sleep(0.01)
    if job.get("status") == -1:
        os.kill(os.getpid(), 9)
    print(job.get("status", 0), flush=True)
"""


def make_workers(max_jobs=100):
    return subprocesses.Workers([sys.executable, "-c", _WORKER], max_jobs)


def read_lines(log):
    return [line.split() for line in log.read_text().splitlines()]


def test_a_worker_runs_one_job_after_another(tmp_path):
    log = tmp_path / "log"
    with make_workers() as workers:
        for name in "abc":
            assert workers.run({"name": name}, str(log)) == 0
    start, *jobs = read_lines(log)
    # A single process has started.
    assert start == ["started"]
    assert [name for name, _ in jobs] == ["a", "b", "c"]
    assert len({pid for _, pid in jobs}) == 1


def test_a_worker_is_replaced_after_its_last_job(tmp_path):
    log = tmp_path / "log"
    with make_workers(max_jobs=2) as workers:
        for name in "abcde":
            workers.run({"name": name}, str(log))
    pids = [pid for _, *pids in read_lines(log) for pid in pids]
    assert pids == [pids[0]] * 2 + [pids[2]] * 2 + [pids[4]]
    assert len(set(pids)) == 3
    # The others have ended, and are no zombies.
    for pid in pids[:4]:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.parametrize(("status", "expected"), [(3, 3), (-1, -9)])
def test_a_failed_job_gives_its_status(tmp_path, status, expected):
    log = str(tmp_path / "log")
    with make_workers() as workers:
        assert workers.run({"name": "a", "status": status}, log) == expected
        # The next job has a new worker.
        assert workers.run({"name": "b"}, log) == 0
    assert read_lines(tmp_path / "log").count(["started"]) == 2


def test_jobs_of_several_threads_run_at_once(tmp_path):
    with (
        make_workers() as workers,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        logs = [tmp_path / name for name in "ab"]
        futures = [
            pool.submit(workers.run, {"name": "job", "waits": 1}, str(log))
            for log in logs
        ]
        while not all(
            log.exists() and "job" in log.read_text() for log in logs
        ):
            assert not any(future.done() for future in futures)
            time.sleep(0.01)
        workers.end()
        for future in futures:
            assert future.result(timeout=30) == -signal.SIGTERM
        with pytest.raises(RuntimeError, match="have been ended"):
            workers.run({"name": "c"}, str(tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_end_terminates_idle_workers(tmp_path):
    workers = make_workers()
    workers.run({"name": "a"}, str(tmp_path / "log"))
    (pid,) = (
        int(pid) for _, *pids in read_lines(tmp_path / "log") for pid in pids
    )
    workers.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


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
