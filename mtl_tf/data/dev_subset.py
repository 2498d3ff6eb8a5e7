"""The rows of dev that are scored after each epoch.

Reading a text takes about a third of what training on it takes. Where dev is
large beside an epoch (one of the smallest task, say), scoring all of it would
take as long as the epoch does. Then a sample is scored, the same rows in every
epoch; what is reported of a run at its end is the score of all of dev.
"""

from collections.abc import Sequence

import numpy as np
from absl import logging

from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib

# Dev tokens over an epoch's training tokens: about a tenth of its time.
_SHARE = 0.2
# What tasks that decide over early stopping may take of it.
_OF_DECIDING = 0.75
# Rows that are left in any case: of a task that decides, and of another.
_ROWS, _ROWS_FOR_CURVES = 256, 128


def choose(
    dev: Sequence[input_pipeline.Split],
    tasks: Sequence[tasks_lib.Task],
    main_task: str,
    tokens: float,
    seed: int,
) -> list[input_pipeline.Split]:
    """Of each dev split, all of it or a sample.

    The main task comes first; other tasks' scores are for curves alone.

    Args:
      dev: the dev split of each task.
      tasks: the tasks.
      main_task: name of the task that early stopping follows; if empty, all.
      tokens: training tokens of an epoch.
      seed: seed of the samples.
    """
    sizes = np.array([split.lengths.sum() for split in dev], np.float64)
    decides = np.array([main_task in ("", task.name) for task in tasks])
    budget = _SHARE * tokens
    of_deciding = budget if decides.all() else _OF_DECIDING * budget
    shares = np.ones(len(dev))
    shares[decides] = min(1, of_deciding / sizes[decides].sum())
    rest = budget - (shares * sizes)[decides].sum()
    if not decides.all():
        shares[~decides] = min(1, rest / sizes[~decides].sum())
    least = np.where(decides, _ROWS, _ROWS_FOR_CURVES)
    return [
        _sample(split, task, max(rows, round(share * len(split))), seed)
        for split, task, rows, share in zip(
            dev, tasks, least, shares, strict=True
        )
    ]


def _sample(split, task, rows, seed):
    if rows >= len(split):
        return split
    logging.info(
        "%s: %d of %d dev rows are scored after each epoch",
        task.name,
        rows,
        len(split),
    )
    random = np.random.default_rng((seed, 4, split.task))
    return split.take(np.sort(random.permutation(len(split))[:rows]))
