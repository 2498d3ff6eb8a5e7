"""Progress bars on a terminal: of a training run, and of many runs."""

import logging
import time

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


class RunsProgress:
    """The progress of many runs: a bar on a terminal, or else lines of the log.

    Both estimate the time left from the runs that have ended.

    Args:
      mode: what is done with the runs.
      total: number of runs.
    """

    def __init__(self, mode: str, total: int):
        self._mode = mode
        self._total = total
        self._ended = 0
        self._start = time.monotonic()
        self._bar = tqdm.tqdm(
            desc=mode,
            total=total,
            unit=" runs",
            dynamic_ncols=True,
            leave=False,
            # A single run needs no bar.
            disable=None if total > 1 else True,
        )

    def update(self, run_dir: str) -> None:
        """Counts a run that has ended."""
        self._ended += 1
        self._bar.update()
        if not self._bar.disable or self._total == 1:
            return
        left = self._total - self._ended
        seconds = (time.monotonic() - self._start) / self._ended * left
        absl_logging.info(
            "%s: %d of %d runs%s: %s",
            self._mode,
            self._ended,
            self._total,
            f", about {format_duration(seconds)} left" if left else "",
            run_dir,
        )

    def __enter__(self) -> "RunsProgress":
        return self

    def __exit__(self, *error) -> None:
        self._bar.close()


def format_duration(seconds: float) -> str:
    """Formats a duration roughly: `40 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
