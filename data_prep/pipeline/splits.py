"""Splits made here: stratified by label, whole groups, the same every time."""

import collections
import functools
import hashlib
import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from scipy import optimize


def text_key(text: str) -> str:
    """Returns a key that ignores the case and the blanks of a text."""
    return " ".join(text.casefold().split())


def split(
    labels: Sequence[str],
    keys: Sequence[Iterable[Hashable]],
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Divides rows among splits.

    Rows that share a key stay together, also through other rows (a document,
    and a text that two documents repeat). Without such rows, the size of each
    split and its rows of each label are their shares to within one row; rows of
    very rare labels are in the first split before others are. With them, the
    sizes are right to within the largest part that hangs together, where there
    are parts enough. A pure function of the arguments, without hidden random
    state; where every row has a key, the order of the rows does not matter.

    Args:
      labels: label of each row.
      keys: the keys of each row; a row without keys stands alone.
      fractions: share of the rows by split, at most three; they sum to 1.
      seed: another seed gives another split.

    Returns:
      The split of each row.

    Raises:
      ValueError: if the fractions are no fractions, there are no rows, or a
        split stays empty.
    """
    if any(not 0 < x <= 1 for x in fractions.values()) or not (
        abs(sum(fractions.values()) - 1) < 1e-6
    ):
        raise ValueError(
            "the shares of the splits have to lie in (0, 1] and sum to 1, got "
            f"{dict(fractions)}"
        )
    if not labels:
        raise ValueError("there are no rows to divide")
    totals = collections.Counter(labels)
    wanted = _wanted(totals, fractions, seed)
    filled = {name: collections.Counter() for name in fractions}
    parts = _ordered(_components(keys), labels, keys, seed)
    counts = [
        collections.Counter(labels[row] for row in rows) for rows in parts
    ]
    chosen = []
    for part in counts:
        missing = functools.partial(_missing, part, totals, wanted, filled)
        chosen.append(max(fractions, key=missing))  # the first of equals
        filled[chosen[-1]].update(part)
    _fill_empty(chosen, counts, filled)
    _even_out(chosen, counts, totals, wanted, filled)
    empty = [name for name in fractions if not filled[name].total()]
    if empty:
        raise ValueError(
            f"split {empty[0]} (share {fractions[empty[0]]}) of {len(labels)} "
            "rows stays empty: there are too few rows, or they hang together "
            "in too few groups"
        )
    result = [""] * len(labels)
    for rows, name in zip(parts, chosen, strict=True):
        for row in rows:
            result[row] = name
    return result


def _missing(part, totals, wanted, filled, name) -> float:
    """Returns how much the labels of a part are missed in a split.

    Args:
      part: rows of the part by label.
      totals: all rows by label.
      wanted: rows that a split is to have, by split and label.
      filled: rows that it has, by split and label.
      name: the split.
    """
    return sum(
        (n / totals[label]) * _lack(wanted[name][label], filled[name][label])
        for label, n in part.items()
    )


def _lack(wanted: int, filled: int) -> float:
    """Returns the share of the wanted rows that is missing; 0 of no rows."""
    return 1 - filled / wanted if wanted else -filled


def _fill_empty(chosen, counts, filled) -> None:
    """Moves the smallest part of others into each split that has none.

    Labels that are each in one part may all be missed most in the same split.
    """
    for target in [name for name in filled if not filled[name].total()]:
        parts = collections.Counter(chosen)
        spare = [i for i, x in enumerate(chosen) if parts[x] > 1]
        if not spare:
            return
        moved = min(spare, key=lambda i: counts[i].total())
        filled[chosen[moved]].subtract(counts[moved])
        filled[target].update(counts[moved])
        chosen[moved] = target


def _even_out(chosen, counts, totals, wanted, filled) -> None:
    """Moves parts until the sizes are right to within the largest part.

    Many labels in each part may each be right to within a part, and yet sum up
    to a split that is not.
    """
    sizes = [part.total() for part in counts]
    largest = max(sizes)
    over = {
        name: filled[name].total() - sum(wanted[name].values())
        for name in wanted
    }
    while max(map(abs, over.values())) >= largest:
        # The last part stays: no split becomes empty here.
        sources = [x for x in over if over[x] > 0 and chosen.count(x) > 1]
        if not sources:
            return
        source = max(sources, key=over.get)
        target = min(over, key=over.get)
        # Each such move makes the sum of what is too much or missing smaller.
        moved = max(
            (i for i, name in enumerate(chosen) if name == source),
            key=lambda i: (
                _missing(counts[i], totals, wanted, filled, target)
                - _missing(counts[i], totals, wanted, filled, source)
            ),
        )
        chosen[moved] = target
        filled[source].subtract(counts[moved])
        filled[target].update(counts[moved])
        over[source] -= sizes[moved]
        over[target] += sizes[moved]


def _wanted(totals, fractions, seed) -> dict[str, dict[str, int]]:
    """Returns rows by split and label, whole numbers that sum up both ways.

    A label's rows in a split are its share of them, rounded down or up, so that
    the sizes of the splits are right however many labels are rare.
    """
    names = list(fractions)
    by_count = collections.defaultdict(list)
    for label in sorted(totals, key=lambda x: _digest(seed, x)):
        by_count[totals[label]].append(label)
    # The order decides between equal remainders.
    counts = np.array(sorted(by_count, key=lambda x: min(by_count[x])))
    labels = np.array([len(by_count[count]) for count in counts])
    shares = np.array(list(fractions.values()))
    # 0.7 * 10 is a little less than 7.
    floors = np.floor(np.outer(counts, shares) + 1e-9).astype(int)
    sizes = _sizes(totals.total() * shares)
    rounded_up = _round_up(counts, labels, shares, floors, sizes)
    wanted = {name: {} for name in names}
    for row, count in enumerate(counts):
        # Labels of as many rows take turns.
        turns = itertools.cycle(by_count[count])
        for column, name in enumerate(names):
            for label in by_count[count]:
                wanted[name][label] = int(floors[row, column])
            for label in itertools.islice(turns, int(rounded_up[row, column])):
                wanted[name][label] += 1
    return wanted


def _round_up(counts, labels, shares, floors, sizes) -> np.ndarray:
    """Returns how many labels of a count get one row more, by split.

    The largest remainders do. This is a transportation problem, whose basic
    solutions are whole numbers.

    Args:
      counts: int [counts], the different numbers of rows that labels have.
      labels: int [counts], labels of each count.
      shares: float64 [splits].
      floors: int [counts, splits], shares of the counts, rounded down.
      sizes: int [splits], rows that the splits are to have.
    """
    costs = floors - np.outer(counts, shares)
    # The first split, train, has what is left, but rows of very rare labels
    # before the others: a label that is not trained is never predicted.
    costs[:, 0] = -2.0 * ((floors[:, 0] == 0) & (counts > 1)) - (counts == 1)
    rows, columns = costs.shape
    costs += 1e-6 * np.outer(np.arange(rows), np.arange(columns) + 1)
    found = optimize.linprog(
        costs.ravel(),
        A_eq=np.concatenate(
            [
                np.kron(np.eye(rows), np.ones((1, columns))),
                np.kron(np.ones((1, rows)), np.eye(columns)),
            ]
        ),
        b_eq=np.concatenate(
            [labels * (counts - floors.sum(axis=1)), sizes - labels @ floors]
        ),
        bounds=[(0, n) for n in labels for _ in range(columns)],
        method="highs-ds",
    )
    return np.rint(found.x).astype(int).reshape(rows, columns)


def _sizes(quotas: np.ndarray) -> np.ndarray:
    """Returns whole sizes of the splits; the first has what others leave."""
    most = round(quotas.sum()) - int(quotas[0] + 1e-9)
    rounded = np.rint(quotas[1:]).astype(int)
    # No split stays empty if the first one can spare a row for it.
    others = np.maximum(rounded, 1)
    if others.sum() > min(most, round(quotas.sum()) - 1):
        others = rounded
    # Halves that were all rounded up.
    while others.sum() > most:
        others[np.argmax(others - quotas[1:])] -= 1
    return np.array([round(quotas.sum()) - others.sum(), *others])


def _digest(seed: int, content: object) -> bytes:
    """Returns what puts contents into an order that looks drawn at random."""
    return hashlib.sha256(repr((seed, content)).encode("utf-8")).digest()


def _components(keys: Sequence[Iterable[Hashable]]) -> list[list[int]]:
    """Returns rows that hang together, by union-find over their keys."""
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
    """Returns large components first, those of a size in an order by seed."""

    def place(rows):
        # Over contents and not over row numbers: the order of the files moves
        # no row to another split.
        content = sorted(
            repr((labels[row], sorted(map(repr, keys[row])))) for row in rows
        )
        return -len(rows), _digest(seed, content)

    return sorted(components, key=place)
