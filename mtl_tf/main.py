"""Command line: python -m mtl_tf.main --flagfile=configs/MODEL.flags ..."""

import dataclasses
import logging as logging_lib
import os
import typing

from absl import flags
from absl import logging

from mtl_tf.cli import preflight
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption


def define_flags(values: flags.FlagValues) -> None:
    """Defines a flag for each setting of `Command` and `Config`."""
    for kind in (command_lib.Command, config_lib.Config):
        types = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            _define_flag(field, types[field.name], values)


def _define_flag(field, kind, values):
    define = {
        bool: flags.DEFINE_bool,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
        tuple[str, ...]: flags.DEFINE_list,
    }[kind]
    help_text = field.metadata["help"]
    if field.metadata["choices"]:
        # The settings check the value themselves, and name the nearest.
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
    """What the flags say.

    Raises:
      ValueError: if a value or a combination has no meaning.
    """
    command, config = (
        kind.from_dict(
            {
                field.name: values[field.name].value
                for field in dataclasses.fields(kind)
            }
        )
        for kind in (command_lib.Command, config_lib.Config)
    )
    return command, config


def main(argv: list[str]) -> int:
    """Does what `--mode` says; the exit status."""
    folder = ""
    try:
        with interruption.raised():
            if len(argv) > 1:
                raise ValueError(
                    f"unexpected argument {argv[1]!r}: flags start with --"
                )
            command, config = settings_from_flags(flags.FLAGS)
            preflight.check(command, config)
            # It brings TensorFlow, which takes seconds to start.
            with entry_point.quiet_tensorflow():
                from mtl_tf.cli import modes
            # Answers go to --output or standard output.
            folder = "" if command.input else config.run_dir
            said = modes.run(command, config)
            if said:
                print(names_lib.visible(said, keep="\n"), flush=True)
    except BaseException as error:
        return failures.report("mtl_tf", error, folder)
    return 0


def _is_news(record: logging_lib.LogRecord) -> bool:
    """Whether a user wants to read a line of the log.

    TensorFlow logs through absl as well, with a line for each checkpoint.
    """
    of_tensorflow = f"{os.sep}tensorflow{os.sep}" in record.pathname
    return record.levelno >= logging_lib.WARNING or not of_tensorflow


def run() -> None:
    """Entry point of the command `mtl-tf`."""
    define_flags(flags.FLAGS)
    flags.FLAGS.set_default("logtostderr", True)
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().addFilter(_is_news)
    # It also has a logger of its own.
    logging_lib.getLogger("tensorflow").setLevel(logging_lib.WARNING)
    with interruption.quick_exit():
        entry_point.run(main, "mtl_tf", __name__)


if __name__ == "__main__":
    run()
