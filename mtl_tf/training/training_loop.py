"""Training, phase by phase and epoch by epoch, until dev or a number ends it.

A run with a label transfer network has up to three phases: `base`, without it;
`label_transfer`, with it beside the rest; `semi_supervised`, with its
pseudo-labels. Each begins with the best checkpoint of the one before. Steps and
epochs are counted on.
"""

import collections
import math
import time
from collections.abc import Mapping, Sequence

import tensorflow as tf
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import training_batches
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.evaluation import predictor as predictor_lib
from mtl_tf.evaluation import scoring
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import checkpoints as checkpoints_lib
from mtl_tf.runs import history as history_lib
from mtl_tf.training import divergence
from mtl_tf.training import progress
from mtl_tf.training import trainer as trainer_lib
from mtl_tf.utils import interruption


class LoopState:
    """How far training is: numbers that live in the checkpoint."""

    def __init__(self):
        self.variables = {
            "phase": tf.Variable(0, dtype=tf.int64),
            # Epochs before the phase.
            "phase_began": tf.Variable(0, dtype=tf.int64),
            "epoch": tf.Variable(0, dtype=tf.int64),
            "best_epoch": tf.Variable(0, dtype=tf.int64),
            "best_score": tf.Variable(-math.inf, dtype=tf.float64),
            "best_loss": tf.Variable(math.inf, dtype=tf.float64),
            "seconds": tf.Variable(0.0, dtype=tf.float64),
            "tokens": tf.Variable(0.0, dtype=tf.float64),
            # The lines of `history.jsonl`.
            "history": tf.Variable("", dtype=tf.string),
        }

    def __getitem__(self, name: str) -> int | float:
        return self.variables[name].numpy().item()

    def __setitem__(self, name: str, value: int | float) -> None:
        self.variables[name].assign(value)

    @property
    def history(self) -> list[dict]:
        """The lines of the history, one an epoch."""
        return history_lib.parse_history(self.variables["history"].numpy())

    @history.setter
    def history(self, lines: Sequence[Mapping]) -> None:
        self.variables["history"].assign(history_lib.format_history(lines))


class TrainingLoop:
    """The training of a model from where it is to its end.

    Args:
      config: number of epochs, patience, phases.
      tasks: the tasks, in the order of their numbers.
      trainer: the model and its steps.
      batches: what it is trained on.
      predictor: the same model, for dev.
      dev: of the dev split of each task, the rows that every epoch scores.
      checkpoints: where `LAST`, `BEST` and those of phases go.
      state: how far training is.
    """

    def __init__(
        self,
        config: config_lib.Config,
        tasks: Sequence[tasks_lib.Task],
        trainer: trainer_lib.Trainer,
        batches: training_batches.TrainingBatches,
        predictor: predictor_lib.Predictor,
        dev: Sequence[input_pipeline.Split],
        checkpoints: checkpoints_lib.Checkpoints,
        state: LoopState,
    ):
        self._config = config
        self._tasks = tasks
        self._trainer = trainer
        self._batches = batches
        self._predictor = predictor
        self._dev = dev
        self._checkpoints = checkpoints
        self._state = state

    def run(self, description: str) -> None:
        """Trains to the end; `description` is for TensorBoard.

        Raises:
          FloatingPointError: if a term of the loss is no finite number.
        """
        config, state = self._config, self._state
        steps = self._batches.steps_per_epoch
        first_step = int(self._trainer.step)
        history = history_lib.History(config.run_dir, state.history)
        summaries.drop_events(config.run_dir, first_step)
        board = summaries.TensorBoard(
            config.run_dir,
            [task.name for task in self._tasks],
            config.main_task,
        )
        board.settings(config, description)
        batches = self._batches.generate(first_step)
        with progress.Progress(
            len(config.phases) * config.epochs * steps,
            first_step,
            steps,
            enabled=None if config.progress else False,
        ) as bar:
            while True:
                while not self._phase_has_ended(history.lines):
                    line = self._epoch(batches, board, bar)
                    began = time.perf_counter()
                    line["dev"] = self._score_dev()
                    self._check_finite(
                        line["step"] + 1,
                        {
                            f"the dev loss of {name}": scores["loss"]
                            for name, scores in line["dev"]["tasks"].items()
                        },
                    )
                    line["dev_seconds"] = time.perf_counter() - began
                    bar.dev(line["dev"]["average"])
                    board.epoch(line)
                    state.history = [*history.lines, line]
                    self._save(line["dev"])
                    # Last: it never has an epoch that no checkpoint has.
                    history.append(line)
                    self._log(line)
                if self._phase == config.phases[-1]:
                    break
                self._begin_next_phase()
        board.best(
            int(self._trainer.step), state["best_epoch"], state["best_score"]
        )

    @property
    def _phase(self):
        return self._config.phases[self._state["phase"]]

    def _phase_has_ended(self, history):
        config, state = self._config, self._state
        if state["epoch"] - state["phase_began"] >= config.epochs:
            return True
        if not config.patience:
            return False
        if config.stopping == "patience":
            return state["epoch"] - state["best_epoch"] >= config.patience
        accuracies = [
            scoring.average(
                self._deciding, line["dev"]["tasks"], metric="accuracy"
            )
            for line in history
            if line["phase"] == self._phase
        ]
        return (
            len(accuracies) > config.patience
            and accuracies[-1] < accuracies[-1 - config.patience]
        )

    def _begin_next_phase(self):
        """Goes on from the best checkpoint of the phase that has ended."""
        state, step = self._state, self._trainer.step
        counted = {
            name: state[name]
            for name in ("phase", "epoch", "seconds", "tokens")
        }
        steps, history = int(step), state.history
        self._checkpoints.restore(checkpoints_lib.BEST)
        name = checkpoints_lib.best_of(self._phase)
        self._checkpoints.save(name, int(step))
        logging.info(
            "phase %s has ended: best epoch %d, dev %.4f",
            self._phase,
            state["best_epoch"],
            state["best_score"],
        )
        # Weights and optimizers are those of the best epoch; the rest goes on.
        for name, value in counted.items():
            state[name] = value
        state.history = history
        step.assign(steps)
        state["phase"] += 1
        state["phase_began"] = state["best_epoch"] = state["epoch"]
        state["best_score"], state["best_loss"] = -math.inf, math.inf
        self._checkpoints.save(checkpoints_lib.LAST, steps)

    def _save(self, dev):
        state, step = self._state, int(self._trainer.step)
        score, loss = dev["average"], self._dev_loss(dev)
        # A model that still gives every text the most frequent label has the
        # same score epoch after epoch, and yet it learns.
        is_better = (score, -loss) > (state["best_score"], -state["best_loss"])
        if is_better or self._config.stopping == "drop":
            state["best_score"], state["best_loss"] = score, loss
            state["best_epoch"] = state["epoch"]
            self._checkpoints.save(checkpoints_lib.BEST, step)
        self._checkpoints.save(checkpoints_lib.LAST, step)

    def _epoch(self, batches, board, bar):
        """Trains one epoch; returns its line of the history without dev."""
        phase, steps = self._phase, self._batches.steps_per_epoch
        # To ask for a value is to wait for the device: not in each step.
        means, of_steps = _Means(), []
        began = time.perf_counter()
        for number in range(1, steps + 1):
            interruption.check()
            of_steps.append(self._trainer.train_step(next(batches), phase))
            if number % self._config.log_every == 0 or number == steps:
                since = _Means()
                for logs in of_steps:
                    since.add(logs)
                of_steps.clear()
                means.merge(since)
                shown, step = since.compute(), int(self._trainer.step)
                self._check_finite(step, shown)
                board.training(step, shown)
                bar.update(step, shown["loss/total"])
        seconds = time.perf_counter() - began
        tokens = means.sums["training/tokens"]
        self._state["epoch"] += 1
        self._state["seconds"] += seconds
        self._state["tokens"] += tokens
        return {
            "phase": phase,
            "epoch": self._state["epoch"],
            "step": int(self._trainer.step),
            "terms": means.compute(),
            "seconds": seconds,
            "tokens_per_second": tokens / seconds,
        }

    def _score_dev(self):
        """Dev scores by task, and what early stopping follows.

        With a label transfer network, that is the mean of the main model's
        score and the network's, since one checkpoint is kept for both.
        """
        by_task, transfer = {}, None
        for task, split in zip(self._tasks, self._dev, strict=True):
            if self._phase == "base":
                predictions = {
                    predictions_lib.MAIN: self._predictor.predict(split)
                }
            else:
                predictions = self._predictor.predict_all(split)
            scores = {
                output: {**predicted.scores(), "loss": predicted.loss}
                for output, predicted in predictions.items()
            }
            by_task[task.name] = scores[predictions_lib.MAIN]
            transfer = scores.get(predictions_lib.LABEL_TRANSFER, transfer)
        average = scoring.average(self._deciding, by_task)
        found = {"average": average, "tasks": by_task}
        if transfer is not None:
            (main,) = self._deciding
            of_transfer = scoring.selection_score(main, transfer)
            found["average"] = (average + of_transfer) / 2
            found["label_transfer"] = transfer
        return found

    def _dev_loss(self, dev):
        """Mean cross-entropy of what early stopping follows."""
        losses = [dev["tasks"][task.name]["loss"] for task in self._deciding]
        if "label_transfer" in dev:
            losses.append(dev["label_transfer"]["loss"])
        return sum(losses) / len(losses)

    @property
    def _deciding(self):
        """The main task; all of them where there is none."""
        return [
            task
            for task in self._tasks
            if self._config.main_task in ("", task.name)
        ]

    def _log(self, line):
        logging.info(
            "%s  epoch %3d  step %6d  loss %8s  dev %7.4f  %6d tokens/s",
            line["phase"],
            line["epoch"],
            line["step"],
            divergence.show_loss(line["terms"]["loss/total"]),
            line["dev"]["average"],
            line["tokens_per_second"],
        )

    def _check_finite(self, step, means):
        for name, value in means.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} before step {step}. Most often the "
                    "learning rate is too high "
                    f"(now {self._config.learning_rate}), gradients need "
                    "clip_norm, or orthogonality_loss=frobenius is used with "
                    "a large batch."
                )


class _Means:
    """Means of terms by name, each over the steps that have it."""

    def __init__(self):
        self.sums = collections.defaultdict(float)
        self._counts = collections.Counter()

    def add(self, logs):
        for name, value in logs.items():
            self.sums[name] += float(value)
            self._counts[name] += 1

    def merge(self, others):
        for name, total in others.sums.items():
            self.sums[name] += total
        self._counts += others._counts

    def compute(self):
        return {
            name: total / self._counts[name]
            for name, total in self.sums.items()
        }
