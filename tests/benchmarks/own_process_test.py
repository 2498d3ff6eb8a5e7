import os

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


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
