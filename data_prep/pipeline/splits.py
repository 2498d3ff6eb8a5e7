"""Splits of rows: stratified by label, group by group, reproducible."""

import collections
import functools
import hashlib
import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
from scipy import optimize
from scipy import sparse
from scipy.sparse import csgraph

from mtl_tf.data import tasks

# Above it, `hashed_splits` divides the rows of a table.
MAX_STRATIFIED_ROWS = 200_000
# Other names of the splits, in lower case.
_OTHER_NAMES = {
    "training": "train",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "development": "dev",
    "testing": "test",
    "unsupervised": "unlabeled",
}


def split_name(value: object) -> str | None:
    """Returns the split that a value names, such as dev for `Validation`.

    Args:
      value: the value of a column, or a key; None is returned for others.
    """
    if not isinstance(value, str):
        return None
    name = value.strip().lower()
    name = _OTHER_NAMES.get(name, name)
    return name if name in tasks.SPLITS else None


def text_key(text: str) -> str:
    """Returns a key that ignores the case and the blanks of a text."""
    return " ".join(text.casefold().split())


def split(
    labels: Sequence[str],
    keys: Sequence[Iterable[Hashable]],
    fractions: Mapping[str, float],
    seed: int,
) -> list[str]:
    """Assigns rows to splits.

    Rows that share a key stay in one split, also indirectly (the rows of two
    documents that repeat a text). Without such rows, the size of each split and
    its number of rows of each label deviate from their fractions by less than
    one row; the rows of very rare labels go to the first split. With them, the
    sizes deviate by less than the largest connected component, if there are
    enough components. The result depends on the arguments alone, and not on the
    order of the rows if each of them has a key.

    Args:
      labels: label of each row.
      keys: the keys of each row; a row without keys is independent of others.
      fractions: fraction of the rows of each split, at most three; they sum up
        to 1.
      seed: the seed; each gives another assignment.

    Returns:
      The split of each row.

    Raises:
      ValueError: if the fractions are invalid, there are no rows, or a split
        would be empty.
    """
    _check_fractions(fractions)
    if not labels:
        raise ValueError("there are no rows to split")
    totals = collections.Counter(labels)
    targets = _target_counts(totals, fractions, seed)
    components = _ordered(_connected_components(keys), labels, keys, seed)
    counts = [
        collections.Counter(labels[row] for row in rows) for rows in components
    ]
    assigned, filled = _assign(counts, fractions, totals, targets)
    _fill_empty(assigned, counts, filled)
    _even_out(assigned, counts, totals, targets, filled)
    for name in fractions:
        check_not_empty(name, filled[name].total(), len(labels), fractions)
    split_of_row = {
        row: name
        for rows, name in zip(components, assigned, strict=True)
        for row in rows
    }
    return [split_of_row[row] for row in range(len(labels))]


def check_not_empty(
    name: str, size: int, num_rows: int, fractions: Mapping[str, float]
) -> None:
    """Checks that a split has rows.

    Args:
      name: the split.
      size: number of its rows.
      num_rows: number of rows of all splits.
      fractions: fraction of the rows of each split.

    Raises:
      ValueError: if it has none.
    """
    if not size:
        raise ValueError(
            f"split {name} (fraction {fractions[name]}) of {num_rows} rows "
            "stays empty: there are too few rows, or too few groups of "
            "connected rows"
        )


def _assign(counts, fractions, totals, targets):
    """Assigns each component to the split that needs its labels most.

    Returns:
      The split of each component, and the labels that each split then has.
    """
    assigned: list[str] = []
    filled: dict[str, collections.Counter[str]] = {
        name: collections.Counter() for name in fractions
    }
    for component in counts:
        need = functools.partial(_need, component, totals, targets, filled)
        assigned.append(max(fractions, key=need))  # the first of equals
        filled[assigned[-1]].update(component)
    return assigned, filled


def _check_fractions(fractions) -> None:
    if any(not 0 < x <= 1 for x in fractions.values()) or not (
        abs(sum(fractions.values()) - 1) < 1e-6
    ):
        raise ValueError(
            "expected fractions in (0, 1] that sum up to 1, got "
            f"{dict(fractions)}"
        )


def _need(component, totals, targets, filled, name) -> float:
    """Returns how much a split needs the labels of a component.

    Args:
      component: number of rows of the component, by label.
      totals: number of all rows, by label.
      targets: number of rows that a split should have, by split and label.
      filled: number of rows that it has so far, by split and label.
      name: the split.
    """
    return sum(
        (n / totals[label])
        * _deficit(targets[name][label], filled[name][label])
        for label, n in component.items()
    )


def _deficit(target: int, filled: int) -> float:
    """Returns the fraction of the target that is missing."""
    return 1 - filled / target if target else -filled


def _fill_empty(assigned, counts, filled) -> None:
    """Moves the smallest component of other splits into each empty split.

    A split can be empty if each label is in a single component: then all
    components may be needed most by the same split.
    """
    for target in [name for name in filled if not filled[name].total()]:
        components = collections.Counter(assigned)
        spare = [i for i, x in enumerate(assigned) if components[x] > 1]
        if not spare:
            return
        moved = min(spare, key=lambda i: counts[i].total())
        filled[assigned[moved]].subtract(counts[moved])
        filled[target].update(counts[moved])
        assigned[moved] = target


def _even_out(assigned, counts, totals, targets, filled) -> None:
    """Moves components until sizes deviate by less than the largest of them.

    With many labels in each component, the deviations of the labels may add up
    in a split.
    """
    sizes = [component.total() for component in counts]
    largest = max(sizes)
    excess = {
        name: filled[name].total() - sum(targets[name].values())
        for name in targets
    }
    while max(map(abs, excess.values())) >= largest:
        # A split keeps its last component: none becomes empty here.
        sources = [x for x in excess if excess[x] > 0 and assigned.count(x) > 1]
        if not sources:
            return
        source = max(sources, key=lambda x: excess[x])
        target = min(excess, key=lambda x: excess[x])
        # Each move reduces the sum of the absolute deviations.
        moved = max(
            (i for i, name in enumerate(assigned) if name == source),
            key=lambda i: (
                _need(counts[i], totals, targets, filled, target)
                - _need(counts[i], totals, targets, filled, source)
            ),
        )
        assigned[moved] = target
        filled[source].subtract(counts[moved])
        filled[target].update(counts[moved])
        excess[source] -= sizes[moved]
        excess[target] += sizes[moved]


def _target_counts(totals, fractions, seed) -> dict[str, dict[str, int]]:
    """Returns the number of rows that each split should have of each label.

    They are the fractions of the label's rows, rounded down or up so that the
    sizes of the splits are exact, however many labels are rare.
    """
    names = list(fractions)
    by_count = collections.defaultdict(list)
    for label in sorted(totals, key=lambda x: _digest(seed, x)):
        by_count[totals[label]].append(label)
    # The order decides between equal remainders.
    counts = np.array(sorted(by_count, key=lambda x: min(by_count[x])))
    num_labels = np.array([len(by_count[count]) for count in counts])
    shares = np.array(list(fractions.values()))
    # 0.7 * 10 is slightly less than 7.
    floors = np.floor(np.outer(counts, shares) + 1e-9).astype(int)
    sizes = _sizes(totals.total() * shares)
    rounded_up = _round_up(counts, num_labels, shares, floors, sizes)
    targets: dict[str, dict[str, int]] = {name: {} for name in names}
    for row, count in enumerate(counts):
        # Labels with equal numbers of rows are rounded up in turn.
        turns = itertools.cycle(by_count[count])
        for column, name in enumerate(names):
            for label in by_count[count]:
                targets[name][label] = int(floors[row, column])
            for label in itertools.islice(turns, int(rounded_up[row, column])):
                targets[name][label] += 1
    return targets


def _round_up(counts, num_labels, shares, floors, sizes) -> np.ndarray:
    """Returns how many labels of each count are rounded up, by split.

    Those with the largest remainders are. This is a transportation problem,
    whose basic solutions are integers.

    Args:
      counts: int [counts], the distinct numbers of rows of labels.
      num_labels: int [counts], number of labels with each count.
      shares: float64 [splits], the fractions.
      floors: int [counts, splits], fractions of the counts, rounded down.
      sizes: int [splits], target sizes of the splits.
    """
    costs = floors - np.outer(counts, shares)
    # The first split, train, gets what others leave, but it gets the rows of
    # very rare labels first: a label without training rows is never predicted.
    costs[:, 0] = -2.0 * ((floors[:, 0] == 0) & (counts > 1)) - (counts == 1)
    rows, columns = costs.shape
    costs += 1e-6 * np.outer(np.arange(rows), np.arange(columns) + 1)
    solution = optimize.linprog(
        costs.ravel(),
        A_eq=np.concatenate(
            [
                np.kron(np.eye(rows), np.ones((1, columns))),
                np.kron(np.ones((1, rows)), np.eye(columns)),
            ]
        ),
        b_eq=np.concatenate(
            [
                num_labels * (counts - floors.sum(axis=1)),
                sizes - num_labels @ floors,
            ]
        ),
        bounds=[(0, n) for n in num_labels for _ in range(columns)],
        method="highs-ds",
    )
    return np.rint(solution.x).astype(int).reshape(rows, columns)


def _sizes(quotas: np.ndarray) -> np.ndarray:
    """Rounds the sizes of the splits; the first gets what others leave."""
    most = round(quotas.sum()) - int(quotas[0] + 1e-9)
    rounded = np.rint(quotas[1:]).astype(int)
    # No split is empty if the first one can spare a row for it.
    others = np.maximum(rounded, 1)
    if others.sum() > min(most, round(quotas.sum()) - 1):
        others = rounded
    # All halves may have been rounded up.
    while others.sum() > most:
        others[np.argmax(others - quotas[1:])] -= 1
    return np.array([round(quotas.sum()) - others.sum(), *others])


def _digest(seed: int, content: object) -> bytes:
    """Returns a sort key that gives contents a pseudorandom order."""
    return hashlib.sha256(repr((seed, content)).encode("utf-8")).digest()


def _connected_components(
    keys: Sequence[Iterable[Hashable]],
) -> list[list[int]]:
    """Returns the rows of each connected component, by their first row.

    The graph is bipartite: rows are connected with their keys.
    """
    key_indices: dict[Hashable, int] = {}
    edges = []
    for row, row_keys in enumerate(keys):
        for key in row_keys:
            edges.append((row, key_indices.setdefault(key, len(key_indices))))
    rows, columns = np.array(edges, int).reshape(-1, 2).T
    num_nodes = len(keys) + len(key_indices)
    graph = sparse.coo_array(
        (np.ones(len(edges), bool), (rows, len(keys) + columns)),
        shape=(num_nodes, num_nodes),
    )
    _, component_ids = csgraph.connected_components(graph, directed=False)
    components = collections.defaultdict(list)
    for row, component in enumerate(component_ids[: len(keys)].tolist()):
        components[component].append(row)
    return list(components.values())


def _ordered(components, labels, keys, seed) -> list[list[int]]:
    """Returns large components first, those of equal size in random order."""

    def sort_key(rows):
        # By contents, not by row: the order of the files moves no row to
        # another split.
        content = sorted(
            repr((labels[row], sorted(map(repr, keys[row])))) for row in rows
        )
        return -len(rows), _digest(seed, content)

    return sorted(components, key=sort_key)
