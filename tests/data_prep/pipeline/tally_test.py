import itertools

import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import tally
from mtl_tf.data import tasks


def _rows(*numbers):
    return [tally.Example((0, n), (f"r{n}",)) for n in numbers]


def _parts():
    parts = []
    for numbers in ((5, 9), (1,), (7, 3, 2)):
        part = tally.Tally()
        part.add((0, "label", "dev", 1), _rows(*numbers))
        part.add((0, "words", "dev"), [], numbers[0])
        parts.append(part)
    return parts


def test_merged_tallies_do_not_depend_on_the_order():
    results = set()
    for order in itertools.permutations(range(3)):
        parts = _parts()
        merged = tally.Tally()
        for index in order:
            merged.merge(parts[index])
        assert merged.counts[0, "label", "dev", 1] == 6
        assert merged.counts[0, "words", "dev"] == 13
        results.add(tuple(merged.first[0, "label", "dev", 1]))
    assert results == {tuple(_rows(1, 2))}


def test_merging_changes_only_the_first():
    first, second, _ = _parts()
    first.merge(second)
    assert second.counts[0, "label", "dev", 1] == 1
    assert second.first[0, "label", "dev", 1] == _rows(1)


def test_a_task_has_its_own_rows():
    total = tally.Tally()
    total.add((0, "label", "dev", 0), _rows(4, 6))
    total.add((0, "label", "dev", 1), _rows(5))
    total.add((1, "label", "dev", 0), _rows(1))
    total.add((0, "rows", "dev"), [], 3)
    of_task = tally.TaskTally(tasks.Task("t", ("a", "b")), 0, ("dev",), total)
    assert of_task.name == "t"
    assert of_task.rows("dev") == 3
    assert of_task.rows("test") == 0
    assert of_task.label_counts("dev") == [2, 1]
    assert of_task.ids_of_labels("dev", [0, 1]) == ("r4", "r5")
    assert of_task.ids(("label", "dev", 1), ("label", "dev", 0)) == ("r5", "r4")
    assert of_task.ids(("label", "test", 1)) == ()


def test_rows_are_divided_by_task():
    total = tally.Tally()
    total.add((0, "label", "dev", 1), _rows(4))
    total.add((0, "label", "dev", 0), _rows(6))
    total.add((2, "rows", "dev"), _rows(1), 3)
    infos = [
        blocks.TaskInfo(tasks.Task(name, ("a", "b")), ("dev",))
        for name in "tuv"
    ]
    first, second, third = tally.by_task(infos, total)
    assert first.label_counts("dev") == [1, 1]
    assert first.values("label", "dev") == [0, 1]
    assert first.first("label", "dev", 1) == _rows(4)
    assert not second.tally.counts
    assert third.name == "v"
    assert dict(third.tally.counts) == {(2, "rows", "dev"): 3}
    assert third.ids(("rows", "dev")) == ("r1",)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
