"""Settings of a run in TensorBoard: HParams and a table."""

import dataclasses
import glob
import os
import typing
from collections.abc import Collection

import tensorflow as tf
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import api
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams import plugin_data_pb2

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import scalars
from mtl_tf.runs import run_directory
from mtl_tf.utils import display_names as names_lib

# TensorBoard shows five columns by default: those in which the models of the
# paper differ.
_DEFAULT_COLUMNS = {
    "sharing",
    "encoder",
    "adversarial_weight",
    "orthogonality_weight",
    "seed",
}
_PART_FOLDERS = (run_directory.SEEDS_DIR, run_directory.TASKS_DIR)
_METRICS = {
    "best/dev_average": "best dev average",
    "best/epoch": "best epoch",
    "test/accuracy": "test accuracy",
    "test/macro_f1": "test macro F1",
}


def write(config: config_lib.Config) -> None:
    """Writes the settings and metrics of HParams into the default writer.

    Settings that may change when a run is resumed are left out. The metrics are
    curves of the run's event file.

    Args:
      config: settings of the run.
    """
    fields = [
        field
        for field in dataclasses.fields(config)
        if not field.metadata["changeable"]
    ]
    tf.summary.experimental.write_raw_pb(
        _experiment(fields, _DEFAULT_COLUMNS).SerializeToString(), step=0
    )
    values = {field.name: getattr(config, field.name) for field in fields}
    api.hparams(
        {
            name: _list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        },
        # By default, HParams averages runs with the same settings.
        trial_id=trial_id(config.run_dir),
    )


def trial_id(run_dir: str) -> str:
    """Makes the unique name of a run in HParams.

    HParams shows about 15 characters. These are the name of the run, and the
    name of a part before that of its run: `films (runs)`, `0 of films (runs)`.

    Args:
      run_dir: directory of the run.
    """
    folder, name = os.path.split(run_dir.rstrip(os.sep))
    names = [name]
    while os.path.basename(folder) in _PART_FOLDERS:
        folder, name = os.path.split(os.path.dirname(folder))
        names.append(name)
    return f"{' of '.join(names)} ({folder or os.curdir})"


def _list(values):
    """Formats a list with its length, since HParams shows only its start."""
    return f"{len(values)}: {', '.join(values)}" if values else ""


def declare_columns(run_dir: str, names: Collection[str]) -> None:
    """Replaces the columns of HParams in the event files of a run.

    TensorBoard reads the columns from any one of the runs that it shows, so all
    runs of a study must declare the same ones.

    Args:
      run_dir: directory of the run, which may have parts; it has ended.
      names: settings that are columns.
    """
    fields = [
        field
        for field in dataclasses.fields(config_lib.Config)
        if field.name in names
    ]
    declaration = _experiment(fields, names).value[0].metadata
    pattern = os.path.join(
        glob.escape(run_dir), "**", "tensorboard", "*tfevents*"
    )
    for path in glob.glob(pattern, recursive=True):
        events, is_declared = [], False
        for content in tf.data.TFRecordDataset(path).as_numpy_iterator():
            event = event_pb2.Event.FromString(content)
            for value in event.summary.value:
                if value.tag == metadata.EXPERIMENT_TAG:
                    value.metadata.CopyFrom(declaration)
                    is_declared = True
            events.append(event.SerializeToString())
        if is_declared:
            # Elsewhere, as TensorBoard reads all files in the folder.
            temporary = os.path.join(run_dir, "events.part")
            with tf.io.TFRecordWriter(temporary) as writer:
                for content in events:
                    writer.write(content)
            os.replace(temporary, path)


def table(config: config_lib.Config) -> str:
    """Formats the settings in Markdown, non-default ones first."""
    fields = dataclasses.fields(config)
    changed = [
        field
        for field in fields
        if getattr(config, field.name) != field.default
    ]
    lines = ["### Non-default settings", "", *_header("default")]
    for field in changed:
        value = getattr(config, field.name)
        lines.append(
            f"| {field.name} | {_code(value)} | {_code(field.default)} |"
        )
    lines += ["", "### All settings", "", *_header("meaning")]
    for field in fields:
        value = _code(getattr(config, field.name))
        lines.append(f"| {field.name} | {value} | {field.metadata['help']} |")
    return "\n".join(lines)


def _experiment(fields, default_columns):
    """Makes the summary that declares settings and metrics.

    Args:
      fields: the settings.
      default_columns: names of those that TensorBoard shows by default.
    """
    types = typing.get_type_hints(config_lib.Config)
    summary = api.hparams_config_pb(
        [_hparam(field, types[field.name]) for field in fields],
        [
            api.Metric(
                tag, display_name=name, description=scalars.DESCRIPTIONS[tag]
            )
            for tag, name in _METRICS.items()
        ],
    )
    # TensorBoard first shows columns that differ between runs. Which ones do is
    # not known here.
    plugin_data = summary.value[0].metadata.plugin_data
    content = plugin_data_pb2.HParamsPluginData.FromString(plugin_data.content)
    for info in content.experiment.hparam_infos:
        info.differs = info.name in default_columns
    plugin_data.content = content.SerializeToString()
    return summary


def _hparam(field, kind):
    """Declares a setting with its domain."""
    symbol = field.metadata["symbol"]
    if field.metadata["choices"]:
        domain = api.Discrete(field.metadata["choices"])
    elif kind is bool:
        domain = api.Discrete([False, True])
    elif field.name.endswith("_dropout"):
        domain = api.RealInterval(0.0, 1.0)
    else:
        domain = None
    return api.HParam(
        field.name,
        domain,
        display_name=f"{field.name} ({symbol})" if symbol else None,
        description=field.metadata["help"],
    )


def _header(last):
    """Formats the header of a table of settings."""
    return [f"| setting | value | {last} |", "|---|---|---|"]


def _code(value):
    """Formats a value as code, as Markdown would interpret underscores."""
    if isinstance(value, tuple):
        value = ", ".join(value)
    return f"`{names_lib.visible(str(value))}`" if value != "" else ""
