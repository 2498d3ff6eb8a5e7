"""A contender that learns nothing, and how long it takes is known."""

import sys
import time

# What it holds is taken before the clock starts: fresh memory may take longer
# than the steps do.
MEMORY = bytearray(100_000_000)
SECONDS_OF_A_STEP = {"slow": 0.2, "fast": 0.02, "": 0.02}


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
        time.sleep(self._seconds)
        self._steps += 1
        assert "tensorflow" not in sys.modules
        return self._steps

    def computed(self, groups):
        return sum(group["tokens"].size for group in groups)
