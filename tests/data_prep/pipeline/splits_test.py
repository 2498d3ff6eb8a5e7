import collections
import random

import pytest

from data_prep.pipeline import splits

_SHARES = {"train": 0.7, "dev": 0.1, "test": 0.2}


def test_shares_and_labels():
    labels = ["a"] * 70 + ["b"] * 30
    chosen = splits.split(labels, [[i] for i in range(100)], _SHARES, seed=1)
    assert collections.Counter(zip(chosen, labels, strict=True)) == {
        ("train", "a"): 49,
        ("dev", "a"): 7,
        ("test", "a"): 14,
        ("train", "b"): 21,
        ("dev", "b"): 3,
        ("test", "b"): 6,
    }


def test_whole_numbers_sum_up_both_ways():
    # 0.15 of 28 is 4.2 a label and 0.15 of 84 is 12.6: 13 dev rows, one label
    # has a fifth.
    labels = ["a", "b", "c"] * 28
    chosen = splits.split(
        labels, [[i] for i in range(84)], {"train": 0.85, "dev": 0.15}, seed=0
    )
    counts = collections.Counter(zip(chosen, labels, strict=True))
    assert sorted(counts["dev", label] for label in "abc") == [4, 4, 5]


def test_a_label_with_fewer_rows_than_splits():
    labels = ["a"] * 20 + ["b"]
    chosen = splits.split(labels, [[i] for i in range(21)], _SHARES, seed=0)
    assert collections.Counter(chosen) == {"train": 15, "dev": 2, "test": 4}


def test_rows_that_share_a_key_stay_together():
    # Rows 0, 1 share a document, 1, 2 a text, 2, 3 a document: all four hang
    # together.
    keys = [["d1", "t1"], ["d1", "t2"], ["d2", "t2"], ["d2", "t3"]]
    keys += [[f"d{i}", f"x{i}"] for i in range(10, 30)]
    for seed in range(5):
        chosen = splits.split(["a"] * len(keys), keys, _SHARES, seed)
        assert len(set(chosen[:4])) == 1


def test_depends_on_the_seed_and_not_on_the_order():
    labels = ["a", "b"] * 30
    keys = [[f"text {i}"] for i in range(60)]
    chosen = splits.split(labels, keys, _SHARES, seed=1)
    assert chosen == splits.split(labels, keys, _SHARES, seed=1)
    assert chosen != splits.split(labels, keys, _SHARES, seed=2)
    backwards = splits.split(labels[::-1], keys[::-1], _SHARES, seed=1)
    assert chosen == backwards[::-1]


def test_rows_without_keys_stand_alone():
    chosen = splits.split(["a"] * 10, [[]] * 10, _SHARES, seed=0)
    assert collections.Counter(chosen) == {"train": 7, "dev": 1, "test": 2}


@pytest.mark.parametrize(
    ("rows", "sizes"), [(1, (48, 6, 6)), (2, (96, 12, 12)), (3, (144, 18, 18))]
)
def test_sixty_labels_of_few_rows(rows, sizes):
    labels = [f"intent{i}" for i in range(60)] * rows
    shares = {"train": 0.8, "dev": 0.1, "test": 0.1}
    chosen = splits.split(labels, [[i] for i in range(60 * rows)], shares, 0)
    counts = collections.Counter(chosen)
    assert tuple(counts[name] for name in shares) == sizes
    # No label gives all its rows away, and none gives two where one is 0.3.
    by_label = collections.Counter(zip(chosen, labels, strict=True))
    assert all(n == 1 for (name, _), n in by_label.items() if name != "train")
    if rows > 1:
        assert all(by_label["train", label] for label in labels)


def test_labels_of_one_row_are_trained_before_others():
    # 0.1 of 110 is 11 rows. Ten labels of five rows have half a row each for
    # dev and for test, the label of 40 has 4 for each, twenty labels have one.
    labels = [f"five{i}" for i in range(10)] * 5 + ["many"] * 40
    labels += [f"one{i}" for i in range(20)]
    shares = {"train": 0.8, "dev": 0.1, "test": 0.1}
    chosen = splits.split(labels, [[i] for i in range(110)], shares, seed=3)
    counts = collections.Counter(chosen)
    assert counts == {"train": 88, "dev": 11, "test": 11}
    kinds = collections.Counter(
        (name, label.rstrip("0123456789"))
        for name, label in zip(chosen, labels, strict=True)
    )
    # Those of five rows give what they can, one row each; four single rows are
    # needed for what is left.
    assert kinds["train", "five"] == 40
    assert kinds["train", "one"] == 16


def _draw_labels(draw):
    """Labels of some random distribution, with a long tail."""
    labels = []
    for label in range(draw.choice([1, 2, 5, 20, 60])):
        rows = draw.choice([1, 1, 2, 2, 3, 4, 7, 20, draw.randint(1, 200)])
        labels += [f"label{label}"] * rows
    draw.shuffle(labels)
    return labels


def _draw_shares(draw):
    dev, test = (
        draw.choice([0.05, 0.1, 0.25, 0.3]),
        draw.choice([0.1, 0.2, 0.4]),
    )
    if draw.random() < 0.3:
        return {"train": 1 - dev, "dev": dev}
    return {"train": 1 - dev - test, "dev": dev, "test": test}


@pytest.mark.parametrize("seed", range(150))
def test_any_labels_get_their_shares(seed):
    draw = random.Random(seed)
    labels, shares = _draw_labels(draw), _draw_shares(draw)
    if len(labels) * min(shares.values()) < 1:
        labels *= 20
    keys = [[i] for i in range(len(labels))]
    chosen = splits.split(labels, keys, shares, seed)
    sizes = collections.Counter(chosen)
    totals = collections.Counter(labels)
    counts = collections.Counter(zip(chosen, labels, strict=True))
    for name, share in shares.items():
        assert abs(sizes[name] - share * len(labels)) <= 1 + 1e-6
        for label, rows in totals.items():
            assert abs(counts[name, label] - share * rows) <= 1 + 1e-6
    for label, rows in totals.items():
        assert rows * shares["train"] < 1 or counts["train", label]


@pytest.mark.parametrize("seed", range(100))
def test_groups_of_any_labels_stay_whole(seed):
    draw = random.Random(seed)
    labels, shares = _draw_labels(draw) * 2, _draw_shares(draw)
    largest = draw.choice([2, 5, 10])
    if len(labels) * min(shares.values()) < 2 * largest:
        labels *= 60
    groups = []
    while len(groups) < len(labels):
        groups += [[len(groups)]] * draw.randint(1, largest)
    groups = groups[: len(labels)]
    chosen = splits.split(labels, groups, shares, seed)
    assert len({(g, x) for (g,), x in zip(groups, chosen, strict=True)}) == len(
        {g for (g,) in groups}
    )
    sizes = collections.Counter(chosen)
    for name, share in shares.items():
        assert abs(sizes[name] - share * len(labels)) <= largest


def test_few_groups_leave_no_split_empty():
    shares = {"train": 0.8, "dev": 0.1, "test": 0.1}
    groups = [[i // 10] for i in range(30)]
    chosen = splits.split(["a"] * 30, groups, shares, seed=0)
    assert collections.Counter(chosen) == {"train": 10, "dev": 10, "test": 10}


def test_as_many_parts_as_splits():
    # Two rows of different labels, and all others in one group.
    labels = ["a", "b"] * 20
    keys = [["all"]] * 38 + [["x"], ["y"]]
    chosen = splits.split(labels, keys, _SHARES, seed=0)
    assert chosen[:38] == ["train"] * 38
    assert sorted(chosen[38:]) == ["dev", "test"]


@pytest.mark.parametrize(
    "shares", [{"train": 0.5, "dev": 0.4}, {"train": 1.0, "dev": 0.0}]
)
def test_refuses_shares(shares):
    with pytest.raises(ValueError, match="sum to 1"):
        splits.split(["a"], [["k"]], shares, seed=0)


def test_refuses_an_empty_split():
    with pytest.raises(
        ValueError, match=r"split dev .* of 10 rows stays empty"
    ):
        splits.split(["a"] * 10, [["same"]] * 10, _SHARES, seed=0)


def test_refuses_no_rows():
    with pytest.raises(ValueError, match="no rows to divide"):
        splits.split([], [], _SHARES, seed=0)


def test_text_key():
    assert splits.text_key(" A\tbig  CAT ") == splits.text_key("a big cat")
    assert splits.text_key("a big cat") != splits.text_key("a big dog")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
