"""The phases of training.

A run with a label transfer network has up to three: `base` trains the
multi-task model, `label_transfer` the network as well, and `semi_supervised`
adds its pseudo-labels. Each starts from the best checkpoint of the one before.
"""

import math
from collections.abc import Sequence

from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.runs import checkpoints as checkpoints_lib
from mtl_tf.training import early_stopping
from mtl_tf.training import loop_state
from mtl_tf.training import replicas as replicas_lib
from mtl_tf.training import trainer as trainer_lib


class Phases:
    """The sequence of phases: the current one, its end, and the next one.

    Args:
      config: phases, number of epochs, early stopping.
      state: state of the training loop.
      trainer: the training step, and the average of the weights.
      checkpoints: the run's checkpoints.
      replicas: the replicas that share a step; None: one. The chief writes
        checkpoints, and all workers read the same.
    """

    def __init__(
        self,
        config: config_lib.Config,
        state: loop_state.LoopState,
        trainer: trainer_lib.Trainer,
        checkpoints: checkpoints_lib.Checkpoints,
        replicas: replicas_lib.Replicas | None = None,
    ):
        self._names = config.phases
        self._max_epochs = config.epochs
        self._early_stopping = early_stopping.make(config)
        self._state = state
        self._step = trainer.step
        self._average = trainer.average
        self._checkpoints = checkpoints
        self._replicas = replicas or replicas_lib.Replicas()

    @property
    def name(self) -> str:
        """The name of the current phase."""
        return self._names[self._state["phase"]]

    @property
    def is_last(self) -> bool:
        """Returns whether no other phase follows the current one."""
        return self._state["phase"] == len(self._names) - 1

    def record(self, dev: early_stopping.DevScore) -> None:
        """Records the dev score of the epoch; it may be the best one."""
        state = self._state
        best = early_stopping.DevScore(state["best_score"], state["best_loss"])
        if self._early_stopping.is_best(dev, best):
            state["best_score"], state["best_loss"] = dev
            state["best_epoch"] = state["epoch"]

    def has_ended(self, accuracies: Sequence[float]) -> bool:
        """Returns whether the current phase has ended.

        Args:
          accuracies: dev accuracy of each epoch of the phase.
        """
        epoch = self._state["epoch"]
        if epoch - self._state["phase_start"] >= self._max_epochs:
            return True
        return self._early_stopping.should_stop(
            epoch - self._state["best_epoch"], accuracies
        )

    def start_next(self) -> None:
        """Starts the next phase from the best checkpoint of the current one.

        Weights and optimizers are those of the best epoch. Steps, epochs, times
        and the history continue.
        """
        state, step = self._state, int(self._step.numpy())
        counters = {
            name: state[name]
            for name in ("phase", "epoch", "seconds", "tokens")
        }
        history = state.history
        best = self._replicas.from_chief(
            lambda: self._checkpoints.newest(checkpoints_lib.BEST)
        )
        self._checkpoints.restore(checkpoints_lib.BEST, best)
        # The model has the averaged weights of that epoch now.
        self._average.restart()
        self._save(checkpoints_lib.best_of(self.name), int(self._step.numpy()))
        logging.info(
            "phase %s has ended: best epoch %d, dev %.4f",
            self.name,
            state["best_epoch"],
            state["best_score"],
        )
        for name, value in counters.items():
            state[name] = value
        state.history = history
        self._step.assign(step)
        state["phase"] += 1
        state["phase_start"] = state["best_epoch"] = state["epoch"]
        state["best_score"], state["best_loss"] = -math.inf, math.inf
        self._save(checkpoints_lib.LAST, step)

    def _save(self, name, step):
        if self._replicas.is_chief:
            self._checkpoints.save(name, step)
