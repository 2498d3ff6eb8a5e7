"""What a command makes: one run, or several in processes of their own.

Several seeds, and the single-task models of several tasks, are runs below the
run directory (`seeds/0`, `tasks/NAME`), each a whole one that can be looked at
by itself. Processes of their own start afresh: repeated model building in one
process grows its memory.
"""

import concurrent.futures
import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence

import keras
import numpy as np
from absl import logging

from mtl_tf import analysis
from mtl_tf import config as config_lib
from mtl_tf import devices
from mtl_tf import experiment
from mtl_tf import results
from mtl_tf import run_directory
from mtl_tf import tasks as tasks_lib


def run(config: config_lib.Config) -> str:
    """Does what `config.mode` says; returns what there is to print.

    Raises:
      ValueError: if the settings do not fit the corpus or the run directory,
        or a process fails.
      FloatingPointError: if training diverges.
    """
    devices.configure(config.threads)
    if config.mode != "train":
        config = _settings_of_run(config)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    tasks = corpus.select(config.tasks)
    # What can be wrong should be so before hours of training.
    run_directory.check(config, corpus)
    baseline = None
    if config.baseline_run:
        baseline = run_directory.read_results(config.baseline_run)
    parts = _parts(config, tasks)
    if config.mode == "analyze":
        if parts:
            raise ValueError(
                f"{config.run_dir} holds a run in each of "
                f"{', '.join(part.run_dir for part in parts)}: analyze one of "
                "them"
            )
        return analysis.run(experiment.Experiment(config))
    if config.mode == "evaluate":
        # Results of a run that is not over would pass for those of its end.
        run_directory.read_results(config.run_dir)
        found = _evaluate(config, corpus, parts)
    else:
        found = _train(config, corpus, tasks, parts)
    return _report(config, tasks, found, baseline)


def _train(config, corpus, tasks, parts):
    if run_directory.is_finished(config, corpus):
        logging.info("%s holds this run's results already", config.run_dir)
        return run_directory.read_results(config.run_dir)
    if parts:
        run_directory.start(config, corpus, tasks)
        return _merge(config, _run_all(parts, config.processes, corpus))
    found = experiment.Experiment(config).run()
    # Where several experiments follow each other in one process.
    keras.backend.clear_session()
    return found


def _evaluate(config, corpus, parts):
    if parts:
        return _merge(config, _run_all(parts, config.processes, corpus))
    return experiment.Experiment(config).evaluate()


def _settings_of_run(config):
    """The settings of the run in `run_dir`, with what may be given anew."""
    there = config_lib.Config.from_dict(
        run_directory.read_config(config.run_dir)["config"]
    )
    return dataclasses.replace(
        there,
        mode=config.mode,
        run_dir=config.run_dir,
        data_dir=config.data_dir or there.data_dir,
        baseline_run=config.baseline_run,
        threads=config.threads,
        processes=config.processes,
    )


def _parts(config, tasks):
    """The runs that this one is made of; none if it is one by itself."""
    if config.seeds > 1:
        return _seed_runs(config)
    if config.sharing == "single_task" and len(tasks) > 1:
        return _single_task_runs(config, tasks)
    return []


def _seed_runs(config):
    return [
        dataclasses.replace(
            config,
            seed=seed,
            seeds=1,
            # Each may be several runs again.
            processes=max(1, config.processes // config.seeds),
            baseline_run="",
            run_dir=os.path.join(config.run_dir, "seeds", str(seed)),
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]


def _single_task_runs(config, tasks):
    names = [task.name for task in tasks]
    # What is said of other tasks does not concern a run. What is said of no
    # task at all is left in, for the run to refuse.
    return [
        dataclasses.replace(
            config,
            tasks=(name,),
            stop_on="average" if config.stop_on in names else config.stop_on,
            task_weights=tuple(
                entry
                for entry in config.task_weights
                if entry.rpartition(":")[0] not in names
                or entry.rpartition(":")[0] == name
            ),
            baseline_run="",
            run_dir=os.path.join(config.run_dir, "tasks", name),
        )
        for name in names
    ]


def _run_all(
    configs: Sequence[config_lib.Config], processes: int, corpus
) -> list[dict]:
    """Runs each in a process, `processes` at once; their results."""

    def run_one(config):
        if config.mode != "train" or not run_directory.is_finished(
            config, corpus
        ):
            logging.info("%s: %s", config.mode, config.run_dir)
            _run_process(config)
        return run_directory.read_results(config.run_dir)

    with concurrent.futures.ThreadPoolExecutor(processes) as pool:
        futures = [pool.submit(run_one, config) for config in configs]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        finally:
            # After an error, those that have not begun are not begun.
            pool.shutdown(cancel_futures=True)
    return [future.result() for future in futures]


def _run_process(config):
    os.makedirs(config.run_dir, exist_ok=True)
    flagfile = os.path.join(config.run_dir, "run.flags")
    with open(flagfile, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in config.to_flags())
    log = os.path.join(config.run_dir, "log.txt")
    command = [sys.executable, "-m", "mtl_tf.main", f"--flagfile={flagfile}"]
    with open(log, "a", encoding="utf-8") as file:
        status = subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode
    if status:
        with open(log, encoding="utf-8", errors="replace") as file:
            last = "".join(file.readlines()[-5:])
        raise ValueError(
            f"the run in {config.run_dir} ended with status {status}; the end "
            f"of {log}:\n{last}"
        )


def _merge(config, found):
    """Results of the whole, from those of its parts; writes them."""
    merged = _merge_seeds(found) if config.seeds > 1 else _merge_tasks(found)
    results.write(config.run_dir, merged)
    return merged


def _merge_tasks(found):
    by_task = {}
    for result in found:
        by_task |= result["tasks"]
    seconds = sum(result["seconds"] for result in found)
    tokens = sum(
        result["seconds"] * result["tokens_per_second"] for result in found
    )
    return {
        "schema": run_directory.SCHEMA,
        "tasks": by_task,
        "average": results.averages(by_task),
        "steps": sum(result["steps"] for result in found),
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }


def _merge_seeds(found):
    """Means, and beside them the standard deviations (n - 1)."""
    numbers = [
        {name: value for name, value in result.items() if name != "schema"}
        for result in found
    ]
    return {
        "schema": run_directory.SCHEMA,
        **results.combine(numbers, np.mean),
        "seeds": len(found),
        "deviation": results.combine(numbers, lambda x: np.std(x, ddof=1)),
    }


def _report(config, tasks, found, baseline):
    name = "single-task" if config.sharing == "single_task" else "multi-task"
    table = results.table(found, tasks, name, baseline)
    seeds = f", means of {config.seeds} seeds" if config.seeds > 1 else ""
    return f"\nTest scores in percent{seeds} ({config.run_dir})\n\n{table}\n"
