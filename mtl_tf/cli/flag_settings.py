"""Flags of the settings, and the settings that flags give."""

import dataclasses
import typing
from collections.abc import Sequence

from absl import flags

from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.utils import flagfiles
from mtl_tf.utils import suggestions


def define_flags(values: flags.FlagValues) -> None:
    """Defines a flag for each field of `Command` and `Config`."""
    for settings in (command_lib.Command, config_lib.Config):
        types = typing.get_type_hints(settings)
        for field in dataclasses.fields(settings):
            _define_flag(field, types[field.name], values)


def _define_flag(field, field_type, values):
    define = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
        tuple[str, ...]: flags.DEFINE_list,
    }[field_type]
    help_text = field.metadata["help"]
    if field.metadata["choices"]:
        # Not an enum flag: the settings check the value and suggest others.
        choices = ", ".join(filter(None, field.metadata["choices"]))
        help_text += f" One of {choices}."
    if field.metadata["symbol"]:
        help_text += f" The paper's {field.metadata['symbol']}."
    default = field.default
    define(
        field.name,
        list(default) if isinstance(default, tuple) else default,
        help_text,
        flag_values=values,
    )


def read(
    values: flags.FlagValues,
) -> tuple[command_lib.Command, config_lib.Config]:
    """Returns the settings that the flags give.

    Args:
      values: parsed flags.

    Raises:
      ValueError: if a value or a combination of values is invalid.
    """
    return (
        command_lib.Command.from_dict(_values(command_lib.Command, values)),
        config_lib.Config.from_dict(_values(config_lib.Config, values)),
    )


def read_models(
    sources: Sequence[str], given: flags.FlagValues
) -> dict[str, config_lib.Config]:
    """Returns the settings of the models of a comparison.

    The settings of a model are those of its flagfile; flags of the command line
    replace them.

    Args:
      sources: names of presets, or paths of flagfiles.
      given: the parsed flags of the command line.

    Returns:
      Settings by name: that of the preset or file, without folder and
      extension.

    Raises:
      ValueError: if there is no such preset or file, it or a combination with
        the command line is invalid, or two models have the same name.
    """
    overrides = [
        given[field.name].serialize()
        for field in dataclasses.fields(config_lib.Config)
        if given[field.name].present
    ]
    models = {}
    for source in sources:
        name, path = _locate(source)
        if name in models:
            raise ValueError(f"models={','.join(sources)}: {name} is repeated")
        values = flags.FlagValues()
        define_flags(values)
        arguments = flagfiles.expand([f"--flagfile={path}"], list(values))
        try:
            values(["", *arguments, *overrides])
            models[name] = config_lib.Config.from_dict(
                _values(config_lib.Config, values)
            )
        except (ValueError, flags.Error) as error:
            raise ValueError(f"models: {source}: {error}") from None
    return models


def _locate(source):
    """Returns name and flagfile of a model."""
    if source.endswith(".flags"):
        return source.rpartition("/")[2].removesuffix(".flags"), source
    presets = flagfiles.preset_names()
    if source not in presets:
        raise ValueError(
            f"models: there is no preset {source!r}"
            f"{suggestions.nearest(source, presets)}; give a preset's name, or "
            "the path of a flagfile"
        )
    return source.rpartition("/")[2], flagfiles.PREFIX + source


def _values(settings, values) -> dict[str, object]:
    """Returns the values of the flags of a class of settings."""
    return {
        field.name: values[field.name].value
        for field in dataclasses.fields(settings)
    }
