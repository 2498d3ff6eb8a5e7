"""Arguments of the Python interface: columns of texts and labels."""

from collections.abc import Sequence


def as_list(name: str, values) -> list:
    """Converts a list, a tuple, or a column of NumPy or pandas to a list.

    A dict, a set or a DataFrame is refused: iterating over it would give other
    values, or another order.

    Args:
      name: name of the argument: `texts`, `labels` or `groups`.
      values: its value.

    Raises:
      ValueError: if it is of another type.
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | bytes):
        raise ValueError(
            f"{name}: expected a list of {name}, got one "
            f"{name.removesuffix('s')}"
        )
    if not isinstance(values, Sequence):
        raise ValueError(
            f"{name}: expected a list of {name}, got {type(values).__name__}"
        )
    return list(values)
