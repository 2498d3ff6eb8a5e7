import re
import subprocess
import sys

import pytest


def test_it_measures_both_and_their_ratio():
    # A process of its own: flags are defined by the import.
    sizes = "--tasks=2 --batch=2 --time=3 --word_width=4 --units=3 --words=20"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.joint_step",
            "--rounds=2",
            "--train_words",
            *sizes.split(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.search(
        r"joint is ([\d.]+) times as fast .* 2 rounds", done.stdout
    )
    assert float(found[1]) > 0
    for name in ("joint", "one by one"):
        assert re.search(rf"{name}: first step after [\d.]+ s", done.stdout)
        assert re.search(rf"{name}: \d+ ms .* tokens/s", done.stdout)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
