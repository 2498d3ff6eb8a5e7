import collections

import numpy as np
import pytest

from data_prep.pipeline import hashed_splits
from data_prep.pipeline import partitions
from data_prep.pipeline import spill as spill_lib

_FRACTIONS = {"train": 0.7, "dev": 0.1, "test": 0.2}


def assign(rows, folder, seed=0, fractions=None):
    """Assigns rows of (text, group)."""
    return list(
        hashed_splits.assign(
            lambda: iter(rows),
            len(rows),
            fractions or _FRACTIONS,
            seed,
            str(folder),
        )
    )


def test_shares_are_met_on_average(tmp_path):
    rows = [(f"text {n}", "") for n in range(20_000)]
    counts = collections.Counter(assign(rows, tmp_path))
    for split, fraction in _FRACTIONS.items():
        # Five standard deviations.
        deviation = (20_000 * fraction * (1 - fraction)) ** 0.5
        assert abs(counts[split] - 20_000 * fraction) < 5 * deviation


def random_rows(number):
    random = np.random.default_rng(1)
    return [
        (
            f"text {random.integers(number)}",
            f"group {random.integers(number)}" if random.random() < 0.6 else "",
        )
        for _ in range(number)
    ]


def components(rows):
    """Finds connected rows by spreading the least index, row by row."""
    ids = list(range(len(rows)))
    changed = True
    while changed:
        changed = False
        for place in range(2):
            least = {}
            for index, row in enumerate(rows):
                if row[place]:
                    least.setdefault(row[place], []).append(index)
            for indices in least.values():
                low = min(ids[x] for x in indices)
                for index in indices:
                    changed |= ids[index] != low
                    ids[index] = low
    return ids


@pytest.mark.parametrize("rows_per_partition", [10, 250_000])
def test_connected_rows_stay_in_one_split(
    tmp_path, monkeypatch, rows_per_partition
):
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", rows_per_partition)
    monkeypatch.setattr(partitions, "ROWS_AT_ONCE", 33)
    rows = random_rows(400)
    splits_of_component = collections.defaultdict(set)
    actual = assign(rows, tmp_path)
    for component, split in zip(components(rows), actual, strict=True):
        splits_of_component[component].add(split)
    assert all(len(x) == 1 for x in splits_of_component.values())
    # Some rows are connected by several steps, and all splits occur.
    assert len(splits_of_component) < len(set(rows)) - 100
    assert len(set.union(*splits_of_component.values())) == 3


def test_the_number_of_files_is_small(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 10_000)
    files, write_part = [], spill_lib.Spill.write_part

    def remember(spill, *arguments):
        files.append(arguments[:3])
        write_part(spill, *arguments)

    monkeypatch.setattr(spill_lib.Spill, "write_part", remember)
    assign([(f"text {n}", "") for n in range(25_000)], tmp_path)
    assert sorted(files) == [("keys", (x,), (0,)) for x in range(3)]


def test_the_order_of_the_rows_moves_none(tmp_path, monkeypatch):
    rows = random_rows(400)
    order = np.random.default_rng(2).permutation(len(rows))
    expected = assign(rows, tmp_path / "a")
    actual = assign([rows[x] for x in order], tmp_path / "b")
    assert actual == [expected[x] for x in order]


def test_more_rows_do_not_move_the_others(tmp_path):
    rows = [(f"text {n}", "") for n in range(500)]
    expected = assign(rows, tmp_path / "a")[:300]
    assert assign(rows[:300], tmp_path / "b") == expected


def test_another_seed_gives_another_split(tmp_path):
    rows = [(f"text {n}", "") for n in range(100)]
    assert assign(rows, tmp_path, 0) == assign(rows, tmp_path, 0)
    assert assign(rows, tmp_path, 0) != assign(rows, tmp_path, 1)


def test_a_text_and_a_group_of_the_same_name_are_not_connected(tmp_path):
    rows = [(f"x{n}", "") for n in range(50)] + [
        (f"y{n}", f"x{n}") for n in range(50)
    ]
    actual = assign(rows, tmp_path)
    assert actual[:50] != actual[50:]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
