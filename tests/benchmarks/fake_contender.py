"""A contender that learns nothing, and how long it takes is known.

In its process time passes in steps alone: what is measured is the same on a
slow machine as on a fast one.
"""

import sys
import time

MEMORY = bytearray(100_000_000)
SECONDS_OF_A_STEP = {"slow": 0.2, "fast": 0.02, "": 0.02}
_now = 0.0


def _clock():
    return _now


time.perf_counter = _clock
# Imports take time, which is not counted.
_now += 1000.0


class Contender:
    """See `benchmarks.contenders`; its loss is how many steps there were."""

    def __init__(self, problem, variant):
        if variant == "broken":
            raise ValueError(f"there is no {problem['model']}")
        self._seconds = SECONDS_OF_A_STEP[variant]
        self._steps = 0

    def convert(self, groups):
        print("what a library prints is no answer")
        return groups

    def step(self, groups):
        global _now
        _now += self._seconds
        self._steps += 1
        assert "tensorflow" not in sys.modules
        return self._steps

    def computed(self, groups):
        return sum(group["token_ids"].size for group in groups)
