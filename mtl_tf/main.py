"""Command line interface: python -m mtl_tf.main --flagfile=FILE ..."""

import dataclasses
import typing

from absl import flags

from mtl_tf.cli import preflight
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption


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


def settings_from_flags(
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


def _values(settings, values) -> dict[str, object]:
    """Returns the values of the flags of a class of settings."""
    return {
        field.name: values[field.name].value
        for field in dataclasses.fields(settings)
    }


def main(argv: list[str]) -> int:
    """Runs the command of `--mode`; returns the exit status."""
    folder = ""
    try:
        with interruption.raised():
            if len(argv) > 1:
                raise ValueError(
                    f"unexpected argument {argv[1]!r}: flags start with --"
                )
            command, config = settings_from_flags(flags.FLAGS)
            preflight.check(command, config)
            # Imported late, as TensorFlow takes seconds to start.
            with entry_point.quiet_tensorflow():
                from mtl_tf.cli import modes
            # Predictions are written to --output or standard output.
            folder = "" if command.input else config.run_dir
            output = modes.run(command, config)
            if output:
                print(names_lib.visible(output, keep="\n"), flush=True)
    except BaseException as error:
        return failures.report("mtl_tf", error, folder)
    return 0


def run() -> None:
    """Runs the command `mtl-tf`."""
    define_flags(flags.FLAGS)
    flags.FLAGS.set_default("logtostderr", True)
    entry_point.configure_logging()
    with interruption.quick_exit():
        entry_point.run(main, "mtl_tf", __name__)


if __name__ == "__main__":
    run()
