"""Training and evaluation of one run, or of several in separate processes.

Several seeds, and the single-task models of several tasks, are complete runs in
subdirectories (`seeds/0`, `tasks/NAME`), trained in child processes.
"""

import contextlib
import dataclasses
import os
from collections.abc import Sequence

import keras
import numpy as np
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.config import tf_config
from mtl_tf.config import validation
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoints
from mtl_tf.runs import ensemble
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import results
from mtl_tf.runs import resumption
from mtl_tf.runs import run_directory
from mtl_tf.runs import run_parts
from mtl_tf.training import distribution
from mtl_tf.training import experiment
from mtl_tf.training import multi_worker
from mtl_tf.training import run_pool
from mtl_tf.training import teachers
from mtl_tf.training import warm_start
from mtl_tf.utils import files
from mtl_tf.utils import run_lock


def train(config: config_lib.Config, processes: int = 1) -> dict:
    """Trains and evaluates a run, or resumes it; a finished run stays as it is.

    With several workers, each calls it; only the chief writes files.

    Args:
      config: the settings; `data_dir` and `run_dir` must be set.
      processes: number of simultaneous processes, for several runs.

    Returns:
      The content of `results.json`.

    Raises:
      ValueError: if the settings do not fit the corpus or the run directory,
        another process uses the directory, or a child process fails.
      FloatingPointError: if training diverges.
      multi_worker.LostWorkerError: if another worker has ended.
    """
    corpus, tasks = _open(config, processes)
    with _held(config):
        if _has_results(config, corpus, tasks):
            logging.info("%s holds this run's results already", config.run_dir)
            return run_directory.read_results(config.run_dir)
        if _parts(config, tasks):
            run_pool.run_all(
                "train", _start(config, corpus, tasks), corpus, processes
            )
            return _merge(config, corpus)
        replicas = distribution.make(config.distribution)
        with multi_worker.running(replicas):
            multi_worker.check_same_run(replicas, config, corpus)
            run_results = experiment.Experiment(config, replicas).run()
        # Frees memory for further experiments in the same process.
        keras.backend.clear_session()
        return run_results


def _held(config):
    """Locks the directory of a run in the process that writes its files."""
    if tf_config.is_chief(config.distribution):
        return run_lock.hold(config.run_dir)
    return contextlib.nullcontext()


def train_all(
    configs: Sequence[config_lib.Config],
    processes: int = 1,
    *,
    allow_divergence: bool = False,
) -> list[dict | None]:
    """Trains and evaluates runs in child processes, as `train` does.

    Args:
      configs: settings of the runs, all of one corpus, each with a run
        directory.
      processes: number of simultaneous processes.
      allow_divergence: whether the other runs continue if one diverges.

    Returns:
      The content of each run's `results.json`; None if it diverged.

    Raises:
      ValueError: as `train`, before any of the runs is trained if possible.
      FloatingPointError: if a run diverges and that is not allowed.
    """
    diverged: set[str] = set()
    opened = [_open(config, processes) for config in configs]
    with contextlib.ExitStack() as stack:
        leaves = []
        for config, (corpus, tasks) in zip(configs, opened, strict=True):
            if _has_results(config, corpus, tasks):
                continue
            if _parts(config, tasks):
                stack.enter_context(run_lock.hold(config.run_dir))
            leaves += _start(config, corpus, tasks)
        if leaves:
            diverged = run_pool.run_all(
                "train",
                leaves,
                opened[0][0],
                processes,
                allow_divergence=allow_divergence,
            )
        return [
            _results(config, corpus, tasks, diverged)
            for config, (corpus, tasks) in zip(configs, opened, strict=True)
        ]


def _results(config, corpus, tasks, diverged):
    """Reads or merges the results of a run; None if a part diverged."""
    leaves = {leaf.run_dir for leaf in _leaves(config, corpus)}
    if leaves & diverged:
        return None
    if _has_results(config, corpus, tasks):
        return run_directory.read_results(config.run_dir)
    return _merge(config, corpus)


def _open(config, processes):
    """Checks the arguments of a call; returns the corpus and the tasks.

    Errors should come up before hours of training.
    """
    check_call(config, processes)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    tasks = corpus.select(config.tasks)
    run_directory.check(config, corpus)
    if tf_config.is_chief(config.distribution):
        run_directory.check_writable(config.run_dir, "give another run_dir")
    return corpus, tasks


def _has_results(config, corpus, tasks):
    """Returns whether a run and all of its parts have ended."""
    # A part may have been deleted since.
    return run_directory.is_finished(config, corpus) and all(
        run_directory.has_ended(part.run_dir) for part in _parts(config, tasks)
    )


def _start(config, corpus, tasks):
    """Starts a run with parts; returns the settings of the runs to train.

    These are the runs that have no parts themselves and no results yet.
    """
    parts = _parts(config, tasks)
    if not parts:
        return [config]
    for part in parts:
        run_directory.check(part, corpus)
    record = os.path.join(config.run_dir, run_directory.CONFIG_FILE)
    # A resumed run does not read other runs again.
    if not os.path.exists(record):
        if config.init_from:
            warm_start.check(config, tasks)
        if config.teachers:
            rows = corpus.rows
            teachers.check(
                config, [x for x in tasks if rows[x.name].get("unlabeled")]
            )
    unfinished = [
        part for part in parts if not run_directory.is_finished(part, corpus)
    ]
    for part in unfinished:
        # Damage in any part should come up before the others are trained.
        resumption.find(part.run_dir, part.phases)
    run_directory.start(config, corpus, tasks)
    return [
        leaf
        for part in unfinished
        for leaf in _start(part, corpus, corpus.select(part.tasks))
    ]


def evaluate(config: config_lib.Config, processes: int = 1) -> dict:
    """Scores the best checkpoint of a finished run on dev and test again.

    Writes nothing if the run directory is read-only.

    Args:
      config: the run's settings.
      processes: number of simultaneous processes, for several runs.

    Returns:
      The new content of `results.json`.

    Raises:
      ValueError: if the run has not ended, its corpus is missing, or another
        process uses the run directory.
    """
    check_call(config, processes)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.check(config, corpus)
    reason = files.why_not_writable(config.run_dir)
    if reason:
        run_results = _score(config, corpus)
        logging.warning("Nothing is written: %s", reason)
        return run_results
    with run_lock.hold(config.run_dir):
        # Results of an unfinished run would pass for final ones.
        run_directory.check_ended(config.run_dir)
        if _parts(config, corpus.select(config.tasks)):
            run_pool.run_all(
                "evaluate", _leaves(config, corpus), corpus, processes
            )
            return _merge(config, corpus)
        return experiment.Experiment(config).evaluate()


def _leaves(config, corpus):
    """Returns the settings of the runs that have no parts, of all levels."""
    parts = _parts(config, corpus.select(config.tasks))
    if not parts:
        return [config]
    return [leaf for part in parts for leaf in _leaves(part, corpus)]


def _score(config, corpus):
    """Scores a run in this process without writing; parts one by one."""
    run_directory.check_ended(config.run_dir)
    parts = _parts(config, corpus.select(config.tasks))
    if parts:
        by_part = [_score(part, corpus) for part in parts]
        return _merged(config, parts, by_part)
    run_results = experiment.Experiment(config).evaluate(write=False)
    keras.backend.clear_session()
    return run_results


def check_call(config: config_lib.Config, processes: int) -> None:
    """Checks the arguments of a call from Python; raises a ValueError."""
    if not isinstance(config, config_lib.Config):
        raise ValueError(
            f"config: expected a mtl_tf.Config, got {type(config).__name__}"
        )
    for name in ("data_dir", "run_dir"):
        if not getattr(config, name):
            raise ValueError(f"{name} is missing in the config")
    validation.check_processes(processes)


def _parts(config, tasks):
    """Returns the configs of a run's parts; empty for a single run."""
    run_dirs = run_directory.part_dirs(config, tasks)
    if config.num_runs > 1:
        return [
            dataclasses.replace(
                config, seed=int(seed), num_runs=1, run_dir=run_dir
            )
            for seed, run_dir in run_dirs.items()
        ]
    return [
        dataclasses.replace(
            config.of_task(name, run_dirs.keys()), run_dir=run_dir
        )
        for name, run_dir in run_dirs.items()
    ]


def how_to_continue(config: config_lib.Config) -> str:
    """Describes to the user how to continue after an interruption."""
    try:
        run = run_directory.Run.read(config.run_dir)
        if run_directory.has_ended(config.run_dir):
            return "training has ended; the same command does what remains"
        if run.parts:
            ended = sum(map(run_directory.has_ended, run.parts.values()))
            return (
                f"{ended} of {len(run.parts)} runs have ended; the same "
                "command continues with the others"
            )
        epoch = _last_epoch(config.run_dir)
    # There is no run yet, or a damaged one, which the next command reports.
    except (ValueError, OSError):
        epoch = 0
    if not epoch:
        return "no epoch has ended; the same command starts again"
    return f"the same command continues training after epoch {epoch}"


def _last_epoch(run_dir):
    """Returns the epoch of the last checkpoint; 0 if there is none."""
    step = checkpoints.last_step(run_dir)
    history = history_lib.read_history(run_dir)
    return max((x["epoch"] for x in history if x["step"] <= step), default=0)


def _merge(config, corpus):
    """Merges the results of a run's parts, and writes them, on all levels."""
    parts = _parts(config, corpus.select(config.tasks))
    for part in parts:
        if _parts(part, corpus.select(part.tasks)):
            with run_lock.hold(part.run_dir):
                _merge(part, corpus)
    run_parts.check(run_directory.Run.read(config.run_dir))
    by_part = [run_directory.read_results(part.run_dir) for part in parts]
    merged = _merged(config, parts, by_part)
    results.write(config.run_dir, merged)
    return merged


def _merged(config, parts, by_part):
    """Returns the results of all parts together, with their warnings."""
    if config.num_runs > 1:
        merged = _merge_seeds(by_part)
        ensemble.add(merged, [part.run_dir for part in parts])
    else:
        merged = _merge_tasks(by_part)
    warnings = [
        f"{os.path.relpath(part.run_dir, config.run_dir)}: {warning}"
        for part, result in zip(parts, by_part, strict=True)
        for warning in result.get("warnings", ())
    ]
    if warnings:
        merged["warnings"] = warnings
    return merged


def _merge_tasks(by_part):
    by_task = {}
    for result in by_part:
        by_task |= result["tasks"]
    seconds = sum(result["seconds"] for result in by_part)
    # The rate is None if the run took no time.
    tokens = sum(
        result["seconds"] * (result["tokens_per_second"] or 0)
        for result in by_part
    )
    return {
        "schema": run_directory.SCHEMA,
        "tasks": by_task,
        "average": results.averages(by_task),
        "steps": sum(result["steps"] for result in by_part),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds if seconds else None,
    }


def _merge_seeds(by_part):
    """Computes means and standard deviations (n - 1) over seeds."""
    numbers = [
        {k: x for k, x in result.items() if k not in ("schema", "warnings")}
        for result in by_part
    ]
    return {
        "schema": run_directory.SCHEMA,
        **results.combine(numbers, np.mean),
        "num_runs": len(by_part),
        "deviation": results.combine(numbers, lambda x: np.std(x, ddof=1)),
    }
