"""Training and evaluation of many runs in several processes."""

import concurrent.futures
import os
import sys
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.training import progress
from mtl_tf.utils import files
from mtl_tf.utils import subprocesses

LOG_FILE = "log.txt"
# Status of a run whose training diverged; other failures have 1.
DIVERGED = 65
# A process keeps some memory of every model that it has built.
_RUNS_PER_PROCESS = 16


def run_all(
    mode: str,
    configs: Sequence[config_lib.Config],
    corpus: tasks_lib.Corpus,
    processes: int,
    *,
    allow_divergence: bool = False,
) -> set[str]:
    """Trains or evaluates runs, `processes` at a time.

    SIGTERM and an interrupt end all of them.

    Args:
      mode: `train` or `evaluate`.
      configs: settings of the runs, which have no parts.
      corpus: their corpus.
      processes: number of simultaneous processes.
      allow_divergence: whether the other runs continue if one diverges.

    Returns:
      The directories of the runs that diverged.

    Raises:
      ValueError: if a run fails; no further run is started then.
      FloatingPointError: if a run diverges and that is not allowed.
    """
    diverged = set()
    workers = subprocesses.Workers(
        [sys.executable, "-m", "mtl_tf.training.worker"], _RUNS_PER_PROCESS
    )

    def run_one(config):
        # All runs must be trained on the same data.
        corpus.check_unchanged()
        try:
            _run(mode, config, workers)
        except FloatingPointError:
            if not allow_divergence:
                raise
            diverged.add(config.run_dir)
        return config.run_dir

    with (
        subprocesses.sigterm_raises(),
        workers,
        progress.RunsProgress(mode, len(configs)) as bar,
        concurrent.futures.ThreadPoolExecutor(processes) as pool,
    ):
        try:
            _wait(pool, [pool.submit(run_one, x) for x in configs], bar)
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(wait=False, cancel_futures=True)
            workers.end()
            raise
    return diverged


def _wait(pool, futures, bar):
    """Waits for all runs; after an error, no further one is started."""
    try:
        for future in concurrent.futures.as_completed(futures):
            bar.update(future.result())
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise


def _run(mode, config, workers):
    """Runs a config in a worker; its output goes to `LOG_FILE`."""
    os.makedirs(config.run_dir, exist_ok=True)
    log = os.path.join(config.run_dir, LOG_FILE)
    status = workers.run({"mode": mode, "config": config.to_dict()}, log)
    if status:
        # If the disk is full, the log may not say so.
        files.check_space(config.run_dir)
        with open(log, encoding="utf-8", errors="replace") as file:
            last = "".join(file.readlines()[-5:])
        error = FloatingPointError if status == DIVERGED else ValueError
        raise error(
            f"the run in {config.run_dir} ended with status {status}; the end "
            f"of {log}:\n{last}"
        )
