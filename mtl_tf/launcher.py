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
    """
    devices.configure(config.threads)
    if config.mode != "train":
        config = _settings_of_run(config)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    tasks = corpus.select(config.tasks)
    if config.mode == "analyze":
        return analysis.run(experiment.Experiment(config))
    if config.mode == "evaluate":
        found = experiment.Experiment(config).evaluate()
    else:
        found = _train(config, corpus, tasks)
    return _report(config, tasks, found)


def _train(config, corpus, tasks):
    if run_directory.is_finished(config, corpus):
        logging.info("%s holds this run's results already", config.run_dir)
        return run_directory.read_results(config.run_dir)
    if config.seeds > 1:
        run_directory.start(config, corpus, tasks)
        found = _merge_seeds(_run_all(_seed_runs(config), corpus))
    elif config.sharing == "single_task" and len(tasks) > 1:
        run_directory.start(config, corpus, tasks)
        found = _merge_tasks(_run_all(_single_task_runs(config, tasks), corpus))
    else:
        found = experiment.Experiment(config).run()
        # Where several experiments follow each other in one process.
        keras.backend.clear_session()
    results.write(config.run_dir, found)
    return found


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
        baseline_run=config.baseline_run or there.baseline_run,
        threads=config.threads,
    )


def _seed_runs(config):
    return [
        dataclasses.replace(
            config,
            seed=seed,
            seeds=1,
            run_dir=os.path.join(config.run_dir, "seeds", str(seed)),
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]


def _single_task_runs(config, tasks):
    weights = config.task_weights_by_name()
    return [
        dataclasses.replace(
            config,
            tasks=(task.name,),
            stop_on="average",
            task_weights=(f"{task.name}:{weights[task.name]}",)
            if task.name in weights
            else (),
            run_dir=os.path.join(config.run_dir, "tasks", task.name),
        )
        for task in tasks
    ]


def _run_all(configs: Sequence[config_lib.Config], corpus) -> list[dict]:
    """Runs each in a process, `processes` at once; their results."""

    def run_one(config):
        if not run_directory.is_finished(config, corpus):
            logging.info("Training %s", config.run_dir)
            _run_process(config)
        return run_directory.read_results(config.run_dir)

    with concurrent.futures.ThreadPoolExecutor(configs[0].processes) as pool:
        return list(pool.map(run_one, configs))


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
    return {
        **results.combine(found, np.mean),
        "schema": run_directory.SCHEMA,
        "seeds": len(found),
        "deviation": results.combine(found, lambda x: np.std(x, ddof=1)),
    }


def _report(config, tasks, found):
    baseline = None
    if config.baseline_run:
        baseline = run_directory.read_results(config.baseline_run)
    name = (
        "single-task" if config.sharing == "single_task" else "multi-task"
    )
    table = results.table(found, tasks, name, baseline)
    return f"\nTest scores in percent ({config.run_dir})\n\n{table}\n"
