import os
import subprocess
import sys
import threading

import pytest

from benchmarks import own_process


def test_call_uses_a_new_process():
    assert own_process.call(divmod, 17, 5) == (3, 2)
    actual = own_process.call(os.getpid)
    assert actual != os.getpid()
    assert actual != own_process.call(os.getpid)


def test_exceptions_are_raised_in_the_parent():
    with pytest.raises(ZeroDivisionError):
        own_process.call(divmod, 1, 0)


def test_the_peak_stays_when_memory_is_given_back():
    before, _, after = own_process.call(
        eval,
        "(peak(), len(b'x' * 200 * 2**20), peak())",
        {"peak": own_process.peak_mb},
    )
    assert after - before == pytest.approx(200, abs=2)


def test_the_peak_is_not_that_of_the_parent():
    held = b"x" * 200 * 2**20
    assert own_process.call(own_process.peak_mb) < own_process.peak_mb() - 150
    assert len(held)


def hold(megabytes, seconds):
    """Holds memory, and lets another process hold as much."""
    held = b"x" * megabytes * 2**20
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import time; x = b'x' * {megabytes} * 2**20; "
            f"time.sleep({seconds})",
        ]
    )
    child.wait()
    return len(held)


def test_peaks_are_those_of_all_processes_and_of_one():
    held = b"x" * 500 * 2**20
    result, peaks = own_process.call_with_peaks(hold, 200, 2)
    assert result == 200 * 2**20
    # Two processes, and not this one.
    assert 400 < peaks["all_mb"] < 500
    assert 200 < peaks["one_mb"] < 300
    assert len(held)


def test_exceptions_end_the_sampling():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        own_process.call_with_peaks(divmod, 1, 0)
    assert threading.active_count() == before


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
