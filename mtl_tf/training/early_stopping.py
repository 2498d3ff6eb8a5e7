"""Early stopping: which epoch is the best one, and when a phase ends."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mtl_tf.config import config as config_lib


class DevScore(NamedTuple):
    """The quality of an epoch on dev.

    Attributes:
      score: the score that early stopping follows; higher is better.
      loss: the mean cross-entropy.
    """

    score: float
    loss: float


class StoppingCriterion(Protocol):
    """A criterion for the best epoch and the end of a phase."""

    def is_best(self, dev: DevScore, best: DevScore) -> bool:
        """Returns whether an epoch is better than the best one so far.

        Args:
          dev: the epoch's score.
          best: score of the best epoch of the phase so far.
        """

    def should_stop(
        self, epochs_since_best: int, accuracies: Sequence[float]
    ) -> bool:
        """Returns whether the phase ends.

        Args:
          epochs_since_best: epochs since the best one.
          accuracies: dev accuracy of each epoch of the phase.
        """


class Patience:
    """Stops when dev has not improved for some epochs.

    Ties in the dev score are broken by dev loss: a model that still predicts
    the most frequent label for every text keeps its score from epoch to epoch
    while its loss falls.

    Args:
      patience: number of epochs without improvement; 0: never stops.
    """

    def __init__(self, patience: int):
        self._patience = patience

    def is_best(self, dev: DevScore, best: DevScore) -> bool:
        """Returns whether the score is higher, or equal at a lower loss."""
        return (dev.score, -dev.loss) > (best.score, -best.loss)

    def should_stop(
        self, epochs_since_best: int, accuracies: Sequence[float]
    ) -> bool:
        """Returns whether `patience` epochs have passed since the best one."""
        del accuracies
        return 0 < self._patience <= epochs_since_best


class AccuracyDrop:
    """Stops when dev accuracy drops, and keeps the last epoch.

    Args:
      patience: the accuracy is compared with that of this many epochs before;
        0: never stops.
    """

    def __init__(self, patience: int):
        self._patience = patience

    def is_best(self, dev: DevScore, best: DevScore) -> bool:
        """Returns True: the last epoch is kept, whatever its score."""
        del dev, best
        return True

    def should_stop(
        self, epochs_since_best: int, accuracies: Sequence[float]
    ) -> bool:
        """Returns whether accuracy is below that of `patience` epochs ago."""
        del epochs_since_best
        return (
            0 < self._patience < len(accuracies)
            and accuracies[-1] < accuracies[-1 - self._patience]
        )


def make(config: config_lib.Config) -> StoppingCriterion:
    """Makes the criterion of `--stopping` and `--patience`."""
    criterion = AccuracyDrop if config.stopping == "drop" else Patience
    return criterion(config.patience)
