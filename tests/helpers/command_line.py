"""Command lines of `mtl_tf.main`: their settings, and calls in this process."""

from collections.abc import Sequence

import pytest
from absl import flags

from mtl_tf import main
from mtl_tf.cli import flag_settings
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.utils import flagfiles


def parse(
    arguments: Sequence[str],
) -> tuple[command_lib.Command, config_lib.Config]:
    """Parses arguments as `mtl_tf.main` does."""
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    values(["mtl_tf", *flagfiles.expand(arguments, values)])
    return flag_settings.read(values)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Calls `mtl_tf.main` in this process; returns its exit status."""
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    monkeypatch.setattr(flags, "FLAGS", values)
    return main.main(values(["mtl_tf", *flagfiles.expand(arguments, values)]))
