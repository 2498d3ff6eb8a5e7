"""A progress bar for training on a terminal."""

import logging

import tqdm
from absl import logging as absl_logging

from mtl_tf.training import divergence


class Progress:
    """A bar on standard error: epoch, step, loss, dev metric and time left.

    Lines that absl logs meanwhile appear above the bar. As a context manager it
    removes the bar before an error is printed:

        with progress.Progress(total_steps, first_step, steps_per_epoch) as bar:
            for step in range(first_step, total_steps):
                bar.update(step + 1, loss=train_step())
    """

    def __init__(
        self,
        total_steps: int,
        first_step: int,
        steps_per_epoch: int,
        enabled: bool | None = None,
    ):
        """Shows the bar.

        Args:
          total_steps: steps of the complete training.
          first_step: steps before a resumed run; they do not count for the
            estimate of the time left.
          steps_per_epoch: steps per epoch; the last epoch may have fewer.
          enabled: whether to show the bar; None: only on a terminal.
        """
        self._steps_per_epoch = steps_per_epoch
        self._epochs = -(-total_steps // steps_per_epoch)
        self._texts: dict[str, str] = {}
        self._bar = tqdm.tqdm(
            desc=self._format_epoch(first_step + 1),
            total=total_steps,
            initial=first_step,
            unit=" steps",
            dynamic_ncols=True,
            leave=False,
            disable=None if enabled is None else not enabled,
        )
        absl_logging.get_absl_handler().addFilter(self._make_room)

    def update(self, step: int, loss: float) -> None:
        """Shows the number of finished steps and the loss of the last one."""
        self._texts["loss"] = divergence.format_loss(loss)
        self._bar.set_description(self._format_epoch(step), refresh=False)
        self._bar.set_postfix(self._texts, refresh=False)
        self._bar.update(step - self._bar.n)

    def dev(self, metric: float) -> None:
        """Shows the latest dev metric that early stopping follows."""
        self._texts["dev"] = f"{metric:.4f}"

    def refresh(self) -> None:
        """Redraws the bar; `update` does so ten times a second."""
        self._bar.refresh()

    def close(self) -> None:
        """Removes the bar."""
        absl_logging.get_absl_handler().removeFilter(self._make_room)
        self._bar.close()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def _format_epoch(self, step):
        epoch = min(-(-step // self._steps_per_epoch), self._epochs)
        return f"epoch {epoch}/{self._epochs}"

    def _make_room(self, record: logging.LogRecord) -> bool:
        del record
        # The record's line replaces the bar; the next update draws the bar
        # below it.
        self._bar.clear()
        return True
