"""A contender in a process of its own, and the parent's end of its pipes.

    python -m benchmarks.worker MODULE

reads requests from standard input, a JSON object a line, and answers each with
one on standard output. It works when it is asked to and waits otherwise, so
that of several workers one alone runs; it ends with its input. Requests:

    {"request": "build", "problem": ..., "variant": ..., "batches": FILE}
        makes the contender and trains one step: its seconds until then
    {"request": "epoch", "batches": FILE}
        trains on all the batches: an `Epoch`
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
    """What an epoch of a contender took.

    Attributes:
      seconds: time.
      loss: mean over steps of the total loss.
      tokens: tokens of the texts.
      computed: tokens that the LSTMs read, with padding.
      peak_mb: see `own_process`; so far.
    """

    seconds: float
    loss: float
    tokens: int
    computed: int
    peak_mb: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens of texts, without padding, in a second."""
        return self.tokens / self.seconds


class Worker:
    """The parent's end of a contender's process.

    Args:
      module: module of the contender.
      name: its name, for messages.
    """

    def __init__(self, module: str, name: str):
        self._name = name
        # In the parent's process group: an interrupt ends them all.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def build(self, problem: dict, variant: str, batches: str) -> float:
        """Seconds until its first step had ended, without its imports."""
        # Its imports have ended when it says so.
        self._read()
        return self._ask(
            "build", problem=problem, variant=variant, batches=batches
        )["seconds"]

    def epoch(self, batches: str) -> Epoch:
        """Trains an epoch."""
        return Epoch(**self._ask("epoch", batches=batches))

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()

    def _ask(self, request, **arguments):
        line = json.dumps({"request": request, **arguments})
        # Where it has ended, what is read says so.
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)
        return self._read()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"{self._name}: its process has ended with status "
                f"{self._process.wait()}; what it said stands above"
            )
        return json.loads(line)


class _Measured:
    """The worker's end: a contender under the clock."""

    def __init__(self, module):
        self._class = importlib.import_module(module).Contender

    def build(self, problem, variant, batches):
        steps = groups_lib.read(batches)
        began = time.perf_counter()
        self._contender = self._class(problem, variant)
        self._prepare(steps)()
        return {"seconds": time.perf_counter() - began}

    def epoch(self, batches):
        steps = groups_lib.read(batches)
        tokens = sum(map(groups_lib.tokens, steps))
        run = self._prepare(steps)
        began = time.perf_counter()
        loss, trained_tokens = run()
        seconds = time.perf_counter() - began
        if trained_tokens != tokens:
            raise ValueError(
                f"the epoch has {tokens} tokens, {trained_tokens} were trained"
            )
        computed = sum(map(self._contender.computed, steps))
        return dataclasses.asdict(
            Epoch(seconds, loss, tokens, computed, own_process.peak_mb())
        )

    def _prepare(self, steps):
        """A function that trains; all that peers get before lies ready.

        It returns the mean loss of the steps, and the tokens of their texts.
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
    """Answers requests until there are no more; the exit status."""
    # What libraries print is not to be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        measured = _Measured(sys.argv[1])
        print(json.dumps("ready"), file=answers, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            answer = getattr(measured, request.pop("request"))(**request)
            print(json.dumps(answer), file=answers, flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
