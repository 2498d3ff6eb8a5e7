"""A progress bar for training on a terminal."""

import logging

import tqdm
from absl import logging as absl_logging

from mtl_tf.training import divergence


class Progress:
    """Shows epoch, step, loss, dev metric and time left on standard error.

    Lines that absl logs meanwhile go above the bar. Use it as a context
    manager, so that the bar is gone before an error is printed:

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
          total_steps: steps of the whole training.
          first_step: steps that an earlier part of a resumed run has done:
            time left is reckoned from the others.
          steps_per_epoch: steps of an epoch; the last one may have fewer.
          enabled: whether to show it; where this is None, it shows on a
            terminal and keeps quiet otherwise.
        """
        self._steps_per_epoch = steps_per_epoch
        self._epochs = -(-total_steps // steps_per_epoch)
        self._texts = {}
        self._bar = tqdm.tqdm(
            desc=self._epoch(first_step + 1),
            total=total_steps,
            initial=first_step,
            unit=" steps",
            dynamic_ncols=True,
            leave=False,
            disable=None if enabled is None else not enabled,
        )
        absl_logging.get_absl_handler().addFilter(self._make_room)

    def update(self, step: int, loss: float) -> None:
        """Shows that `step` steps are done, the last of them with `loss`."""
        self._texts["loss"] = divergence.show_loss(loss)
        self._bar.set_description(self._epoch(step), refresh=False)
        self._bar.set_postfix(self._texts, refresh=False)
        self._bar.update(step - self._bar.n)

    def dev(self, metric: float) -> None:
        """Shows the latest dev metric, the one that early stopping follows."""
        self._texts["dev"] = f"{metric:.4f}"

    def refresh(self) -> None:
        """Shows the bar as of now; `update` does so ten times a second."""
        self._bar.refresh()

    def close(self) -> None:
        """Takes the bar away."""
        absl_logging.get_absl_handler().removeFilter(self._make_room)
        self._bar.close()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def _epoch(self, step):
        epoch = min(-(-step // self._steps_per_epoch), self._epochs)
        return f"epoch {epoch}/{self._epochs}"

    def _make_room(self, record: logging.LogRecord) -> bool:
        del record
        # The line of the record takes the bar's place; the next update shows
        # the bar below it.
        self._bar.clear()
        return True
