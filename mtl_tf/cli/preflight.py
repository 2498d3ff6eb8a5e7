"""Checks of a command that do not import TensorFlow, which takes seconds.

Other modules check their input again, as they are also called from Python.
"""

import os
from collections.abc import Mapping

from mtl_tf.cli import text_settings
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.config import tf_config
from mtl_tf.data import lines
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import auxiliary_runs
from mtl_tf.studies import comparison_plan
from mtl_tf.studies import leave_one_out_runs
from mtl_tf.studies import search_space_file
from mtl_tf.studies import trials


def check(
    command: command_lib.Command,
    config: config_lib.Config,
    models: Mapping[str, config_lib.Config],
) -> None:
    """Checks the input of a command, as far as small files allow.

    Args:
      command: settings of the command.
      config: settings of the run.
      models: settings of the models of a comparison, by name.

    Raises:
      ValueError: if a directory or a file is missing, or the settings do not
        fit the corpus or the run.
    """
    if command.mode in ("report", "analyze") and command.runs:
        runs = [run_directory.Run.read(run_dir) for run_dir in command.runs]
        if command.text:
            text_settings.check(command, runs)
        return
    if not config.run_dir:
        raise ValueError("--run_dir is missing")
    trains = command.mode == "train" or command.mode in command_lib.STUDIES
    if trains and not config.data_dir:
        raise ValueError("--data_dir is missing")
    if command.mode == "compare":
        _check_comparison(command, config, models)
    else:
        _CHECKS.get(command.mode, _check_run)(command, config)
    if command.baseline_run:
        run_directory.read_results(command.baseline_run)


def _check_training(command, config):
    del command
    # Fails if there is no such worker.
    tf_config.is_chief(config.distribution)
    distribution.check_service(config)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    tasks = corpus.select(config.tasks)
    run_directory.check(config, corpus)
    task_settings.check(config, corpus, tasks)
    record = os.path.join(config.run_dir, run_directory.CONFIG_FILE)
    # A run that resumes has read these files before.
    if os.path.exists(record):
        return
    _check_word_vectors(config)
    for name, run_dirs in {
        "init_from": [config.init_from] if config.init_from else [],
        "teachers": config.teachers,
    }.items():
        for run_dir in run_dirs:
            try:
                run_directory.Run.read(run_dir)
            except ValueError as error:
                raise ValueError(f"{name}={run_dir}: {error}") from None


def _check_word_vectors(config):
    for source in config.word_vectors:
        pretrained_embeddings.check_source(source)


def _check_comparison(command, config, models):
    plan = comparison_plan.make(
        models,
        config,
        runs_by_size=command.runs_by_train_size(config.num_runs),
        new_tasks=command.new_tasks,
    )
    plan.check()


def _check_leave_one_out(command, config):
    corpus = tasks_lib.Corpus.read(config.data_dir)
    leave_one_out_runs.check(config, corpus, command.held_out)


def _check_search(command, config):
    corpus = tasks_lib.Corpus.read(config.data_dir)
    auxiliary_runs.check(config, corpus, command.search_method)
    _check_word_vectors(config)


def _check_sweep(command, config):
    space = search_space_file.read(command.search_space)
    trials.check(space, config, tasks_lib.Corpus.read(config.data_dir))


def _check_run(command, config):
    run = run_directory.Run.read(config.run_dir)
    if command.task:
        run.check_task(command.task)
    if command.text:
        text_settings.check(command, [run])
    if command.input:
        lines.check_file(command.input)
    elif command.mode == "evaluate":
        tasks_lib.Corpus.read(config.data_dir or run.config.data_dir)


_CHECKS = {
    "train": _check_training,
    "leave_one_out": _check_leave_one_out,
    "sweep": _check_sweep,
    "search_auxiliary": _check_search,
}
