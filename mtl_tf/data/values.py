"""Values in the columns of files: missing values, texts, and label names.

Tables and JSON give the same values:

- JSON's null and NaN, and an empty text, are missing values.
- Integers are the same with and without a fraction of zeros: 5, 5.0 and "5.0"
  are one label.
- Truth values are `true` and `false`, also spelled `True` and `FALSE`.
"""

import functools
import numbers
import re
from collections.abc import Collection, Mapping

import numpy as np

from mtl_tf.data import tasks
from mtl_tf.metrics import classification

# Texts that programs write for a missing value.
_LOOKS_ABSENT = frozenset(
    ["nan", "none", "null", "n/a", "na", "#n/a", "<na>", "not available"]
)


def is_absent(value: object) -> bool:
    """Returns whether a value is None, NaN, pandas' NA or an empty text."""
    if value is None or (isinstance(value, str | bytes) and not value):
        return True
    # In every library, NaN does not equal itself. A comparison of pandas' NA
    # has no truth value.
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, numbers.Number) and value != value
    )


def is_no_label(value: object) -> bool:
    """Returns whether a value is missing, or a blank text."""
    return is_absent(value.strip() if isinstance(value, str) else value)


def is_named(value: object, names: Collection[str]) -> bool:
    """Returns whether a value is among names, in any equivalent spelling.

    Args:
      value: the value in a file; a missing one is the empty text.
      names: texts, such as those that mean a missing value.
    """
    if not names or not isinstance(value, str | numbers.Real | None):
        return False
    text = to_text("", "", value)
    return text in names or canonical(text) in _by_canonical(tuple(names))


def looks_absent(value: object) -> bool:
    """Returns whether a text is one that programs write for a missing value."""
    return isinstance(value, str) and value.strip().casefold() in _LOOKS_ABSENT


def describe_absent_looks(counts: Mapping[str, int]) -> str:
    """Returns a warning about texts that may mean a missing value.

    Args:
      counts: the number of occurrences of each text.
    """
    shown = ", ".join(f"{text!r} {n} times" for text, n in counts.items())
    return f"texts that may mean a missing value are kept as texts: {shown}"


def to_text(where: str, field: str, value: object) -> str:
    """Converts a value to text, empty if it is missing.

    Args:
      where: file and line, for messages.
      field: the field of the row, for messages.
      value: the value in a file.

    Raises:
      ValueError: if it is a list or an object.
    """
    if is_absent(value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        return str(int(number)) if number.is_integer() else str(number)
    raise ValueError(f"{where}: expected a text for {field}, got {value!r:.80}")


def to_group(where: str, value: object, metric: str = "accuracy") -> str:
    """Converts a value to a group, empty if it is missing.

    The group 7.0 is 7: a column of integers with missing values is often
    written as floating-point numbers.

    Args:
      where: file and line, for messages.
      value: the value in a file.
      metric: name of the metric that the row is scored with.

    Raises:
      ValueError: if it is a list or an object, or is missing although the
        metric needs a group.
    """
    group = to_text(where, "group", value)
    if not group and classification.METRICS[metric].by_topic:
        raise ValueError(
            f"{where}: expected a group, which {metric} needs, got nothing"
        )
    return whole_number(group) or group


def label_name(where: str, label: object, known: Collection[str] = ()) -> str:
    """Converts a value to the name of a label.

    Args:
      where: file and line, for messages.
      label: the value in a file.
      known: names of the labels of the task, whose spelling is used.

    Raises:
      ValueError: if it is not a single label.
    """
    if is_absent(label):
        raise ValueError(f"{where}: expected a label, got nothing")
    if isinstance(label, list | dict | tuple):
        raise ValueError(
            f"{where}: expected one label, got {label!r}: several labels a row "
            "(multi-label targets) are not supported"
        )
    name = to_text(where, "label", label)
    if name in known:
        return name
    if (
        isinstance(label, numbers.Real)
        and not isinstance(label, bool)
        and not float(label).is_integer()
    ):
        raise ValueError(
            f"{where}: expected the name of a label, got the number {label}: "
            "regression targets are not supported"
        )
    return _by_canonical(tuple(known)).get(canonical(name), name)


def label_index(where: str, label: object, task: tasks.Task) -> int:
    """Converts a value to the index of a label.

    Args:
      where: file and line, for messages.
      label: the value in a file.
      task: the task.

    Raises:
      ValueError: if it is not a single label, or the task does not have it.
    """
    name = label_name(where, label, task.labels)
    try:
        return task.label_index(name)
    except ValueError as error:
        hint = _hint(name, task.labels)
        raise ValueError(f"{where}: {error}{hint}") from None


def _hint(label, known):
    # SNLI and MultiNLI use a hyphen if annotators did not agree.
    if looks_absent(label) or label == "-":
        return "; `absent` lists texts that mean a missing value"
    try:
        number = float(label)
    except ValueError:
        return ""
    if not number.is_integer():
        return "; regression targets are not supported"
    if any(map(whole_number, known)):
        return ""
    return "; declare labels as they are spelled in the file"


def whole_number(text: str) -> str | None:
    """Returns an integer such as `5` or `5.0` as `5`; None for other texts."""
    # 05 is a code, not a number.
    match = re.fullmatch(r"(0|-?[1-9][0-9]*)(\.0+)?", text)
    return match[1] if match else None


def canonical(text: str) -> str | None:
    """Returns the canonical spelling of an integer or a truth value.

    Args:
      text: any text.

    Returns:
      `5` for `5.0`, `true` for `True`; None for other texts.
    """
    lower = text.lower()
    return lower if lower in ("false", "true") else whole_number(text)


@functools.lru_cache
def _by_canonical(names):
    return {
        text: name for name in names if (text := canonical(name)) is not None
    }
