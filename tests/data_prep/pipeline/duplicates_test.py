import numpy as np
import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import duplicates
from tests.helpers import encoded_rows

_TASKS = (
    {
        "train": ["no: x y", "yes: x", "no: x y", "no: d", "no: x y"],
        "dev": ["yes: y", "no: d"],
        "test": ["no: x", "no: d", "yes: new", "no: y x"],
    },
    {
        "train": ["no: y", "no: new"],
        "dev": ["no: z"],
        "test": ["no: z", "no: y", "no: y new"],
        "unlabeled": ["x y", "z"],
    },
)


def _infos(dev_in_train=False):
    return [
        blocks.TaskInfo(rows.task, tuple(rows.splits), dev_in_train)
        for rows, _ in _made()
    ]


def _made():
    encoder = encoded_rows.TextEncoder()
    return [
        encoded_rows.make(encoder, name, "no yes", **splits)
        for name, splits in zip("ab", _TASKS, strict=True)
    ]


def _table(tasks=(0, 1)):
    tables = [
        duplicates.text_table(block)
        for _, split_blocks in _made()
        for block in split_blocks
    ]
    # The helper gives each task the index 0.
    counts = [len(splits) for splits in _TASKS]
    for table, task in zip(tables, np.repeat(tasks, counts), strict=True):
        table.positions[:, 0] = task
    return duplicates.RowTable.join(tables)


def _marks(found):
    return {
        (*key[:2], row): mark
        for key, rows, marks in found
        for row, mark in zip(rows.tolist(), marks.tolist(), strict=True)
    }


@pytest.mark.parametrize("dev_in_train", [False, True])
def test_marks_are_those_of_the_two_rules(dev_in_train):
    found, _ = duplicates.compare_texts([_table()], _infos(dev_in_train))
    # An independent computation, by the texts themselves.
    expected = {}
    for task, splits in enumerate(_TASKS):
        texts = {
            split: [line.rpartition(": ")[2] for line in lines]
            for split, lines in splits.items()
        }
        dev, train = set(texts["dev"]), set(texts["train"])
        kept = train if dev_in_train else train - dev
        for index, (split, of_split) in enumerate(texts.items()):
            for row, text in enumerate(of_split):
                mark = 0
                if split == "train" and text not in kept:
                    mark |= blocks.REMOVED
                if split == "test" and text in dev | train:
                    mark |= blocks.DUPLICATE
                if split in ("dev", "test") and text in kept:
                    mark |= blocks.IN_TRAIN
                if mark:
                    expected[task, index, row] = mark
    assert _marks(found) == expected
    assert sum(expected.values()) == (24 if dev_in_train else 17)


@pytest.mark.parametrize("number", [1, 2, 3, 50])
def test_results_do_not_depend_on_the_number_of_partitions(number):
    expected, expected_tally = duplicates.compare_texts([_table()], _infos())
    marks, counts, first = {}, {}, {}
    num_rows = 0
    for index, part in _table().partition(number):
        assert index < number
        num_rows += len(part)
        found, tally = duplicates.compare_texts([part], _infos())
        marks |= _marks(found)
        for key, count in tally.counts.items():
            counts[key] = counts.get(key, 0) + count
        for key, examples in tally.first.items():
            first[key] = sorted([*first.get(key, []), *examples])[:2]
    assert num_rows == len(_table())
    assert marks == _marks(expected)
    assert counts == dict(expected_tally.counts)
    assert first == expected_tally.first


def test_rows_with_one_key_are_in_one_partition():
    parts = dict(_table().partition(3))
    keys = [{key.tobytes() for key in part.keys} for part in parts.values()]
    assert len(parts) > 1
    assert sum(map(len, keys)) == len(set.union(*keys))


def test_joined_rows_are_in_the_order_of_the_corpus():
    table = _table()
    order = np.random.default_rng(0).permutation(len(table))
    mixed = duplicates.RowTable.join(
        [table.select(order[:7]), table.select(order[7:])]
    )
    assert mixed.row_ids.tolist() == table.row_ids.tolist()
    np.testing.assert_array_equal(mixed.positions, table.positions)


def test_pairs_differ_if_only_their_concatenation_is_equal():
    _, (train,) = encoded_rows.make(
        encoded_rows.TextEncoder(),
        "p",
        "no yes",
        pair=True,
        train=["no: x y | z", "no: x | y z", "no: w | z", "no: x y | z"],
    )
    ids = duplicates.text_table(train).key_ids()
    assert ids[0] == ids[3]
    assert len(set(ids.tolist())) == 3
    ids = duplicates.seq2_table(train, np.zeros(4, np.uint8)).key_ids()
    assert ids[0] == ids[2] == ids[3] != ids[1]


def test_removed_rows_have_no_seq2():
    _, (train,) = encoded_rows.make(
        encoded_rows.TextEncoder(), "p", "no yes", True, train=["no: a | b"] * 2
    )
    marks = np.array([blocks.REMOVED, 0], np.uint8)
    table = duplicates.seq2_table(train, marks)
    assert table.row_ids.tolist() == ["p-train-1"]


def test_repeated_ids_are_counted_with_the_first():
    _, (train, dev) = encoded_rows.make(
        encoded_rows.TextEncoder(),
        "a",
        "no yes",
        train=["no: x"] * 3,
        dev=["no: y"] * 3,
    )
    dev.row_ids[:] = ["a-train-1", "other", "a-train-1"]
    tables = [duplicates.id_table(dev), duplicates.id_table(train)]
    tally = duplicates.compare_ids(tables)
    assert tally.counts["repeated_ids",] == 1
    assert tally.first["repeated_ids",][0].ids == ("a-train-1",)
    assert not duplicates.compare_ids(tables[1:]).counts


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
