import pytest

from data_prep.pipeline import blocks
from data_prep.pipeline import leaks
from data_prep.pipeline import tally
from mtl_tf.data import tasks
from tests.helpers import encoded_rows

_DEV_AND_TEST = {"dev": ["no: d"], "test": ["no: t"]}


def _identify(*declared):
    """Makes tasks of (name, whether it has pairs, splits), with text ids."""
    encoder = encoded_rows.TextEncoder()
    return encoded_rows.identify(
        *(
            encoded_rows.make(encoder, name, "no yes", pair, **splits)
            for name, pair, splits in declared
        )
    )


def test_texts_of_train_with_several_labels_are_found():
    (texts,) = _identify(
        (
            "a",
            False,
            _DEV_AND_TEST
            | {
                # e and f have both labels, in 3 and in 2 rows.
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
    (finding,) = leaks.check_conflicts_in_train(texts)
    assert finding.kind == "conflicts_in_train"
    assert finding.task == "a"
    assert finding.count == 2
    assert (
        finding.message == "2 texts of train with several labels (5 of 6 rows)"
    )
    assert finding.examples == ("a-train-1", "a-train-4")
    assert leaks.check_conflicts_with_train(texts) == []


def test_a_single_conflict_is_described_in_the_singular():
    (texts,) = _identify(
        ("a", False, _DEV_AND_TEST | {"train": ["no: c", "yes: c"]})
    )
    (finding,) = leaks.check_conflicts_in_train(texts)
    assert (
        finding.message == "1 text of train with several labels (2 of 2 rows)"
    )


def test_repeated_texts_with_one_label_are_not_found():
    (texts,) = _identify(
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
    assert leaks.check_conflicts_in_train(texts) == []
    assert leaks.check_conflicts_with_train(texts) == []


def test_test_rows_with_another_label_in_train_are_found():
    (texts,) = _identify(
        (
            "a",
            False,
            {
                "train": ["no: c", "yes: e", "no: f", "yes: f", "no: last"],
                "dev": ["no: d"],
                # The second has another label, the next two one of two.
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
    (finding,) = leaks.check_conflicts_with_train(texts)
    assert finding.kind == "conflicts_with_train"
    assert finding.count == 3
    assert finding.message == (
        "3 of 6 test rows have the text of a training row with another label"
    )
    assert finding.examples == ("a-test-1", "a-train-0")


def test_test_rows_in_train_of_other_tasks_are_found():
    texts = _identify(
        (
            "a",
            False,
            {
                "train": ["no: own", "no: own"],
                "dev": ["no: d"],
                # The task's own training text is only a `duplicate`.
                "test": ["no: own", "no: x", "yes: x", "no: y", "no: new"],
            },
        ),
        (
            "b",
            False,
            # Repeated training rows do not count twice.
            _DEV_AND_TEST | {"train": ["no: x", "no: x", "yes: y"]},
        ),
        ("c", False, _DEV_AND_TEST | {"train": ["yes: y"]}),
        # A pair with the same seq2 is another text.
        ("p", True, _DEV_AND_TEST | {"train": ["yes: topic | x"]}),
    )
    (finding,) = leaks.check_shared_texts(texts)
    assert finding.kind == "test_in_other_train"
    assert finding.task == "a"
    assert finding.count == 3
    assert finding.by_task == {"b": 3, "c": 1}
    assert finding.message == (
        "3 of 5 test rows have the text of a training row of another task "
        "(b 3, c 1): shared layers are trained on them"
    )
    assert finding.examples == ("a-test-1", "a-test-2")


def test_many_tasks_may_share_a_text():
    names = [f"t{n:02}" for n in range(64)]
    texts = _identify(
        *(
            (
                name,
                False,
                {"train": ["no: x"], "dev": ["no: d"], "test": ["yes: x"]},
            )
            for name in names
        )
    )
    results = leaks.check_shared_texts(texts)
    assert [x.task for x in results] == names
    assert all(x.count == 1 and len(x.by_task) == 63 for x in results)
    assert results[0].message == (
        "1 of 1 test rows have the text of a training row of another task "
        "(t01 1, t02 1, t03 1 and 60 more): shared layers are trained on them"
    )


def test_scored_unlabeled_texts_are_found():
    texts = _identify(
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
        # Without unlabeled texts of its own: those of other tasks count, too.
        ("b", False, {"train": ["no: x"], "dev": ["no: d"], "test": ["no: v"]}),
        ("c", False, _DEV_AND_TEST | {"train": ["no: x"]}),
    )
    first, second = leaks.check_unlabeled(texts)
    assert first.kind == second.kind == "unlabeled_is_scored"
    assert (first.task, first.count) == ("a", 3)
    assert first.message == (
        "1 of 2 dev rows and 2 of 4 test rows are unlabeled texts, too: they "
        "are used by the vocabulary and by --unlabeled (transductive scores)"
    )
    assert first.examples == ("a-dev-0", "a-test-0")
    assert (second.task, second.count) == ("b", 1)
    assert second.message.startswith("1 of 1 test rows are unlabeled")
    assert leaks.check_unlabeled(texts[2:]) == []


def test_seq2_in_train_with_another_seq1_is_found():
    (texts,) = _identify(
        (
            "p",
            True,
            {
                "train": ["no: q | x", "no: q | y", "no: r+ | z"],
                # A group; the same pair; a seq1 that is a seq2 of train.
                "dev": ["no: s+ | x", "no: q | x", "no: x | d"],
                "test": ["no: s | x", "yes: s | z", "no: y", "no: q | new"],
            },
        )
    )
    (finding,) = leaks.check_seq2(texts)
    assert finding.kind == "seq2_in_train"
    assert finding.count == 3
    assert finding.message == (
        "3 of 4 test rows have the seq2 of a training row with another seq1, "
        "and no group that keeps them in one split"
    )
    assert finding.examples == ("p-test-0", "p-test-1")


def test_single_texts_have_no_seq1_to_compare():
    (texts,) = _identify(
        ("a", False, {"train": ["no: x"], "dev": ["no: x"], "test": ["no: x"]})
    )
    assert leaks.check_seq2(texts) == []


def test_the_tasks_of_shared_texts_are_not_searched_in_all(monkeypatch):
    number = 40
    total = tally.Tally()
    for task in range(number):
        row = tally.Example((0, task), (f"r{task}",))
        total.add((task, "in_other_train"), [row])
        other = (task + 1) % number
        total.add((task, "in_train_of", other), [row])
    infos = [
        blocks.TaskInfo(tasks.Task(f"t{x}", ("a", "b")), ("test",))
        for x in range(number)
    ]
    calls, count = [], tally.TaskTally.count

    def remember(*arguments):
        calls.append(arguments)
        return count(*arguments)

    monkeypatch.setattr(tally.TaskTally, "count", remember)
    found = leaks.check_shared_texts(tally.by_task(infos, total))
    assert [x.by_task for x in found] == [
        {f"t{(task + 1) % number}": 1} for task in range(number)
    ]
    # A few for each task, and not one for each pair of tasks.
    assert len(calls) <= 5 * number


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
