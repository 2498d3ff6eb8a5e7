import collections

import pytest

from data_prep import splits

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


def test_text_key():
    assert splits.text_key(" A\tbig  CAT ") == splits.text_key("a big cat")
    assert splits.text_key("a big cat") != splits.text_key("a big dog")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
