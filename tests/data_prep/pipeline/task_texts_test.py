import pytest

from data_prep.pipeline import task_texts
from tests.helpers import encoded_rows


def _number(*tasks):
    encoder = encoded_rows.Encoder()
    return encoded_rows.number(
        *(encoded_rows.make(encoder, *args, **kwargs) for args, kwargs in tasks)
    )


def test_rows_of_all_tasks_with_the_same_texts_have_one_number():
    first, second = _number(
        (
            ("a", "no yes"),
            {
                "train": ["no: x y", "yes: x", "no: x y"],
                "dev": ["yes: y"],
                "test": ["no: x"],
            },
        ),
        (
            ("b", "bad good"),
            {
                "train": ["good: y"],
                "dev": ["good: z"],
                "test": ["bad: z"],
                "unlabeled": ["x y"],
            },
        ),
    )
    assert first.pairs["train"].tolist() == [0, 1, 0]
    assert first.pairs["dev"].tolist() == [2]
    assert first.pairs["test"].tolist() == [1]
    assert second.pairs["train"].tolist() == [2]
    assert second.pairs["dev"].tolist() == second.pairs["test"].tolist() == [3]
    assert second.pairs["unlabeled"].tolist() == [0]
    assert first.labels["train"].tolist() == [0, 1, 0]
    assert second.labels["train"].tolist() == [1]
    # Only pairs have a seq1 to leave out.
    assert first.seq2 == {}
    assert first.name == "a"


def test_pairs_differ_where_their_texts_are_cut_elsewhere():
    (pairs,) = _number(
        (
            ("p", "no yes", True),
            {
                "train": ["no: x y | z", "no: x | y z", "no: w | z"],
                "dev": ["yes: x y | z"],
                "test": ["yes: z"],
            },
        ),
    )
    assert pairs.pairs["train"].tolist() == [0, 1, 2]
    assert pairs.pairs["dev"].tolist() == [0]
    assert pairs.pairs["test"].tolist() == [3]
    assert pairs.seq2["train"].tolist() == [0, 1, 0]
    assert pairs.seq2["test"].tolist() == [0]


def test_examples_are_the_first_rows():
    (x,) = _number(
        (
            ("a", "no yes"),
            {"train": ["no: x"] * 4, "dev": ["no: x"], "test": ["no: x"]},
        ),
    )
    assert x.ids("train", x.pairs["train"] == 0) == ("a-train-0", "a-train-1")
    assert x.ids("train", x.pairs["train"] == 1) == ()
    assert task_texts.first([("a",), (), ("b", "c")]) == ("a", "b")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
