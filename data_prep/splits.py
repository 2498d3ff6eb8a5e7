"""Splits made here: stratified by label, whole groups, the same every time."""

import collections
import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence


def text_key(text: str) -> str:
    """What two texts share that differ in case and blanks alone."""
    return " ".join(text.casefold().split())


def split(
    labels: Sequence[str],
    keys: Sequence[Iterable[Hashable]],
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Divides rows among splits.

    Rows that share a key stay together, also through other rows (a document,
    and a text that two documents repeat); within that, each split gets its
    share of each label. A pure function of the arguments, without hidden random
    state; where every row has a key, the order of the rows does not matter.

    Args:
      labels: label of each row.
      keys: the keys of each row; a row without keys stands alone.
      fractions: share of the rows by split; they sum to 1.
      seed: another seed gives another split.

    Returns:
      The split of each row.

    Raises:
      ValueError: if the fractions are no fractions, or a split stays empty.
    """
    if any(not 0 < x <= 1 for x in fractions.values()) or not (
        abs(sum(fractions.values()) - 1) < 1e-6
    ):
        raise ValueError(
            "the shares of the splits have to lie in (0, 1] and sum to 1, got "
            f"{dict(fractions)}"
        )
    totals = collections.Counter(labels)
    wanted = _wanted(totals, fractions)
    filled = {name: collections.Counter() for name in fractions}
    result = [""] * len(labels)
    for rows in _ordered(_components(keys), labels, keys, seed):
        counts = collections.Counter(labels[row] for row in rows)

        def missing(name, counts=counts):
            """How much these labels are missed there, in parts of the whole."""
            return sum(
                (n / totals[label])
                * (1 - filled[name][label] / max(wanted[name][label], 1e-9))
                for label, n in counts.items()
            )

        name = max(fractions, key=missing)  # the first of equals
        filled[name].update(counts)
        for row in rows:
            result[row] = name
    empty = [name for name in fractions if not filled[name].total()]
    if empty:
        raise ValueError(
            f"split {empty[0]} (share {fractions[empty[0]]}) of {len(labels)} "
            "rows stays empty: there are too few rows, or they hang together "
            "in too few groups"
        )
    return result


def _wanted(totals, fractions) -> dict[str, dict[str, int]]:
    """Rows by split and label, whole numbers that sum up both ways.

    The largest remainders are rounded up; the first split has what is left.
    """
    left = dict(totals)
    wanted = {}
    for name, share in list(fractions.items())[1:]:
        rows = {label: int(share * n) for label, n in totals.items()}
        by_remainder = sorted(
            (label for label in totals if rows[label] < left[label]),
            key=lambda label: (rows[label] - share * totals[label], label),
        )
        more = round(share * totals.total()) - sum(rows.values())
        for label in by_remainder[:more]:
            rows[label] += 1
        wanted[name] = rows
        left = {label: n - rows[label] for label, n in left.items()}
    return {next(iter(fractions)): left, **wanted}


def _components(keys: Sequence[Iterable[Hashable]]) -> list[list[int]]:
    """Rows that hang together, by union-find over their keys."""
    parents = list(range(len(keys)))

    def root(row):
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    first = {}
    for row, row_keys in enumerate(keys):
        for key in row_keys:
            parents[root(row)] = root(first.setdefault(key, row))
    members = collections.defaultdict(list)
    for row in range(len(keys)):
        members[root(row)].append(row)
    return list(members.values())


def _ordered(components, labels, keys, seed) -> list[list[int]]:
    """The large components first, those of a size in an order by seed."""

    def place(rows):
        # Over contents and not over row numbers: the order of the files moves
        # no row to another split.
        content = sorted(
            repr((labels[row], sorted(map(repr, keys[row])))) for row in rows
        )
        digest = hashlib.sha256(repr((seed, content)).encode("utf-8"))
        return -len(rows), digest.digest()

    return sorted(components, key=place)
