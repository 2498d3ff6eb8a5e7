"""The training loop: phase by phase, epoch by epoch."""

import collections
import contextlib
import time
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import training_batches
from mtl_tf.training import callbacks as callbacks_lib
from mtl_tf.training import dev_scores
from mtl_tf.training import divergence
from mtl_tf.training import loop_state
from mtl_tf.training import phases as phases_lib
from mtl_tf.training import replicas as replicas_lib
from mtl_tf.training import trainer as trainer_lib
from mtl_tf.utils import interruption


class TrainingLoop:
    """The training of a model from its current step to the end.

    Args:
      config: logging interval; settings for error messages.
      trainer: the model and its training step.
      batches: the training data.
      dev_scorer: the evaluation after each epoch.
      phases: the phases, with early stopping.
      state: progress of training, changed here.
      callbacks: called in this order after log intervals and epochs.
      replicas: the replicas that share a step; None: one. The chief evaluates
        the model, and all workers follow its dev scores.
    """

    def __init__(
        self,
        config: config_lib.Config,
        trainer: trainer_lib.Trainer,
        batches: training_batches.TrainingBatches,
        dev_scorer: dev_scores.DevScorer,
        phases: phases_lib.Phases,
        state: loop_state.LoopState,
        callbacks: Sequence[callbacks_lib.Callback] = (),
        replicas: replicas_lib.Replicas | None = None,
    ):
        self._config = config
        self._trainer = trainer
        self._batches = batches
        self._dev_scorer = dev_scorer
        self._phases = phases
        self._state = state
        self._callbacks = callbacks
        self._replicas = replicas or replicas_lib.Replicas()
        self._history: list[dict] = []

    def run(self) -> None:
        """Trains to the end of the last phase.

        Raises:
          FloatingPointError: if a loss is not finite.
        """
        self._history = self._state.history
        with contextlib.ExitStack() as stack:
            for callback in self._callbacks:
                stack.callback(callback.close)
            for callback in self._callbacks:
                callback.on_train_begin(int(self._trainer.step.numpy()))
            batches = self._batches.generate(int(self._trainer.step.numpy()))
            while True:
                while not self._phases.has_ended(self._dev_accuracies()):
                    self._run_epoch(batches)
                if self._phases.is_last:
                    break
                self._phases.start_next()
            for callback in self._callbacks:
                callback.on_train_end(int(self._trainer.step.numpy()))

    def _dev_accuracies(self):
        """Returns the dev accuracy of each epoch of the current phase."""
        return [
            self._dev_scorer.accuracy(line["dev"])
            for line in self._history
            if line["phase"] == self._phases.name
        ]

    def _run_epoch(self, batches):
        line = self._train_epoch(batches)
        start = time.perf_counter()
        with self._trainer.average.swapped():
            with_transfer = self._phases.name != "base"
            dev = self._replicas.from_chief(
                lambda: self._dev_scorer.score(with_transfer=with_transfer)
            )
        # Divergence in the last step of the epoch only shows in the dev loss.
        divergence.check_finite(
            self._config,
            line["step"] + 1,
            {
                f"the dev loss of {name}": scores["loss"]
                for name, scores in dev["tasks"].items()
            },
        )
        line["dev"] = dev
        line["dev_seconds"] = time.perf_counter() - start
        self._history.append(line)
        self._state.history = self._history
        self._phases.record(self._dev_scorer.followed(dev))
        for callback in self._callbacks:
            callback.on_epoch_end(line)

    def _train_epoch(self, batches):
        """Trains one epoch; returns its line of the history without dev."""
        phase, num_steps = self._phases.name, self._batches.steps_per_epoch
        epoch_means, pending = _Means(), []
        start = time.perf_counter()
        for index in range(1, num_steps + 1):
            interruption.check()
            # Reading a value waits for the device, so values are kept for now.
            pending.append(self._trainer.train_step(next(batches), phase))
            if index % self._config.log_every == 0 or index == num_steps:
                means = _Means()
                for logs in pending:
                    means.add(logs)
                pending.clear()
                epoch_means.merge(means)
                self._log(int(self._trainer.step.numpy()), means.compute())
        seconds = time.perf_counter() - start
        tokens = epoch_means.sums["training/tokens"]
        self._state["epoch"] += 1
        self._state["seconds"] += seconds
        self._state["tokens"] += tokens
        return {
            "phase": phase,
            "epoch": self._state["epoch"],
            "step": int(self._trainer.step.numpy()),
            "terms": epoch_means.compute(),
            "seconds": seconds,
            "tokens_per_second": tokens / seconds,
        }

    def _log(self, step, logs):
        divergence.check_finite(self._config, step, logs)
        for callback in self._callbacks:
            callback.on_log(step, logs)


class _Means:
    """Means of logs by name, each over the steps that have it."""

    def __init__(self):
        self.sums = collections.defaultdict(float)
        self._counts = collections.Counter()

    def add(self, logs):
        for name, value in logs.items():
            self.sums[name] += float(value)
            self._counts[name] += 1

    def merge(self, other):
        for name, total in other.sums.items():
            self.sums[name] += total
        self._counts += other._counts

    def compute(self):
        return {
            name: total / self._counts[name]
            for name, total in self.sums.items()
        }
