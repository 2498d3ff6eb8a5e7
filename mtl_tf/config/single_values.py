"""A check of the value of one setting, whatever the others are."""

import dataclasses

from mtl_tf.config import base
from mtl_tf.config import config as config_lib
from mtl_tf.config import validation


def check(name: str, value: object) -> object:
    """Checks the value of a setting of a run.

    Args:
      name: the setting.
      value: its value.

    Returns:
      The value as `Config` has it.

    Raises:
      ValueError: if no `Config` can have this value.
    """
    # The constructor would also check combinations with the other settings.
    settings = object.__new__(config_lib.Config)
    for field in dataclasses.fields(config_lib.Config):
        object.__setattr__(settings, field.name, field.default)
    object.__setattr__(settings, name, value)
    base.Settings.__post_init__(settings)
    validation.check_ranges(settings)
    return getattr(settings, name)
