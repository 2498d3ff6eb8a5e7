"""The search space of a sweep."""

import dataclasses
import json
import math

import numpy as np

GRID = "grid"
RANDOM = "random"
TPE = "tpe"
METHODS = (GRID, RANDOM, TPE)
# Digits of a number drawn from a range of floats: more would not matter, and
# the flagfile of the best settings is to be readable.
_DIGITS = 4


@dataclasses.dataclass(frozen=True)
class Range:
    """A range of numbers, both ends included.

    Attributes:
      low: the lowest number.
      high: the highest number.
      log: whether the logarithms of the numbers are uniform.
      step: distance of neighboring numbers, from `low`; 0: none.
      is_integer: whether the numbers are integers.
    """

    low: float
    high: float
    log: bool = False
    step: float = 0
    is_integer: bool = False

    def draw(self, generator: np.random.Generator) -> float:
        """Draws a number."""
        if self.step:
            return self.at(int(generator.integers(self.num_steps + 1)))
        # Each integer covers the numbers that round to it.
        margin = 0.5 if self.is_integer else 0.0
        low, high = self.low - margin, self.high + margin
        if self.log:
            number = math.exp(generator.uniform(math.log(low), math.log(high)))
        else:
            number = generator.uniform(low, high)
        return self.round(number)

    def round(self, number: float) -> float:
        """Rounds a number of the range to one that a trial may have."""
        if self.step:
            return self.at(round((number - self.low) / self.step))
        rounded = (
            round(number) if self.is_integer else float(f"{number:.{_DIGITS}g}")
        )
        return min(max(rounded, self.low), self.high)

    def at(self, index: int) -> float:
        """Returns the number that is `index` steps above the lowest one."""
        if self.is_integer:
            return self.low + index * self.step
        # Without the error of a sum: 0.1 + 2 * 0.1 is not 0.3.
        return float(f"{self.low + index * self.step:.12g}")

    @property
    def num_steps(self) -> int:
        """The number of steps from the lowest to the highest number."""
        return math.floor((self.high - self.low) / self.step + 1e-9)


@dataclasses.dataclass(frozen=True)
class SuccessiveHalving:
    """Early stopping of trials (Jamieson & Talwalkar, AISTATS 2016).

    All trials are trained for `min_epochs`. The best 1 / `reduction_factor` of
    them continue to `reduction_factor` times as many epochs, and so on.

    Attributes:
      min_epochs: number of epochs of the first rung.
      reduction_factor: factor of epochs, and divisor of trials, from rung to
        rung.
    """

    min_epochs: int = 1
    reduction_factor: int = 3

    def rungs(self, epochs: int) -> list[int]:
        """Returns the epochs at which trials are compared; `epochs` is last."""
        rungs, rung = [], self.min_epochs
        while rung < epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        return [*rungs, epochs]

    def num_survivors(self, trials: int) -> int:
        """Returns how many of the trials of a rung reach the next one."""
        return max(1, trials // self.reduction_factor)


@dataclasses.dataclass(frozen=True)
class SearchSpace:
    """The settings to search over, and how.

    Attributes:
      settings: by name of a setting its values, or a range of numbers.
      method: grid, all combinations; random, independent draws; tpe, the
        tree-structured Parzen estimator of Optuna.
      trials: number of trials; not used by grid.
      seed: seed of the draws.
      successive_halving: early stopping of trials; None: there is none.
      source: name of the file, for messages.
    """

    settings: dict[str, tuple | Range]
    method: str = RANDOM
    trials: int = 20
    seed: int = 0
    successive_halving: SuccessiveHalving | None = None
    source: str = "search_space"

    def to_dict(self) -> dict:
        """Returns what determines the trials, in types of JSON."""
        values = dataclasses.asdict(self)
        del values["source"]
        # The order of the settings determines the draws.
        values["settings"] = [
            [name, dataclasses.asdict(x) if isinstance(x, Range) else list(x)]
            for name, x in self.settings.items()
        ]
        return json.loads(json.dumps(values))
