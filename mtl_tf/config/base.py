"""Frozen dataclasses of settings, each of which is a flag."""

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
    """A field of a `Settings` that knows how to be a flag.

    Args:
      default: its value when the user says nothing.
      text: help, for the flag.
      choices: the values that are allowed.
      symbol: the paper's name for it.
      changeable: a run that goes on may be given another value.
      path: it is a path, or several: `pathlib.Path` will do, and `~` is the
        home directory.
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

    NumPy's scalars, lists and paths become what JSON and flags hold.

    Raises:
      ValueError: if a value is of another type than its field, or not one of
        its field's choices.
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
        types = _types(cls)
        for name in values:
            if name not in types:
                raise ValueError(
                    f"there is no setting {name!r}"
                    f"{suggestions.nearest(name, types)}"
                )
        return cls(**values)


@functools.cache
def _types(kind):
    return typing.get_type_hints(kind)


def _normalize(name, value, kind, is_path):
    """The value as its field's type has it; refuses other types."""
    if kind is bool:
        if isinstance(value, bool | np.bool_):
            return bool(value)
        expected = "True or False"
    elif kind is int:
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            return int(value)
        expected = "a whole number"
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
            return _to_text(value, is_path)
        expected = "a path" if is_path else "a text"
    else:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        texts = (str, os.PathLike) if is_path else str
        if isinstance(value, list | tuple):
            for index, entry in enumerate(value):
                if not isinstance(entry, texts):
                    raise ValueError(
                        f"{name}[{index}]={entry!r:.80}: "
                        f"{'a path' if is_path else 'a text'} is expected, "
                        f"got {type(entry).__name__}"
                    )
            return tuple(_to_text(entry, is_path) for entry in value)
        expected = f"a list of {'paths' if is_path else 'texts'}"
    raise ValueError(
        f"{name}={value!r:.80}: {expected} is expected, got "
        f"{type(value).__name__}"
    )


def _to_float(value):
    # Python's whole numbers may be larger than any float.
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _to_text(value, is_path):
    # NumPy's texts are of a type of their own.
    text = str(os.fspath(value))
    return os.path.expanduser(text) if is_path else text
