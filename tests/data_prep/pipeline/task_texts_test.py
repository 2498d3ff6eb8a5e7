import pytest

from data_prep.pipeline import task_texts
from tests.helpers import encoded_rows


def _identify(*tasks):
    encoder = encoded_rows.TextEncoder()
    return encoded_rows.identify(
        *(encoded_rows.make(encoder, *args, **kwargs) for args, kwargs in tasks)
    )


def test_equal_texts_of_all_tasks_have_equal_ids():
    first, second = _identify(
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
    assert first.text_ids["train"].tolist() == [0, 1, 0]
    assert first.text_ids["dev"].tolist() == [2]
    assert first.text_ids["test"].tolist() == [1]
    assert second.text_ids["train"].tolist() == [2]
    assert (
        second.text_ids["dev"].tolist()
        == second.text_ids["test"].tolist()
        == [3]
    )
    assert second.text_ids["unlabeled"].tolist() == [0]
    assert first.labels["train"].tolist() == [0, 1, 0]
    assert second.labels["train"].tolist() == [1]
    # Only pairs have ids of seq2.
    assert first.seq2_ids == {}
    assert first.name == "a"


def test_pairs_differ_if_only_their_concatenation_is_equal():
    (pairs,) = _identify(
        (
            ("p", "no yes", True),
            {
                "train": ["no: x y | z", "no: x | y z", "no: w | z"],
                "dev": ["yes: x y | z"],
                "test": ["yes: z"],
            },
        ),
    )
    assert pairs.text_ids["train"].tolist() == [0, 1, 2]
    assert pairs.text_ids["dev"].tolist() == [0]
    assert pairs.text_ids["test"].tolist() == [3]
    assert pairs.seq2_ids["train"].tolist() == [0, 1, 0]
    assert pairs.seq2_ids["test"].tolist() == [0]


def test_examples_are_the_first_rows():
    (x,) = _identify(
        (
            ("a", "no yes"),
            {"train": ["no: x"] * 4, "dev": ["no: x"], "test": ["no: x"]},
        ),
    )
    assert x.ids("train", x.text_ids["train"] == 0) == (
        "a-train-0",
        "a-train-1",
    )
    assert x.ids("train", x.text_ids["train"] == 1) == ()
    assert task_texts.first([("a",), (), ("b", "c")]) == ("a", "b")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
