"""Lists that callers from Python hand over, in whatever holds them."""

from collections.abc import Sequence


def as_list(name: str, values) -> list:
    """Makes a list of a list, a tuple, or a column of NumPy or pandas.

    A dict, a set or a DataFrame would give something else than its texts, or
    in another order.

    Args:
      name: name of the argument: `texts`, `labels` or `groups`.
      values: its value.

    Raises:
      ValueError: if it is something else.
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | bytes):
        raise ValueError(
            f"{name}: a list of {name} is expected, got one "
            f"{name.removesuffix('s')}"
        )
    if not isinstance(values, Sequence):
        raise ValueError(
            f"{name}: a list of {name} is expected, got {type(values).__name__}"
        )
    return list(values)
