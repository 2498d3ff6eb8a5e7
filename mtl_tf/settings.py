"""Frozen dataclasses of settings, each of which is a flag."""

import dataclasses
import json
import os
import typing
from collections.abc import Mapping

from mtl_tf import tasks


def setting(
    default, text, *, choices=None, symbol="", changeable=False, path=False
):
    """A field of a `Settings` that knows how to be a flag.

    Args:
      default: its value when the user says nothing.
      text: help, for the flag.
      choices: the values that are allowed.
      symbol: the paper's name for it.
      changeable: a run that goes on may be given another value.
      path: it is a path, or a tuple of them: a leading ~ is the home directory.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": text,
            "choices": choices,
            "symbol": symbol,
            "changeable": changeable,
            "path": path,
        },
    )


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of the dataclasses whose fields are made by `setting`.

    Raises:
      ValueError: if a value is not one of its field's choices.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata["path"]:
                object.__setattr__(self, field.name, _expand(value))
            choices = field.metadata["choices"]
            if choices and value not in choices:
                raise ValueError(
                    f"{field.name}={value}: not one of "
                    f"{', '.join(filter(None, choices))}"
                    f"{tasks.nearest(str(value), choices)}"
                )

    def to_dict(self) -> dict:
        """The settings by name, as JSON has them."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def to_flags(self) -> list[str]:
        """The settings as the lines of a flagfile."""
        return [
            f"--{name}={','.join(value) if isinstance(value, list) else value}"
            for name, value in self.to_dict().items()
        ]

    @classmethod
    def from_dict(cls, values: Mapping) -> typing.Self:
        """The inverse of `to_dict`.

        Raises:
          ValueError: if a name is not a setting's, with the nearest names.
        """
        types = typing.get_type_hints(cls)
        for name in values:
            if name not in types:
                raise ValueError(
                    f"there is no setting {name!r}{tasks.nearest(name, types)}"
                )
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )


def _expand(value):
    """Expands a leading ~ of a path, or of each of a tuple of paths."""
    if isinstance(value, tuple):
        return tuple(map(_expand, value))
    return os.path.expanduser(value) if isinstance(value, str) else value
