"""Frozen dataclasses of settings, each of which is a command-line flag."""

import dataclasses
import functools
import json
import math
import os
import typing
from collections.abc import Mapping

import numpy as np

from mtl_tf.utils import suggestions


def setting(
    default,
    text,
    *,
    choices=None,
    symbol="",
    changeable=False,
    path=False,
):
    """Makes a dataclass field of `Settings` that can be a flag.

    Args:
      default: its default value.
      text: help text of the flag.
      choices: allowed values.
      symbol: its symbol in the paper.
      changeable: whether a run that resumes may change it.
      path: whether it holds one or more paths: `pathlib.Path` is accepted, and
        `~` is expanded.
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
    """Base class of dataclasses whose fields are made by `setting`.

    NumPy scalars, lists and paths are converted to types of JSON and flags.

    Raises:
      ValueError: if a value has a wrong type or is not one of the choices.
    """

    def __post_init__(self):
        types = _types(type(self))
        for field in dataclasses.fields(self):
            value = _normalize(
                field.name,
                getattr(self, field.name),
                types[field.name],
                field.metadata["path"],
            )
            object.__setattr__(self, field.name, value)
            choices = field.metadata["choices"]
            if choices and value not in choices:
                raise ValueError(
                    f"{field.name}={value}: not one of "
                    f"{', '.join(filter(None, choices))}"
                    f"{suggestions.nearest(str(value), choices)}"
                )

    def to_dict(self) -> dict:
        """Returns the settings by name, in types of JSON."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def to_flags(self) -> list[str]:
        """Returns the settings as lines of a flagfile."""
        return [
            f"--{name}={','.join(value) if isinstance(value, list) else value}"
            for name, value in self.to_dict().items()
        ]

    @classmethod
    def from_dict(cls, values: Mapping) -> typing.Self:
        """Inverts `to_dict`.

        Raises:
          ValueError: if there is no setting of a name; it suggests others.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                raise ValueError(
                    f"there is no setting {name!r}"
                    f"{suggestions.nearest(name, names)}"
                )
        return cls(**values)


@functools.cache
def _types(settings_class):
    """Returns the types of a dataclass by field, cached: they are slow."""
    return typing.get_type_hints(settings_class)


def _normalize(name, value, kind, is_path):
    """Converts a value to the type of its field; refuses other types."""
    if kind is bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        expected = "True or False"
    elif kind is int:
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            return int(value)
        expected = "an integer"
    elif kind is float:
        if isinstance(
            value, int | float | np.integer | np.floating
        ) and not isinstance(value, bool):
            return _to_float(value)
        expected = "a number"
    elif kind is str:
        if isinstance(value, str) or (
            is_path and isinstance(value, os.PathLike)
        ):
            return _to_string(value, is_path)
        expected = "a path" if is_path else "a string"
    else:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        types = (str, os.PathLike) if is_path else str
        if isinstance(value, list | tuple):
            for index, entry in enumerate(value):
                if not isinstance(entry, types):
                    raise ValueError(
                        f"{name}[{index}]={entry!r:.80}: expected "
                        f"{'a path' if is_path else 'a string'}, got "
                        f"{type(entry).__name__}"
                    )
            return tuple(_to_string(entry, is_path) for entry in value)
        expected = f"a list of {'paths' if is_path else 'strings'}"
    raise ValueError(
        f"{name}={value!r:.80}: expected {expected}, got {type(value).__name__}"
    )


def _to_float(value):
    # An integer of Python may be larger than any float.
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _to_string(value, is_path):
    # NumPy's strings have another type.
    text = str(os.fspath(value))
    return os.path.expanduser(text) if is_path else text
