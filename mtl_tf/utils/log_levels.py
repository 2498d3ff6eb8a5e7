"""Levels of the log for a part of a program."""

import contextlib
from collections.abc import Iterator

from absl import logging


@contextlib.contextmanager
def at(level: int) -> Iterator[None]:
    """Logs only what is of a level, or more severe, within the context.

    Args:
      level: a level of absl, such as `logging.WARNING`.
    """
    before = logging.get_verbosity()
    logger = logging.get_absl_logger()
    level_before = logger.level
    logging.set_verbosity(level)
    try:
        yield
    finally:
        logging.set_verbosity(before)
        # To set the verbosity may give the logger a level for the first time.
        logger.setLevel(level_before)
