"""Checks of a command that do not import TensorFlow, which takes seconds.

Other modules check their input again, as they are also called from Python.
"""

import os
from collections.abc import Mapping

from mtl_tf.cli import text_settings
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import lines
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import auxiliary_runs
from mtl_tf.studies import comparison_plan
from mtl_tf.studies import leave_one_out_runs
from mtl_tf.studies import search_space
from mtl_tf.studies import search_space_file
from mtl_tf.studies import study_directory
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
    if command.mode == "train":
        _check_training(config)
    elif command.mode == "compare":
        plan = comparison_plan.make(
            models,
            config,
            runs_by_size=command.runs_by_train_size(config.num_runs),
            new_tasks=command.new_tasks,
        )
        plan.check()
    elif command.mode == "leave_one_out":
        _check_leave_one_out(command, config)
    elif command.mode == "sweep":
        _check_sweep(command, config)
    elif command.mode == "search_auxiliary":
        _check_search(command, config)
    else:
        _check_run(command, config)
    if command.baseline_run:
        run_directory.read_results(command.baseline_run)


def _check_training(config):
    if not config.data_dir:
        raise ValueError("--data_dir is missing")
    corpus = tasks_lib.Corpus.read(config.data_dir)
    tasks = corpus.select(config.tasks)
    run_directory.check(config, corpus)
    task_settings.check(config, corpus, tasks)
    record = os.path.join(config.run_dir, run_directory.CONFIG_FILE)
    # A run that resumes has read these files before.
    if os.path.exists(record):
        return
    if config.word_vectors:
        pretrained_embeddings.check_source(config.word_vectors)
    if config.init_from:
        try:
            run_directory.Run.read(config.init_from)
        except ValueError as error:
            raise ValueError(f"init_from={config.init_from}: {error}") from None


def _check_leave_one_out(command, config):
    if not config.data_dir:
        raise ValueError("--data_dir is missing")
    corpus = tasks_lib.Corpus.read(config.data_dir)
    leave_one_out_runs.check(config, corpus, command.held_out)


def _check_search(command, config):
    if not config.data_dir:
        raise ValueError("--data_dir is missing")
    corpus = tasks_lib.Corpus.read(config.data_dir)
    method = command.search_method
    auxiliary_runs.plan(config, corpus, method)
    study_directory.check(
        config.run_dir,
        auxiliary_runs.KIND,
        auxiliary_runs.study_settings(config, method),
        corpus,
    )
    if config.word_vectors:
        pretrained_embeddings.check_source(config.word_vectors)


def _check_sweep(command, config):
    if not config.data_dir:
        raise ValueError("--data_dir is missing")
    space = search_space_file.read(command.search_space)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    study_directory.check(
        config.run_dir, "sweep", trials.study_settings(space, config), corpus
    )
    plan = trials.Plan(space, config, corpus)
    if space.method == search_space.TPE:
        # Fails if Optuna is missing.
        plan.propose({})
    else:
        plan.fill()


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
