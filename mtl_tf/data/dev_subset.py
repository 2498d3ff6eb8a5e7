"""The dev rows that are scored after each epoch.

Predicting a text takes about a third of the time of training on it. If dev is
large compared with an epoch (which may be as short as the smallest task), a
full evaluation would take as long as the epoch. Then a fixed sample is scored
in each epoch. The scores reported at the end of a run are those of all of dev.
"""

from collections.abc import Sequence

import numpy as np
from absl import logging

from mtl_tf.data import input_pipeline
from mtl_tf.data import samplers
from mtl_tf.data import tasks as tasks_lib

# Dev tokens per training token of an epoch: about a tenth of its time.
_DEV_TOKENS_PER_TRAINING_TOKEN = 0.2
# The share of them for the main task, if early stopping follows one.
_MAIN_TASK_SHARE = 0.75
# Minimum rows of a task that early stopping follows, and of another task.
_MIN_ROWS, _MIN_ROWS_OF_OTHERS = 256, 128


def choose(
    dev: Sequence[input_pipeline.Split],
    tasks: Sequence[tasks_lib.Task],
    main_task: str,
    tokens_per_epoch: float,
    seed: int,
) -> list[input_pipeline.Split]:
    """Selects the dev rows of each task that are scored after each epoch.

    The main task takes precedence: the other tasks' scores are only plotted.

    Args:
      dev: the dev split of each task.
      tasks: the tasks.
      main_task: name of the task that early stopping follows; if empty, all.
      tokens_per_epoch: number of training tokens of an epoch.
      seed: seed of the samples.

    Returns:
      Each dev split, or a sample of its rows.
    """
    sizes = np.array([split.lengths.sum() for split in dev], np.float64)
    is_main = np.array([main_task in ("", task.name) for task in tasks])
    budget = _DEV_TOKENS_PER_TRAINING_TOKEN * tokens_per_epoch
    main_budget = budget if is_main.all() else _MAIN_TASK_SHARE * budget
    shares = np.ones(len(dev))
    shares[is_main] = min(1, main_budget / sizes[is_main].sum())
    remaining = budget - (shares * sizes)[is_main].sum()
    if not is_main.all():
        shares[~is_main] = min(1, remaining / sizes[~is_main].sum())
    min_rows = np.where(is_main, _MIN_ROWS, _MIN_ROWS_OF_OTHERS)
    return [
        _sample(split, task, max(minimum, round(share * len(split))), seed)
        for split, task, minimum, share in zip(
            dev, tasks, min_rows, shares, strict=True
        )
    ]


def _sample(split, task, num_rows, seed):
    if num_rows >= len(split):
        return split
    logging.info(
        "%s: %d of %d dev rows are scored after each epoch",
        task.name,
        num_rows,
        len(split),
    )
    random = np.random.default_rng((seed, samplers.DEV_STREAM, split.task_id))
    return split.take(np.sort(random.permutation(len(split))[:num_rows]))
