"""Modes of the command: what each `--mode` does with a run."""

import contextlib
import dataclasses
import os
import shlex
import sys
from collections.abc import Mapping

from absl import logging

from mtl_tf.cli import restarts
from mtl_tf.cli import text_analysis
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.config import tf_config
from mtl_tf.reporting.html import page
from mtl_tf.reporting.html import rendering
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table
from mtl_tf.serving import batch_prediction
from mtl_tf.serving import saved_model
from mtl_tf.serving import trained_model
from mtl_tf.studies import auxiliary_search
from mtl_tf.studies import comparison
from mtl_tf.studies import comparison_plan
from mtl_tf.studies import leave_one_out
from mtl_tf.studies import sweep
from mtl_tf.training import analysis
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from mtl_tf.training import multi_worker
from mtl_tf.utils import devices
from mtl_tf.utils import files
from mtl_tf.utils import log_levels

# Default page of a comparison of runs.
COMPARISON_FILE = "comparison.html"
# Characters at the start of a page that name its generator.
_HEAD_CHARACTERS = 1000
_COPY = "copy the run to a writable directory and use that one"


def run(
    command: command_lib.Command,
    config: config_lib.Config,
    models: Mapping[str, config_lib.Config],
) -> str:
    """Runs a command.

    Args:
      command: settings of the command.
      config: settings of the run to train, or of all runs of a study. Other
        modes use `run_dir`, `data_dir` and `threads`, and read all others from
        the run directory.
      models: settings of the models of a comparison, by name.

    Returns:
      The text to print.

    Raises:
      ValueError: if the settings do not fit each other, the corpus or the run
        directory.
      FloatingPointError: if training diverges.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    if command.output:
        # Early, as predictions may take hours.
        _check_output(command.output)
    # Only the chief tells how training proceeds.
    quiet = (
        contextlib.nullcontext()
        if _is_chief(command, config)
        else log_levels.at(logging.WARNING)
    )
    try:
        with quiet:
            devices.configure(config.threads)
            if command.mode == "compare":
                return _compare(command, config, models)
            return _MODES[command.mode](command, config)
    except KeyboardInterrupt as interrupt:
        if command.mode == "train":
            interrupt.add_note(launcher.how_to_continue(config))
        elif command.output:
            interrupt.add_note(
                f"{command.output} is unchanged; run the same command again"
            )
        raise


def _train(command, config):
    baseline = _baseline(command)
    # A user must choose one of several seeds.
    is_exported = command.export and config.num_runs == 1
    is_chief = _is_chief(command, config)
    if is_exported and is_chief:
        saved_model.check_replaceable(config.run_dir)
    try:
        results = launcher.train(config, command.processes)
    except multi_worker.LostWorkerError as error:
        restarts.after(error, config.run_dir)
    if not is_chief:
        return ""
    output = [_table(config, results, baseline)]
    if command.report:
        output.append(_write_report(command, config))
    if is_exported:
        output.append(f"export: {saved_model.write(config.run_dir)}")
    return "\n".join(output)


def _is_chief(command, config):
    """Returns whether this process writes files; others help it to train."""
    return command.mode != "train" or tf_config.is_chief(config.distribution)


def _evaluate(command, config):
    if command.input:
        return batch_prediction.evaluate(_load(command, config), command)
    config = _settings_of_run(config)
    baseline = _baseline(command)
    results = launcher.evaluate(config, command.processes)
    return _table(config, results, baseline)


def _predict(command, config):
    return batch_prediction.predict(_load(command, config), command)


def _export(command, config):
    run_directory.check_writable(config.run_dir, _COPY)
    path = saved_model.write(
        config.run_dir,
        default_task=command.task,
        head=command.head,
        calibrated=command.calibrated,
    )
    return f"export: {path}"


def _report(command, config):
    if not command.runs and not command.output:
        run_directory.check_writable(
            config.run_dir, "choose another path for the page: --output=FILE"
        )
    if not command.runs:
        return _write_report(command, config)
    path = command.output or COMPARISON_FILE
    if not command.output:
        _check_comparison(path)
    return f"report: {page.compare(command.runs, path, texts=command.texts)}"


def _write_report(command, config):
    path = page.write(
        config.run_dir,
        baseline_run=command.baseline_run,
        texts=command.texts,
        path=command.output,
    )
    return f"report: {path}"


def _check_output(path):
    """Checks that --output is writable."""
    if os.path.isdir(path):
        raise ValueError(f"--output={path} is a directory, not a file")
    folder = os.path.dirname(files.resolve(path))
    if not os.path.exists(path) or os.path.isfile(path):
        reason = files.why_not_writable(folder)
        if reason:
            raise ValueError(f"--output={path}: {reason}")


def _check_comparison(path):
    """Refuses to replace a file that is not a page of this command."""
    folder = os.path.dirname(os.path.abspath(path))
    reason = files.why_not_writable(folder)
    if reason:
        raise ValueError(
            f"{path}: {reason}; choose another path for the page: --output=FILE"
        )
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        if rendering.GENERATOR not in file.read(_HEAD_CHARACTERS):
            raise ValueError(
                f"{path} exists and is not a page of this command: choose "
                "another path for the page: --output=FILE"
            )


def _analyze(command, config):
    if command.runs:
        return text_analysis.compare(command)
    run_directory.check_writable(config.run_dir, _COPY)
    if command.text:
        return text_analysis.run(command, config.run_dir)
    config = _settings_of_run(config)
    parts = run_directory.Run.read(config.run_dir).parts
    if parts:
        raise ValueError(
            f"{config.run_dir} contains several runs: analyze one of "
            f"{', '.join(parts.values())}"
        )
    return analysis.run(experiment.Experiment(config))


def _compare(command, config, models):
    plan = comparison_plan.make(
        models,
        config,
        runs_by_size=command.runs_by_train_size(config.num_runs),
        new_tasks=command.new_tasks,
    )
    return comparison.run(plan, command.processes).text


def _leave_one_out(command, config):
    result = leave_one_out.run(config, command.held_out, command.processes)
    return result.text


def _sweep(command, config):
    result = sweep.run(
        config,
        command.search_space,
        command.processes,
        command=f"python -m mtl_tf.main {shlex.join(sys.argv[1:])}",
    )
    return result.text


def _search_auxiliary(command, config):
    result = auxiliary_search.run(
        config,
        command.search_method,
        command.max_auxiliary,
        command.processes,
    )
    return result.text


def _settings_of_run(config):
    """Returns the settings of `run_dir`, with those that may be overridden."""
    saved = run_directory.Run.read(config.run_dir).config
    return dataclasses.replace(
        saved,
        data_dir=config.data_dir or saved.data_dir,
        threads=config.threads,
    )


def _load(command, config):
    return trained_model.load(config.run_dir, calibrated=command.calibrated)


def _baseline(command):
    """Reads the results of the baseline, early to detect a wrong path."""
    if not command.baseline_run:
        return None
    return run_directory.read_results(command.baseline_run)


def _table(config, results, baseline):
    tasks = run_directory.Run.read(config.run_dir).tasks
    name = "single-task" if config.sharing == "single_task" else "multi-task"
    table = score_table.table(results, tasks, name, baseline)
    seeds = f", means of {config.num_runs} seeds" if config.num_runs > 1 else ""
    caption = f"{score_table.caption(tasks)}{seeds} ({config.run_dir})"
    output = f"\n{caption}\n\n{table}\n"
    note = score_table.deduplication_note(tasks, results)
    output += f"\n{note}\n" if note else ""
    if "warnings" in results:
        output += "".join(f"\nWarning: {x}" for x in results["warnings"])
        output += "\n"
    return output


_MODES = {
    "train": _train,
    "evaluate": _evaluate,
    "predict": _predict,
    "export": _export,
    "analyze": _analyze,
    "report": _report,
    "leave_one_out": _leave_one_out,
    "sweep": _sweep,
    "search_auxiliary": _search_auxiliary,
}
