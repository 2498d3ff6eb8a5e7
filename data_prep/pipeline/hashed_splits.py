"""Splits of many rows: the split of a text or group is drawn by its hash.

`splits` compares all rows to meet the share of each label exactly. Here, a row
is assigned by itself, so that any number of rows can be divided: the shares of
the splits and labels are met on average. As in `splits`, rows that share a text
or a group stay in one split, also indirectly, and the order of the rows moves
no row to another split.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from data_prep.pipeline import partitions
from data_prep.pipeline import spill as spill_lib
from data_prep.pipeline import tokens as tokens_lib

# Hashes of a text and of a group; the group may be missing.
_Keys = tuple[bytes, bytes | None]


def assign(
    keys: Callable[[], Iterable[tuple[str, str]]],
    num_rows: int,
    fractions: Mapping[str, float],
    seed: int,
    folder: str,
) -> Iterator[str]:
    """Yields the split of each row.

    Args:
      keys: function that returns the text and the group of each row; the group
        may be empty. It is called twice.
      num_rows: the number of rows.
      fractions: fraction of the rows of each split.
      seed: the seed; each gives another assignment.
      folder: folder of temporary files.

    Memory grows with the number of texts that are in several groups, or in
    rows with and without a group, which connect rows.
    """
    root_of_group, group_of_text = _connect(keys, num_rows, folder)
    for text, group in map(_hash, keys()):
        unit = text
        if group is None:
            group = group_of_text.get(text)
        if group is not None:
            unit = root_of_group.get(group, group)
        yield _draw(unit, fractions, seed)


def _draw(unit, fractions, seed) -> str:
    """Draws the split of connected rows."""
    hashed = tokens_lib.digest(b"%d " % seed, unit)
    number = int.from_bytes(hashed[:8], "little") / 2**64
    total = 0.0
    for name, fraction in fractions.items():
        total += fraction
        if number < total:
            return name
    return name


def _hash(row) -> _Keys:
    text, group = row
    return (
        tokens_lib.digest(b"text ", text.encode("utf-8")),
        tokens_lib.digest(b"group ", group.encode("utf-8")) if group else None,
    )


def _connect(keys, num_rows, folder):
    """Finds the rows that texts connect with groups.

    Returns:
      For each group that shares a text with another one, the least hash of all
      groups that are connected with it; and a group of each text that is in
      rows with and without a group.
    """
    spill = spill_lib.Spill(folder)
    num_partitions = partitions.count(num_rows)
    hashed = map(_hash, keys())
    for number in itertools.count():
        rows = list(itertools.islice(hashed, partitions.ROWS_AT_ONCE))
        if not rows:
            break
        texts = np.frombuffer(b"".join(text[:8] for text, _ in rows), "<u8")
        for partition, indices in partitions.split(texts % num_partitions):
            part = [rows[x] for x in indices.tolist()]
            spill.write_part("keys", (partition,), (number,), part)
    parents: dict[bytes, bytes] = {}
    group_of_text: dict[bytes, bytes] = {}
    for partition in spill.groups("keys"):
        groups: dict[bytes, set[bytes]] = {}
        alone = set()
        for part in spill.read_parts("keys", partition):
            for text, group in part:
                if group is None:
                    alone.add(text)
                else:
                    groups.setdefault(text, set()).add(group)
        for text, of_text in groups.items():
            first, *others = of_text
            for other in others:
                _join(parents, first, other)
            if text in alone:
                group_of_text[text] = first
    spill.remove("keys")
    return {group: _root(parents, group) for group in parents}, group_of_text


def _join(parents, first, second) -> None:
    """Connects two groups; the root has the least hash."""
    low, high = sorted((_root(parents, first), _root(parents, second)))
    parents[low] = low
    parents[high] = low


def _root(parents, group) -> bytes:
    root = group
    while parents.get(root, root) != root:
        root = parents[root]
    # Shortens the path for the next call.
    while parents.get(group, root) != root:
        parents[group], group = root, parents[group]
    return root
