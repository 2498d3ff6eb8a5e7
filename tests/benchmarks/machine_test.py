import json
import subprocess
import sys

import pytest

from benchmarks import machine


def test_the_rate_is_operations_over_time(monkeypatch):
    # A product that takes no arithmetic: its time is known.
    monkeypatch.setattr(machine, "SHAPES", ((10, 20, 30), (40, 5, 6)))
    seconds = {(10, 20, 30): 2.0, (40, 5, 6): 4.0}
    monkeypatch.setattr(
        machine, "_seconds", lambda library, precision, shape: seconds[shape]
    )
    # Four products of 2 * 10 * 20 * 30 operations in 2 seconds.
    expected = {"float32": 24_000.0}
    assert machine.rates("numpy") == expected
    expected["bfloat16"] = 24_000.0
    assert machine.rates("torch") == expected


@pytest.mark.parametrize("library", ["numpy", "tensorflow"])
def test_library_is_measured_in_a_new_process(library):
    code = (
        "from benchmarks import machine; "
        "machine.SHAPES, machine.SECONDS = ((64, 64, 64),), 0.02; "
        f"print(machine.json.dumps(machine.rates({library!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rates = json.loads(done.stdout)
    # From a slow core to a great many fast ones.
    assert all(1e7 < rate < 1e14 for rate in rates.values())
    assert ("bfloat16" in rates) == (library != "numpy")


def test_the_machine_is_described():
    actual = machine.describe()
    assert actual["cores"] >= 1
    assert actual["memory_gb"] > 0.5
    assert actual["processor"].strip()
    assert actual["python"] == ".".join(map(str, sys.version_info[:3]))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
