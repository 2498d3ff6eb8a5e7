"""Values in the columns of files: absent ones, texts, and names of labels.

The same value counts the same, whether a table or JSON spells it:

- JSON's null and NaN, and an empty text, are an absent value.
- A whole number is the same with a fraction of zeros and without it: 5, 5.0 and
  "5.0" are one label.
- Truth values are JSON's `true` and `false`, also as `True` and `FALSE`.
"""

import functools
import numbers
import re
from collections.abc import Collection, Mapping

import numpy as np

from mtl_tf.data import tasks
from mtl_tf.metrics import classification

# What programs write for an absent value into a column of texts.
_LOOKS_ABSENT = frozenset(
    ["nan", "none", "null", "n/a", "na", "#n/a", "<na>", "not available"]
)


def is_absent(value: object) -> bool:
    """Returns whether it is None, NaN, pandas' NA or an empty text."""
    if value is None or (isinstance(value, str | bytes) and not value):
        return True
    # Whatever the library, NaN does not equal itself, and pandas' NA neither
    # does nor does not.
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, numbers.Number) and value != value
    )


def is_no_label(value: object) -> bool:
    """Returns whether a value is absent, or a text of blanks alone."""
    return is_absent(value.strip() if isinstance(value, str) else value)


def is_named(value: object, names: Collection[str]) -> bool:
    """Returns whether a value is among names, in whatever spelling.

    Args:
      value: the value in a file. Absent ones are the empty text.
      names: texts, such as those that mean an absent value.
    """
    if not names or not isinstance(value, str | numbers.Real | None):
        return False
    text = to_text("", "", value)
    return text in names or canonical(text) in _by_canonical(tuple(names))


def looks_absent(value: object) -> bool:
    """Returns whether a text is what programs write for an absent value."""
    return isinstance(value, str) and value.strip().casefold() in _LOOKS_ABSENT


def describe_absent_looks(counts: Mapping[str, int]) -> str:
    """Returns a warning of texts that are kept, but look as if they were none.

    Args:
      counts: how often each was found.
    """
    found = ", ".join(f"{text!r} {n} times" for text, n in counts.items())
    return (
        "texts that may stand for an absent value are kept as texts: " + found
    )


def to_text(where: str, field: str, value: object) -> str:
    """Returns a value as text, empty if it is absent.

    Args:
      where: the place, for messages.
      field: the field of the row, for messages.
      value: the value in a file.

    Raises:
      ValueError: if it is no single value.
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
        whole = float(value).is_integer()
        return str(int(value)) if whole else str(float(value))
    raise ValueError(f"{where}: expected a text for {field}, got {value!r:.80}")


def to_group(where: str, value: object, metric: str = "accuracy") -> str:
    """Returns the group of a row, empty where its metric can do without.

    A column of whole numbers, some of which are absent, is often written as
    fractions: 7.0 is the group 7.

    Args:
      where: the place, for messages.
      value: the value in a file.
      metric: name of the metric that the group is for.

    Raises:
      ValueError: if it is no single value, or the metric needs a group and
        there is none.
    """
    group = to_text(where, "group", value)
    if not group and classification.METRICS[metric].by_topic:
        raise ValueError(
            f"{where}: expected a group, by which {metric} takes the mean, got "
            "nothing"
        )
    return whole_number(group) or group


def label_name(where: str, label: object, known: Collection[str] = ()) -> str:
    """Returns the name of a label, in the spelling of the known ones.

    Args:
      where: the place, for messages.
      label: the value in a file.
      known: names of the labels of the task.

    Raises:
      ValueError: if it is no single label.
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
    """Returns the index of a label among those of its task.

    Args:
      where: the place, for messages.
      label: the value in a file.
      task: the task.

    Raises:
      ValueError: if it is no single label, or the task does not have it.
    """
    name = label_name(where, label, task.labels)
    try:
        return task.label_index(name)
    except ValueError as error:
        hint = _hint(name, task.labels)
        raise ValueError(f"{where}: {error}{hint}") from None


def _hint(label, known):
    # SNLI and MultiNLI have a hyphen where annotators did not agree.
    if looks_absent(label) or label == "-":
        return "; `absent` names texts that mean there is none"
    try:
        number = float(label)
    except ValueError:
        return ""
    if not number.is_integer():
        return "; numbers as targets (regression) are not supported"
    if any(map(whole_number, known)):
        return ""
    return "; labels are declared as the file spells them"


def whole_number(text: str) -> str | None:
    """Returns a whole number as `5`, also for `5.0`; None for other texts."""
    # 05 is no number, but a code.
    found = re.fullmatch(r"(0|-?[1-9][0-9]*)(\.0+)?", text)
    return found[1] if found else None


def canonical(text: str) -> str | None:
    """Returns the one spelling of a whole number or a truth value.

    Args:
      text: any text.

    Returns:
      `5` for `5.0`, `true` for `True`; None for texts that have one spelling.
    """
    lower = text.lower()
    return lower if lower in ("false", "true") else whole_number(text)


@functools.lru_cache
def _by_canonical(names):
    return {
        found: name for name in names if (found := canonical(name)) is not None
    }
