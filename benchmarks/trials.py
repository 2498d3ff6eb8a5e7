"""Trials of the variants of a contender, in processes of their own."""

import dataclasses

from benchmarks import contenders
from benchmarks import worker

# Steps of the start of a trial.
START_STEPS = 2
# Share of the best speed so far, below which a trial ends after its start.
_BEHIND = 0.5


@dataclasses.dataclass(frozen=True)
class Batches:
    """Files of batches for a trial.

    Attributes:
      first: of the first batch, with which a contender is built.
      start: of `START_STEPS` batches.
      remainder: of the batches that a variant gets if it is not behind.
    """

    first: str
    start: str
    remainder: str


def measure(
    name: str, entry: contenders.Entry, problem: dict, batches: Batches
) -> dict[str, float | None]:
    """Measures the tokens per second of a contender's variants.

    Args:
      name: name of the contender.
      entry: the contender.
      problem: the model and the corpus, as `problems.describe` returns them.
      batches: the batches, on which each variant trains twice: once to warm up.

    Returns:
      Tokens per second by variant; None for a variant that is the only one.
    """
    if len(entry.variants) == 1:
        return {entry.variants[0]: None}
    speeds: dict[str, float | None] = {}
    best = 0.0
    for variant in entry.variants:
        # In a new process, as memory of the trials must not count.
        trial_worker = worker.Worker(entry.module, name)
        try:
            trial_worker.build(problem, variant, batches.first)
            speed = _speed(trial_worker, batches.start)
            if speed >= _BEHIND * best:
                speed = _speed(trial_worker, batches.remainder)
        finally:
            trial_worker.close()
        speeds[variant] = speed
        best = max(best, speed)
        print(f"trial of {name}, {variant}: {speed:,.0f} tokens/s", flush=True)
    return speeds


def _speed(trial_worker, batches):
    """Returns the tokens per second of the second epoch of some batches."""
    trial_worker.epoch(batches)
    return trial_worker.epoch(batches).tokens_per_second
