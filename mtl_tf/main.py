"""Command line: python -m mtl_tf.main --flagfile=configs/MODEL.flags ..."""

import dataclasses
import sys
import typing

from absl import app
from absl import flags
from absl import logging

from mtl_tf import config as config_lib
from mtl_tf import launcher


def define_flags(values: flags.FlagValues) -> None:
    """Defines a flag for each setting of `Config`."""
    types = typing.get_type_hints(config_lib.Config)
    for field in dataclasses.fields(config_lib.Config):
        define = {
            bool: flags.DEFINE_bool,
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            str: flags.DEFINE_string,
            tuple[str, ...]: flags.DEFINE_list,
        }[types[field.name]]
        help_text = field.metadata["help"]
        if field.metadata["choices"]:
            # Config checks the value itself, and names the nearest.
            help_text += f" One of {', '.join(field.metadata['choices'])}."
        if field.metadata["symbol"]:
            help_text += f" The paper's {field.metadata['symbol']}."
        default = field.default
        define(
            field.name,
            list(default) if isinstance(default, tuple) else default,
            help_text,
            flag_values=values,
        )


def config_from_flags(values: flags.FlagValues) -> config_lib.Config:
    """The settings that the flags say.

    Raises:
      ValueError: if a value or a combination has no meaning.
    """
    return config_lib.Config.from_dict(
        {
            field.name: values[field.name].value
            for field in dataclasses.fields(config_lib.Config)
        }
    )


def main(argv: list[str]) -> int:
    """Does what `--mode` says; the exit status."""
    try:
        if len(argv) > 1:
            raise ValueError(f"what is {argv[1]!r}? Settings begin with --")
        config = config_from_flags(flags.FLAGS)
        if not config.run_dir:
            raise ValueError("--run_dir is missing")
        if config.mode == "train" and not config.data_dir:
            raise ValueError("--data_dir is missing")
        print(launcher.run(config))
    except (ValueError, FloatingPointError, OSError) as error:
        logging.debug("where it came from", exc_info=True)
        print(f"mtl_tf: {error}", file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """Entry point of the command `mtl-tf`."""
    define_flags(flags.FLAGS)
    flags.FLAGS.set_default("logtostderr", True)
    logging.set_verbosity(logging.INFO)
    app.run(main)


if __name__ == "__main__":
    run()
