import collections
import random

import pytest

from data_prep.pipeline import splits

_FRACTIONS = {"train": 0.7, "dev": 0.1, "test": 0.2}


def test_labels_are_split_by_the_fractions():
    labels = ["a"] * 70 + ["b"] * 30
    assigned = splits.split(
        labels, [[i] for i in range(100)], _FRACTIONS, seed=1
    )
    assert collections.Counter(zip(assigned, labels, strict=True)) == {
        ("train", "a"): 49,
        ("dev", "a"): 7,
        ("test", "a"): 14,
        ("train", "b"): 21,
        ("dev", "b"): 3,
        ("test", "b"): 6,
    }


def test_sizes_and_label_counts_are_rounded_consistently():
    # 0.15 of 28 rows is 4.2 for each label, 0.15 of 84 is 12.6: of 13 dev rows,
    # one label has 5.
    labels = ["a", "b", "c"] * 28
    assigned = splits.split(
        labels, [[i] for i in range(84)], {"train": 0.85, "dev": 0.15}, seed=0
    )
    counts = collections.Counter(zip(assigned, labels, strict=True))
    assert sorted(counts["dev", label] for label in "abc") == [4, 4, 5]


def test_a_label_may_have_fewer_rows_than_there_are_splits():
    labels = ["a"] * 20 + ["b"]
    assigned = splits.split(
        labels, [[i] for i in range(21)], _FRACTIONS, seed=0
    )
    assert collections.Counter(assigned) == {"train": 15, "dev": 2, "test": 4}


def test_rows_that_share_a_key_stay_together():
    # Rows 0 and 1 share a document, 1 and 2 a text, 2 and 3 a document: all
    # four are connected.
    keys = [["d1", "t1"], ["d1", "t2"], ["d2", "t2"], ["d2", "t3"]]
    keys += [[f"d{i}", f"x{i}"] for i in range(10, 30)]
    for seed in range(5):
        assigned = splits.split(["a"] * len(keys), keys, _FRACTIONS, seed)
        assert len(set(assigned[:4])) == 1


def test_the_split_depends_on_the_seed_and_not_on_the_order():
    labels = ["a", "b"] * 30
    keys = [[f"text {i}"] for i in range(60)]
    assigned = splits.split(labels, keys, _FRACTIONS, seed=1)
    assert assigned == splits.split(labels, keys, _FRACTIONS, seed=1)
    assert assigned != splits.split(labels, keys, _FRACTIONS, seed=2)
    backwards = splits.split(labels[::-1], keys[::-1], _FRACTIONS, seed=1)
    assert assigned == backwards[::-1]


def test_rows_without_keys_are_independent():
    assigned = splits.split(["a"] * 10, [[]] * 10, _FRACTIONS, seed=0)
    assert collections.Counter(assigned) == {"train": 7, "dev": 1, "test": 2}


@pytest.mark.parametrize(
    ("rows", "sizes"), [(1, (48, 6, 6)), (2, (96, 12, 12)), (3, (144, 18, 18))]
)
def test_many_labels_with_few_rows(rows, sizes):
    labels = [f"intent{i}" for i in range(60)] * rows
    fractions = {"train": 0.8, "dev": 0.1, "test": 0.1}
    assigned = splits.split(
        labels, [[i] for i in range(60 * rows)], fractions, 0
    )
    counts = collections.Counter(assigned)
    assert tuple(counts[name] for name in fractions) == sizes
    # Every label keeps a row in train, and has at most one in dev and test.
    by_label = collections.Counter(zip(assigned, labels, strict=True))
    assert all(n == 1 for (name, _), n in by_label.items() if name != "train")
    if rows > 1:
        assert all(by_label["train", label] for label in labels)


def test_labels_with_one_row_go_to_train_first():
    # 0.1 of 110 is 11 rows. Ten labels with five rows have half a row each for
    # dev and for test, the label with 40 rows has 4 for each, 20 labels have
    # a single row.
    labels = [f"five{i}" for i in range(10)] * 5 + ["many"] * 40
    labels += [f"one{i}" for i in range(20)]
    fractions = {"train": 0.8, "dev": 0.1, "test": 0.1}
    assigned = splits.split(
        labels, [[i] for i in range(110)], fractions, seed=3
    )
    counts = collections.Counter(assigned)
    assert counts == {"train": 88, "dev": 11, "test": 11}
    kinds = collections.Counter(
        (name, label.rstrip("0123456789"))
        for name, label in zip(assigned, labels, strict=True)
    )
    # Labels with five rows give one row each; four single rows fill dev and
    # test.
    assert kinds["train", "five"] == 40
    assert kinds["train", "one"] == 16


def _draw_labels(draw):
    """Draws labels from a random distribution with a long tail."""
    labels = []
    for label in range(draw.choice([1, 2, 5, 20, 60])):
        rows = draw.choice([1, 1, 2, 2, 3, 4, 7, 20, draw.randint(1, 200)])
        labels += [f"label{label}"] * rows
    draw.shuffle(labels)
    return labels


def _draw_fractions(draw):
    dev, test = (
        draw.choice([0.05, 0.1, 0.25, 0.3]),
        draw.choice([0.1, 0.2, 0.4]),
    )
    if draw.random() < 0.3:
        return {"train": 1 - dev, "dev": dev}
    return {"train": 1 - dev - test, "dev": dev, "test": test}


@pytest.mark.parametrize("seed", range(150))
def test_random_labels_are_split_by_the_fractions(seed):
    draw = random.Random(seed)
    labels, fractions = _draw_labels(draw), _draw_fractions(draw)
    if len(labels) * min(fractions.values()) < 1:
        labels *= 20
    keys = [[i] for i in range(len(labels))]
    assigned = splits.split(labels, keys, fractions, seed)
    sizes = collections.Counter(assigned)
    totals = collections.Counter(labels)
    counts = collections.Counter(zip(assigned, labels, strict=True))
    for name, fraction in fractions.items():
        assert abs(sizes[name] - fraction * len(labels)) <= 1 + 1e-6
        for label, rows in totals.items():
            assert abs(counts[name, label] - fraction * rows) <= 1 + 1e-6
    for label, rows in totals.items():
        assert rows * fractions["train"] < 1 or counts["train", label]


@pytest.mark.parametrize("seed", range(100))
def test_random_groups_stay_in_one_split(seed):
    draw = random.Random(seed)
    labels, fractions = _draw_labels(draw) * 2, _draw_fractions(draw)
    largest = draw.choice([2, 5, 10])
    if len(labels) * min(fractions.values()) < 2 * largest:
        labels *= 60
    groups = []
    while len(groups) < len(labels):
        groups += [[len(groups)]] * draw.randint(1, largest)
    groups = groups[: len(labels)]
    assigned = splits.split(labels, groups, fractions, seed)
    assert len(
        {(g, x) for (g,), x in zip(groups, assigned, strict=True)}
    ) == len({g for (g,) in groups})
    sizes = collections.Counter(assigned)
    for name, fraction in fractions.items():
        assert abs(sizes[name] - fraction * len(labels)) <= largest


def test_few_groups_leave_no_split_empty():
    fractions = {"train": 0.8, "dev": 0.1, "test": 0.1}
    groups = [[i // 10] for i in range(30)]
    assigned = splits.split(["a"] * 30, groups, fractions, seed=0)
    assert collections.Counter(assigned) == {"train": 10, "dev": 10, "test": 10}


def test_as_many_components_as_splits_fill_all_of_them():
    # Two rows of different labels, and all others in one group.
    labels = ["a", "b"] * 20
    keys = [["all"]] * 38 + [["x"], ["y"]]
    assigned = splits.split(labels, keys, _FRACTIONS, seed=0)
    assert assigned[:38] == ["train"] * 38
    assert sorted(assigned[38:]) == ["dev", "test"]


@pytest.mark.parametrize(
    "fractions", [{"train": 0.5, "dev": 0.4}, {"train": 1.0, "dev": 0.0}]
)
def test_fractions_must_be_positive_and_sum_to_1(fractions):
    with pytest.raises(ValueError, match="sum up to 1"):
        splits.split(["a"], [["k"]], fractions, seed=0)


def test_an_empty_split_is_an_error():
    with pytest.raises(
        ValueError, match=r"split dev .* of 10 rows stays empty"
    ):
        splits.split(["a"] * 10, [["same"]] * 10, _FRACTIONS, seed=0)


def test_no_rows_are_an_error():
    with pytest.raises(ValueError, match="no rows to split"):
        splits.split([], [], _FRACTIONS, seed=0)


def test_text_key_ignores_case_and_blanks():
    assert splits.text_key(" A\tbig  CAT ") == splits.text_key("a big cat")
    assert splits.text_key("a big cat") != splits.text_key("a big dog")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
