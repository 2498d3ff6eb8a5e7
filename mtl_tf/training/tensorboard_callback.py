"""The callback that writes TensorBoard summaries during training."""

from collections.abc import Mapping

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.training import callbacks
from mtl_tf.training import loop_state


class TensorBoardCallback(callbacks.Callback):
    """Writes curves, settings and the best score to `tensorboard/`.

    Args:
      config: settings of the run.
      description: description of the run, as text.
      state: state of the training loop.
    """

    def __init__(
        self,
        config: config_lib.Config,
        description: str,
        state: loop_state.LoopState,
    ):
        self._config = config
        self._description = description
        self._state = state
        self._board: summaries.TensorBoard  # opened by on_train_begin

    def on_train_begin(self, step: int) -> None:
        """Drops events after the step; writes the settings."""
        run_dir = self._config.run_dir
        summaries.drop_events(run_dir, step)
        self._board = summaries.TensorBoard(run_dir, self._config.main_task)
        self._board.settings(self._config, self._description)

    def on_log(self, step: int, logs: Mapping[str, float]) -> None:
        """Writes losses and other logs of training."""
        self._board.training(step, logs)

    def on_epoch_end(self, line: Mapping) -> None:
        """Writes dev scores and speed."""
        self._board.epoch(line)

    def on_train_end(self, step: int) -> None:
        """Writes the best epoch and its dev score."""
        self._board.best(
            step, self._state["best_epoch"], self._state["best_score"]
        )
