import pytest

from data_prep.pipeline import leaks
from tests.helpers import encoded_rows

_REST = {"dev": ["no: d"], "test": ["no: t"]}


def _number(*parts):
    """Numbers of the texts of tasks: name, whether pairs, splits of each."""
    encoder = encoded_rows.Encoder()
    return encoded_rows.number(
        *(
            encoded_rows.make(encoder, name, "no yes", pair, **splits)
            for name, pair, splits in parts
        )
    )


def test_conflicts_in_train():
    (x,) = _number(
        (
            "a",
            False,
            _REST
            | {
                # Two of three texts have both labels, in 2 and in 3 rows.
                "train": [
                    "no: c",
                    "no: e",
                    "no: e",
                    "yes: f",
                    "yes: e",
                    "no: f",
                ]
            },
        )
    )
    (found,) = leaks.check_conflicts_in_train(x)
    assert found.kind == "conflicts_in_train"
    assert found.task == "a"
    assert found.count == 2
    assert found.message == "2 texts of train with several labels (5 of 6 rows)"
    assert found.examples == ("a-train-1", "a-train-4")
    assert leaks.check_conflicts_with_train(x) == []


def test_one_conflict_in_train():
    (x,) = _number(("a", False, _REST | {"train": ["no: c", "yes: c"]}))
    (found,) = leaks.check_conflicts_in_train(x)
    assert found.message == "1 text of train with several labels (2 of 2 rows)"


def test_texts_that_repeat_with_one_label_are_no_conflict():
    (x,) = _number(
        (
            "a",
            False,
            {
                "train": ["no: c", "no: c", "yes: e"],
                "dev": ["no: d"],
                "test": ["no: c", "yes: e", "yes: new"],
            },
        )
    )
    assert leaks.check_conflicts_in_train(x) == []
    assert leaks.check_conflicts_with_train(x) == []


def test_conflicts_between_train_and_test():
    (x,) = _number(
        (
            "a",
            False,
            {
                "train": ["no: c", "yes: e", "no: f", "yes: f", "no: last"],
                "dev": ["no: d"],
                # The second, third and fourth: another label, and one of two.
                "test": [
                    "no: c",
                    "yes: c",
                    "yes: f",
                    "no: f",
                    "no: new",
                    "yes: newer",
                ],
            },
        )
    )
    (found,) = leaks.check_conflicts_with_train(x)
    assert found.kind == "conflicts_with_train"
    assert found.count == 3
    assert found.message == (
        "3 of 6 test rows have the text of a training row with another label"
    )
    assert found.examples == ("a-test-1", "a-train-0")


def test_test_rows_in_train_of_other_tasks():
    texts = _number(
        (
            "a",
            False,
            {
                "train": ["no: own", "no: own"],
                "dev": ["no: d"],
                # Its own training text is a `duplicate`, and no leak of others.
                "test": ["no: own", "no: x", "yes: x", "no: y", "no: new"],
            },
        ),
        (
            "b",
            False,
            # More rows of a text make no more of a test row.
            _REST | {"train": ["no: x", "no: x", "yes: y"]},
        ),
        ("c", False, _REST | {"train": ["yes: y"]}),
        # The same text against another one is another text.
        ("p", True, _REST | {"train": ["yes: topic | x"]}),
    )
    (found,) = leaks.check_shared_texts(texts)
    assert found.kind == "test_in_other_train"
    assert found.task == "a"
    assert found.count == 3
    assert found.by_task == {"b": 3, "c": 1}
    assert found.message == (
        "3 of 5 test rows have the text of a training row of another task "
        "(b 3, c 1): what tasks share is trained on them"
    )
    assert found.examples == ("a-test-1", "a-test-2")


def test_many_tasks_over_the_same_texts():
    names = [f"t{n:02}" for n in range(64)]
    texts = _number(
        *(
            (
                name,
                False,
                {"train": ["no: x"], "dev": ["no: d"], "test": ["yes: x"]},
            )
            for name in names
        )
    )
    found = leaks.check_shared_texts(texts)
    assert [x.task for x in found] == names
    assert all(x.count == 1 and len(x.by_task) == 63 for x in found)
    assert found[0].message == (
        "1 of 1 test rows have the text of a training row of another task "
        "(t01 1, t02 1, t03 1 and 60 more): what tasks share is trained on them"
    )


def test_unlabeled_texts_that_are_scored():
    texts = _number(
        (
            "a",
            False,
            {
                "train": ["no: x"],
                "dev": ["no: u", "no: d"],
                "test": ["no: u", "yes: v", "no: w", "no: t"],
                "unlabeled": ["u", "v", "x", "u"],
            },
        ),
        # Without such texts of its own: those of other tasks are read, too.
        ("b", False, {"train": ["no: x"], "dev": ["no: d"], "test": ["no: v"]}),
        ("c", False, _REST | {"train": ["no: x"]}),
    )
    first, second = leaks.check_unlabeled(texts)
    assert first.kind == second.kind == "unlabeled_is_scored"
    assert (first.task, first.count) == ("a", 3)
    assert first.message == (
        "1 of 2 dev rows and 2 of 4 test rows are unlabeled texts, too: the "
        "vocabulary has read them, and --unlabeled does (transductive scores)"
    )
    assert first.examples == ("a-dev-0", "a-test-0")
    assert (second.task, second.count) == ("b", 1)
    assert second.message.startswith("1 of 1 test rows are unlabeled")
    assert leaks.check_unlabeled(texts[2:]) == []


def test_seq2_in_train_with_another_seq1():
    (x,) = _number(
        (
            "p",
            True,
            {
                "train": ["no: q | x", "no: q | y", "no: r+ | z"],
                # A group was given, or the pair itself is in train, or seq1 is.
                "dev": ["no: s+ | x", "no: q | x", "no: x | d"],
                "test": ["no: s | x", "yes: s | z", "no: y", "no: q | new"],
            },
        )
    )
    (found,) = leaks.check_seq2(x)
    assert found.kind == "seq2_in_train"
    assert found.count == 3
    assert found.message == (
        "3 of 4 test rows have the seq2 of a training row with another seq1, "
        "and no group that keeps them in one split"
    )
    assert found.examples == ("p-test-0", "p-test-1")


def test_seq2_of_single_texts_is_the_text():
    (x,) = _number(
        ("a", False, {"train": ["no: x"], "dev": ["no: x"], "test": ["no: x"]})
    )
    assert leaks.check_seq2(x) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
