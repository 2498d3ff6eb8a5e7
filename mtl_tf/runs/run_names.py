"""Names of compared runs, made from the settings in which they differ."""

import os
from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.runs import descriptions
from mtl_tf.utils import display_names as names_lib

# Settings that the name of the model stands for.
_OF_MODEL = (
    *("sharing", "adversarial_weight", "orthogonality_weight"),
    *("label_transfer", "main_task"),
)
# They are only in a name if nothing else distinguishes the runs.
_OF_SEEDS = ("seed", "num_runs")
# Settings that do not change what a run learns.
_OF_COMMAND = (
    *("data_dir", "run_dir", "threads", "keep_checkpoints", "log_every"),
    *("pictures", "progress"),
)
# With more settings that differ, a name has only those that it needs.
_MAX_SETTINGS = 2
_VALUE_LENGTH = 24


def make(
    configs: Sequence[config_lib.Config], run_dirs: Sequence[str]
) -> list[str]:
    """Makes a distinct name for each of several runs.

    A name has the kind of model, if the runs differ in it, and settings that
    differ, such as `hidden_size=200`. Runs with the same settings are named by
    their directories.

    Args:
      configs: settings of the runs.
      run_dirs: their directories.
    """
    models = [_model_name(config) for config in configs]
    settings = _settings(configs)
    columns = []
    if len(set(models)) > 1:
        columns.append(models)
        settings = {
            name: values
            for name, values in settings.items()
            if name not in _OF_MODEL or _differ_within(models, values)
        }
    seeds = [settings.pop(name) for name in _OF_SEEDS if name in settings]
    if len(settings) <= _MAX_SETTINGS:
        columns += settings.values()
    else:
        columns += _select(columns, list(settings.values()))
    columns += _select(columns, seeds)
    names = [", ".join(row) for row in _rows(columns, len(configs))]
    if len(set(names)) == len(names):
        return names
    # Paths up to the folder that all runs share.
    paths = [os.path.abspath(run_dir) for run_dir in run_dirs]
    common = os.path.commonpath(paths)
    return [
        f"{name} ({os.path.relpath(path, common)})" if name else path
        for name, path in zip(names, paths, strict=True)
    ]


def _model_name(config):
    """Names the kind of model, and whether it has a label transfer network."""
    name = descriptions.model_name(config)
    has_transfer = config.label_transfer != "none"
    return f"{name} with label transfer" if has_transfer else name


def _settings(configs):
    """Formats the settings that differ, as lists by run, by name."""
    differing, _ = descriptions.settings(configs)
    settings = {}
    for setting in differing:
        if setting.name not in _OF_COMMAND:
            short = names_lib.shorten(setting.values, _VALUE_LENGTH)
            settings[setting.name] = [
                f"{setting.name}={short[value] or '(empty)'}"
                for value in setting.values
            ]
    return settings


def _differ_within(models, values):
    """Checks whether runs of the same kind of model differ in a setting."""
    return len(set(zip(models, values, strict=True))) > len(set(models))


def _select(columns, candidates):
    """Selects settings, one by one, until they distinguish all runs.

    Args:
      columns: what the names already have, lists by run.
      candidates: the settings that differ, lists by run.

    Returns:
      The selected settings. At each step, it is the one that distinguishes the
      most runs.
    """

    def count(column):
        return len(set(_rows([*columns, *selected, column], len(column))))

    selected = []
    remaining = list(candidates)
    while remaining:
        best = max(remaining, key=count)
        if count(best) == len(set(_rows([*columns, *selected], len(best)))):
            break
        remaining.remove(best)
        selected.append(best)
    return selected


def _rows(columns, count):
    """Returns the values of each run as a tuple."""
    return list(zip(*columns, strict=True)) if columns else [()] * count
