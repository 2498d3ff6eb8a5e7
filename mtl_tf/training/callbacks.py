"""Callbacks of the training loop."""

from collections.abc import Mapping

from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.runs import checkpoints as checkpoints_lib
from mtl_tf.runs import history as history_lib
from mtl_tf.training import divergence
from mtl_tf.training import loop_state
from mtl_tf.training import progress
from mtl_tf.training import weight_average


class Callback:
    """Hooks of the training loop; each does nothing by default.

    The loop calls its callbacks in order. At the end of an epoch the order
    matters to a resumed run: TensorBoard comes before `CheckpointWriter`, since
    a resumed run does not write events again that are older than its
    checkpoint, and `HistoryWriter` after it, so that the history has no epoch
    without a checkpoint.
    """

    def on_train_begin(self, step: int) -> None:
        """Prepares for training that starts at a step."""

    def on_log(self, step: int, logs: Mapping[str, float]) -> None:
        """Receives the means of the logs over the steps since the last call."""

    def on_epoch_end(self, line: Mapping) -> None:
        """Receives the line of the history of an epoch."""

    def on_train_end(self, step: int) -> None:
        """Runs once all phases have ended."""

    def close(self) -> None:
        """Releases resources, also after an error."""


class CheckpointWriter(Callback):
    """Writes the last and the best checkpoint after each epoch.

    Args:
      checkpoints: the run's checkpoints.
      state: state of the training loop.
      average: the average of the weights, which the best checkpoint has.
    """

    def __init__(
        self,
        checkpoints: checkpoints_lib.Checkpoints,
        state: loop_state.LoopState,
        average: weight_average.WeightAverage,
    ):
        self._checkpoints = checkpoints
        self._state = state
        self._average = average

    def on_epoch_end(self, line: Mapping) -> None:
        """Saves the checkpoints."""
        if self._state["best_epoch"] == self._state["epoch"]:
            with self._average.swapped():
                self._checkpoints.save(checkpoints_lib.BEST, line["step"])
        self._checkpoints.save(checkpoints_lib.LAST, line["step"])


class HistoryWriter(Callback):
    """Writes `history.jsonl`.

    Args:
      run_dir: directory of the run.
      state: state of the training loop, with the lines so far.
    """

    def __init__(self, run_dir: str, state: loop_state.LoopState):
        self._run_dir = run_dir
        self._state = state
        self._history: history_lib.History  # opened by on_train_begin

    def on_train_begin(self, step: int) -> None:
        """Writes the lines up to the step."""
        del step
        self._history = history_lib.History(self._run_dir, self._state.history)

    def on_epoch_end(self, line: Mapping) -> None:
        """Appends the line."""
        self._history.append(line)


class EpochLogger(Callback):
    """Logs a line per epoch."""

    def on_epoch_end(self, line: Mapping) -> None:
        """Logs the line."""
        logging.info(
            "%s  epoch %3d  step %6d  loss %8s  dev %7.4f  %6d tokens/s",
            line["phase"],
            line["epoch"],
            line["step"],
            divergence.format_loss(line["terms"]["loss/total"]),
            line["dev"]["average"],
            line["tokens_per_second"],
        )


class ProgressBar(Callback):
    """Shows a progress bar on a terminal.

    Args:
      config: phases, number of epochs, whether to show the bar.
      steps_per_epoch: steps per epoch.
    """

    def __init__(self, config: config_lib.Config, steps_per_epoch: int):
        self._total_steps = len(config.phases) * config.epochs * steps_per_epoch
        self._steps_per_epoch = steps_per_epoch
        self._enabled = None if config.progress else False
        self._bar: progress.Progress | None = None

    def on_train_begin(self, step: int) -> None:
        """Shows the bar."""
        self._bar = progress.Progress(
            self._total_steps,
            step,
            self._steps_per_epoch,
            enabled=self._enabled,
        )

    def on_log(self, step: int, logs: Mapping[str, float]) -> None:
        """Shows the step and its loss."""
        if self._bar is not None:
            self._bar.update(step, logs["loss/total"])

    def on_epoch_end(self, line: Mapping) -> None:
        """Shows the dev score."""
        if self._bar is not None:
            self._bar.dev(line["dev"]["average"])

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.close()
