"""Settings that have a number for each task, as lists of NAME:NUMBER."""

from collections.abc import Collection, Sequence
from typing import TypeVar

Number = TypeVar("Number", int, float)

# Name of the number for all tasks that are not named.
ALL = ""


def parse(
    setting: str,
    entries: Sequence[str],
    number_type: type[Number],
    minimum: int,
    *,
    default_allowed: bool = False,
) -> dict[str, Number]:
    """Parses the entries of a setting into numbers by task name.

    Args:
      setting: its name, for messages.
      entries: NAME:NUMBER each; NUMBER as well, if allowed.
      number_type: int or float.
      minimum: the smallest number allowed.
      default_allowed: whether an entry may be a number for all other tasks,
        whose name is then `ALL`.

    Raises:
      ValueError: if an entry has another form, or a name repeats.
    """
    numbers: dict[str, Number] = {}
    for entry in entries:
        name, colon, text = entry.rpartition(":")
        try:
            number = number_type(text)
        except ValueError:
            number = None
        has_name = bool(name and colon) or (default_allowed and not colon)
        if not has_name or number is None or not number >= minimum:
            kind = "an integer" if number_type is int else "a number"
            form = "NUMBER or NAME:NUMBER" if default_allowed else "NAME:NUMBER"
            raise ValueError(
                f"{setting}={entry}: expected {form}, with {kind} of {minimum} "
                "or more"
            )
        if name in numbers:
            raise ValueError(
                f"{setting}={','.join(entries)}: "
                f"{name or 'the number for all tasks'} is repeated"
            )
        numbers[name] = number
    return numbers


def without(entries: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    """Returns the entries that are not of tasks in `names`."""
    return tuple(x for x in entries if x.rpartition(":")[0] not in names)
