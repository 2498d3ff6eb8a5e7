"""The state of the training loop that checkpoints hold."""

import math
import typing
from collections.abc import Mapping, Sequence

import tensorflow as tf

from mtl_tf.runs import history as history_lib


class LoopState:
    """The progress of training, as variables of a checkpoint."""

    def __init__(self):
        self.variables = {
            # Index of the phase.
            "phase": tf.Variable(0, dtype=tf.int64),
            # Epochs before the phase.
            "phase_start": tf.Variable(0, dtype=tf.int64),
            "epoch": tf.Variable(0, dtype=tf.int64),
            "best_epoch": tf.Variable(0, dtype=tf.int64),
            "best_score": tf.Variable(-math.inf, dtype=tf.float64),
            "best_loss": tf.Variable(math.inf, dtype=tf.float64),
            "seconds": tf.Variable(0.0, dtype=tf.float64),
            "tokens": tf.Variable(0.0, dtype=tf.float64),
            # The lines of `history.jsonl`.
            "history": tf.Variable("", dtype=tf.string),
        }

    @typing.overload
    def __getitem__(
        self,
        name: typing.Literal["phase", "phase_start", "epoch", "best_epoch"],
    ) -> int: ...

    @typing.overload
    def __getitem__(self, name: str) -> int | float: ...

    def __getitem__(self, name):
        return self.variables[name].numpy().item()

    def __setitem__(self, name: str, value: int | float) -> None:
        self.variables[name].assign(value)

    @property
    def history(self) -> list[dict]:
        """The lines of the history, one per epoch."""
        return history_lib.parse_history(self.variables["history"].numpy())

    @history.setter
    def history(self, lines: Sequence[Mapping]) -> None:
        self.variables["history"].assign(history_lib.format_history(lines))
