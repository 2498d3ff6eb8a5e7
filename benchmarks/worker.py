"""Process of a contender, and the parent's interface to it.

    python -m benchmarks.worker MODULE

reads requests from standard input, one JSON object per line, and writes a
response for each to standard output. It is idle between requests, so that only
one of several workers runs at a time. It exits at the end of its input.
Requests:

    {"request": "build", "problem": ..., "variant": ..., "batches": FILE}
        makes the contender and trains one step; responds with its seconds
    {"request": "epoch", "batches": FILE}
        trains on all batches; responds with an `Epoch`
"""

import contextlib
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import time

from benchmarks import groups as groups_lib
from benchmarks import own_process


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Measurements of an epoch of a contender.

    Attributes:
      seconds: its time.
      loss: mean of the total loss over steps.
      tokens: number of tokens, without padding.
      computed: number of tokens that the LSTMs read, with padding.
      peak_mb: peak memory of the process so far, see `own_process`.
    """

    seconds: float
    loss: float
    tokens: int
    computed: int
    peak_mb: float

    @property
    def tokens_per_second(self) -> float:
        """Number of tokens per second, without padding."""
        return self.tokens / self.seconds


class Worker:
    """Interface of the parent to a contender's process.

    Args:
      module: module of the contender.
      name: name of the contender, for messages.
    """

    def __init__(self, module: str, name: str):
        self._name = name
        # In the parent's process group, so that an interrupt ends all.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def build(self, problem: dict, variant: str, batches: str) -> float:
        """Builds the contender; returns the seconds to its first step's end."""
        # The process is ready after its imports, which do not count.
        self._read()
        return self._request(
            "build", problem=problem, variant=variant, batches=batches
        )["seconds"]

    def epoch(self, batches: str) -> Epoch:
        """Trains an epoch."""
        return Epoch(**self._request("epoch", batches=batches))

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _request(self, request, **arguments):
        line = json.dumps({"request": request, **arguments})
        # If the process has exited, `_read` raises an error.
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)
        return self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"{self._name}: its process exited with status "
                f"{self._process.wait()}; see its output above"
            )
        return json.loads(line)


class _TimedContender:
    """Contender whose building and epochs are timed."""

    def __init__(self, module):
        self._class = importlib.import_module(module).Contender

    def build(self, problem, variant, batches):
        steps = groups_lib.read(batches)
        start = time.perf_counter()
        self._contender = self._class(problem, variant)
        self._prepare(steps)()
        return {"seconds": time.perf_counter() - start}

    def epoch(self, batches):
        steps = groups_lib.read(batches)
        tokens = sum(map(groups_lib.tokens, steps))
        run = self._prepare(steps)
        start = time.perf_counter()
        loss, trained_tokens = run()
        seconds = time.perf_counter() - start
        if trained_tokens != tokens:
            raise ValueError(
                f"the epoch has {tokens} tokens, {trained_tokens} were trained"
            )
        computed = sum(map(self._contender.computed, steps))
        return dataclasses.asdict(
            Epoch(seconds, loss, tokens, computed, own_process.peak_mb())
        )

    def _prepare(self, steps):
        """Returns a function that trains, after preparing the peers' batches.

        It returns the mean loss of the steps and the number of tokens.
        """
        contender = self._contender
        if hasattr(contender, "epoch"):
            return lambda: contender.epoch(len(steps))
        converted = [contender.convert(groups) for groups in steps]
        tokens = sum(map(groups_lib.tokens, steps))
        return lambda: (
            sum(map(contender.step, converted)) / len(steps),
            tokens,
        )


def main() -> int:
    """Responds to all requests; returns the exit status."""
    # Output of libraries must not be mistaken for a response.
    responses = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        contender = _TimedContender(sys.argv[1])
        print(json.dumps("ready"), file=responses, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            response = getattr(contender, request.pop("request"))(**request)
            print(json.dumps(response), file=responses, flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
