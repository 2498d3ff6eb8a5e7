"""Training sizes of a comparison, as lists of SIZE or SIZE:RUNS."""

from collections.abc import Sequence

# A training set of its whole size.
ALL = "all"


def name(size: int | None) -> str:
    """Returns a training size as users give it: `100`, or `all` for None."""
    return ALL if size is None else str(size)


def parse(entries: Sequence[str], num_runs: int) -> dict[int | None, int]:
    """Parses training sizes.

    Args:
      entries: SIZE or SIZE:RUNS each, where SIZE is a number or `all`.
      num_runs: number of runs of sizes that give none.

    Returns:
      Numbers of runs by maximum number of training examples, in ascending
      order; None for no maximum comes last.

    Raises:
      ValueError: if there is no entry, one has another form, or a size repeats.
    """
    if not entries:
        raise ValueError(
            "train_sizes is empty: give numbers, or all for no maximum"
        )
    given = f"train_sizes={','.join(entries)}"
    runs: dict[int | None, int] = {}
    for entry in entries:
        size, colon, number = entry.partition(":")
        numbers = [size] if size != ALL else []
        numbers += [number] if colon else []
        if not all(x.isdecimal() and int(x) for x in numbers):
            raise ValueError(
                f"{given}: expected SIZE or SIZE:RUNS, where SIZE is all or an "
                "integer of 1 or more, and RUNS an integer of 1 or more, got "
                f"{entry!r}"
            )
        parsed = None if size == ALL else int(size)
        if parsed in runs:
            raise ValueError(f"{given}: {size} is repeated")
        runs[parsed] = int(number) if colon else num_runs
    limits = sorted(x for x in runs if x is not None)
    whole = [None] if None in runs else []
    return {size: runs[size] for size in (*limits, *whole)}
