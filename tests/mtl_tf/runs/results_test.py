import json
import statistics

import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import results
from mtl_tf.runs import score_table
from tests.helpers import made_up

_BOOKS = tasks_lib.Task("books", ("bad", "good"))
_FILMS = tasks_lib.Task("films", ("bad", "good"))


def test_duplicates_are_left_out_of_test_only():
    duplicate = [True, False, False, False]
    by_split = results.scores_by_split(
        {
            "dev": made_up.predict([0, 1, 0, 1], [0, 1, 1, 1], duplicate),
            "test": made_up.predict([0, 1, 0, 1], [1, 1, 1, 1], duplicate),
        }
    )
    assert list(by_split) == ["dev", "test", "test_deduplicated"]
    assert (by_split["dev"]["accuracy"], by_split["dev"]["n"]) == (0.75, 4)
    assert (by_split["test"]["accuracy"], by_split["test"]["n"]) == (0.5, 4)
    # Correct, wrong, correct. F1 of bad 0, of good 2 * 2/3 * 1 / (5/3).
    unseen = by_split["test_deduplicated"]
    assert (unseen["accuracy"], unseen["n"]) == (pytest.approx(2 / 3), 3)
    assert unseen["macro_f1"] == pytest.approx(0.4)


def test_without_duplicates_there_is_one_test_score():
    test = made_up.predict([0, 1, 1], [0, 1, 0], [False] * 3)
    assert list(results.scores_by_split({"test": test})) == ["test"]


def test_deduplicated_score_without_unseen_rows_is_none(tmp_path):
    test = made_up.predict([0, 1, 1], [0, 1, 0], [True] * 3)
    by_split = results.scores_by_split({"dev": test, "test": test})
    assert list(by_split) == ["dev", "test", "test_deduplicated"]
    assert by_split["test_deduplicated"] is None
    results.write(str(tmp_path), by_split)
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["test_deduplicated"] is None
    assert written["test"]["n"] == 3


def test_majority_is_the_most_frequent_label_in_train():
    test = made_up.predict([0, 0, 0, 1], [0, 0, 0, 1])
    # More good than bad in train, whatever test has.
    majority = results.majority_predictions(np.array([1, 0, 1]), test)
    assert majority.predicted.tolist() == [1, 1, 1, 1]
    assert majority.probabilities.tolist() == [[0, 1]] * 4
    by_split = results.scores_by_split({"test": majority})
    assert by_split["test"]["accuracy"] == 0.25
    # The predictions of the model are unchanged.
    assert test.predicted.tolist() == [0, 0, 0, 1]


def scores(accuracy, macro_f1=0.0, n=10):
    return {"accuracy": accuracy, "macro_f1": macro_f1, "n": n}


def made(books, films):
    """Makes results with these `main` scores, and half of them for majority."""

    def half(by_split):
        return {
            split: x and scores(x["accuracy"] / 2, x["macro_f1"] / 2, x["n"])
            for split, x in by_split.items()
        }

    by_task = {
        task.name: {"main": by_split, "majority": half(by_split)}
        for task, by_split in ((_BOOKS, books), (_FILMS, films))
    }
    return {"tasks": by_task, "average": results.averages(by_task)}


@pytest.fixture
def plain():
    return made(
        {"dev": scores(0.5, 0.25, 8), "test": scores(0.75, 0.5, 12)},
        {"dev": scores(1.0, 0.75, 8), "test": scores(0.875, 0.75, 1600)},
    )


@pytest.fixture
def with_duplicates():
    return made(
        {"dev": scores(0.5), "test": scores(0.75)},
        {
            "dev": scores(1.0),
            "test": scores(0.875, n=100),
            "test_deduplicated": scores(0.5, n=80),
        },
    )


def test_averages_by_hand(plain):
    # Tasks have equal weights, whatever their rows; there is no average n.
    assert plain["average"] == {
        "main": {
            "dev": {"accuracy": 0.75, "macro_f1": 0.5},
            "test": {"accuracy": 0.8125, "macro_f1": 0.625},
        },
        "majority": {
            "dev": {"accuracy": 0.375, "macro_f1": 0.25},
            "test": {"accuracy": 0.40625, "macro_f1": 0.3125},
        },
    }


def test_averages_are_of_metrics_that_all_tasks_have():
    by_task = {
        "books": {"main": {"test": scores(0.5) | {"macro_mae": 1.0}}},
        "films": {"main": {"test": scores(0.75)}},
    }
    for task in by_task.values():
        task["majority"] = task["main"]
    assert results.averages(by_task)["main"] == {
        "test": {"accuracy": 0.625, "macro_f1": 0.0}
    }
    del by_task["films"]
    assert results.averages(by_task)["main"]["test"]["macro_mae"] == 1.0


def test_deduplicated_average_uses_test_of_tasks_without_duplicates(
    with_duplicates,
):
    average = with_duplicates["average"]["main"]
    assert average["test"]["accuracy"] == 0.8125
    # (0.75 + 0.5) / 2
    assert average["test_deduplicated"]["accuracy"] == 0.625
    assert average["test_deduplicated"]["num_tasks"] == 2


@pytest.fixture
def without_unseen():
    """Results where all test rows of films, and none of books, are in train."""
    return made(
        {"dev": scores(0.5), "test": scores(0.75)},
        {
            "dev": scores(1.0),
            "test": scores(0.875, n=100),
            "test_deduplicated": None,
        },
    )


def test_deduplicated_average_omits_tasks_without_unseen_rows(
    without_unseen,
):
    average = without_unseen["average"]["main"]
    assert average["test"] == {"accuracy": 0.8125, "macro_f1": 0.0}
    # The score of books, not (0.75 + 0.875) / 2.
    assert average["test_deduplicated"] == {
        "accuracy": 0.75,
        "macro_f1": 0.0,
        "num_tasks": 1,
    }


def test_deduplicated_average_without_unseen_rows_is_none():
    leaked = {"test": scores(0.75), "test_deduplicated": None}
    made_results = made(leaked, leaked)
    assert made_results["average"]["main"]["test_deduplicated"] is None
    _, _, *shown, _, average = lines(
        score_table.table(made_results, (_BOOKS, _FILMS), "x")
    )
    assert shown == [
        "books accuracy 10 37.5 75.0 -",
        "films accuracy 10 37.5 75.0 -",
    ]
    assert average == "average accuracy 37.5 75.0 -"


def test_table_has_a_dash_for_a_task_without_unseen_rows(without_unseen):
    tasks = (_BOOKS, _FILMS)
    assert score_table.table(without_unseen, tasks, "run").splitlines() == [
        "task     metric    test  majority   run         run, de-dup.",
        "------------------------------------------------------------",
        "books    accuracy    10      37.5  75.0                 75.0",
        "films    accuracy   100      43.8  87.5                    -",
        "------------------------------------------------------------",
        "average  accuracy            40.6  81.2  75.0 (1 of 2 tasks)",
    ]
    markdown = score_table.markdown_table(without_unseen, tasks, "run")
    assert markdown.splitlines()[3:] == [
        "| films | accuracy | 100 | 43.8 | 87.5 | - |",
        "| average | accuracy |  | 40.6 | 81.2 | 75.0 (1 of 2 tasks) |",
    ]
    assert score_table.deduplication_note(tasks, without_unseen) == (
        "No de-duplicated score of films: all test texts are in train or dev "
        "too."
    )


def test_deduplication_note_is_empty_if_all_tasks_have_unseen_rows(
    plain, with_duplicates
):
    for made_results in (plain, with_duplicates):
        assert not score_table.deduplication_note(
            (_BOOKS, _FILMS), made_results
        )


def test_combining_seeds_keeps_missing_scores(without_unseen):
    both = [without_unseen, without_unseen]
    for function in (np.mean, statistics.stdev):
        combined = results.combine(both, function)
        films = combined["tasks"]["films"]["main"]
        assert films["test_deduplicated"] is None
    means = results.combine(both, np.mean)
    tasks = (_BOOKS, _FILMS)
    assert score_table.table(means, tasks, "x") == score_table.table(
        without_unseen, tasks, "x"
    )
    # The rate of a run that took no time is None.
    assert results.combine([{"rate": None}, {"rate": 2.0}], np.mean) == {
        "rate": None
    }


def test_combine_applies_to_each_number():
    seeds = [
        {"a": {"x": 1, "y": 2.0}, "n": 4},
        {"a": {"x": 3, "y": 2.0}, "n": 8},
        {"a": {"x": 8, "y": 2.0}, "n": 6, "only here": 1},
    ]
    assert results.combine(seeds, np.mean) == {
        "a": {"x": 4.0, "y": 2.0},
        "n": 6.0,
    }
    # (9 + 1 + 16) / 2 and (4 + 4 + 0) / 2
    assert results.combine(seeds, statistics.variance) == {
        "a": {"x": 13.0, "y": 0.0},
        "n": 4.0,
    }
    # In any order.
    assert results.combine(seeds[::-1], np.mean) == results.combine(
        seeds, np.mean
    )


def lines(text):
    """Returns the lines of a table, with one blank between cells."""
    return [" ".join(line.split()) for line in text.split("\n")]


def test_table(plain):
    assert score_table.table(plain, (_BOOKS, _FILMS), "multi-task").split(
        "\n"
    ) == [
        "task     metric    test  majority  multi-task",
        "---------------------------------------------",
        "books    accuracy    12      37.5        75.0",
        "films    accuracy  1600      43.8        87.5",
        "---------------------------------------------",
        "average  accuracy            40.6        81.2",
    ]


def test_table_with_a_label_transfer_network(plain):
    plain["tasks"]["films"]["label_transfer"] = {"test": scores(0.5)}
    rows = lines(score_table.table(plain, (_BOOKS, _FILMS), "multi-task"))
    assert rows[0].endswith("majority multi-task label transfer")
    # It predicts for the main task only.
    assert rows[2] == "books accuracy 12 37.5 75.0 -"
    assert rows[3] == "films accuracy 1600 43.8 87.5 50.0"
    assert rows[5] == "average accuracy 40.6 81.2 -"


def test_table_in_markdown(plain):
    table = score_table.markdown_table(plain, (_BOOKS, _FILMS), "this run")
    assert table.split("\n") == [
        "| task | metric | test | majority | this run |",
        "| --- | --- | ---: | ---: | ---: |",
        "| books | accuracy | 12 | 37.5 | 75.0 |",
        "| films | accuracy | 1600 | 43.8 | 87.5 |",
        "| average | accuracy |  | 40.6 | 81.2 |",
    ]


def test_table_with_a_baseline_and_duplicates(with_duplicates):
    baseline = made(
        {"dev": scores(0.5), "test": scores(0.25)},
        {"dev": scores(0.5), "test": scores(0.5)},
    )
    tasks = (_BOOKS, _FILMS)
    table = score_table.table(with_duplicates, tasks, "multi-task", baseline)
    rows = lines(table)
    assert table.startswith(
        "task     metric    test  majority  single-task  multi-task  "
        "multi-task, de-dup.\n"
    )
    assert rows[2] == "books accuracy 10 37.5 25.0 75.0 75.0"
    assert rows[3] == "films accuracy 100 43.8 50.0 87.5 50.0"
    assert rows[5] == "average accuracy 40.6 37.5 81.2 62.5"
    # Columns are aligned with their headings.
    assert len({len(line) for line in table.split("\n")}) == 1


def test_table_with_a_baseline_of_other_tasks(plain):
    baseline = made({"test": scores(0.25)}, {"test": scores(0.75)})
    # The average of the baseline itself includes films.
    rows = lines(score_table.table(plain, (_BOOKS,), "multi-task", baseline))
    assert rows[2] == "books accuracy 12 37.5 25.0 75.0"
    assert rows[4] == "average accuracy 37.5 25.0 75.0"
    del baseline["tasks"]["films"]
    both = (_BOOKS, _FILMS)
    rows = lines(score_table.table(plain, both, "multi-task", baseline))
    assert rows[2] == "books accuracy 12 37.5 25.0 75.0"
    assert rows[3] == "films accuracy 1600 43.8 - 87.5"
    assert rows[5] == "average accuracy 40.6 - 81.2"


@pytest.mark.parametrize(
    ("metrics", "average"),
    [
        # 0.5 and 0.75
        (("macro_f1", "macro_f1"), "average macro_f1 31.2 62.5"),
        # A mean of different metrics has no meaning.
        (("macro_f1", "accuracy"), "average accuracy accuracy 40.6 81.2"),
    ],
)
def test_metric_of_the_average(plain, metrics, average):
    tasks = [
        tasks_lib.Task(task.name, task.labels, metric)
        for task, metric in zip((_BOOKS, _FILMS), metrics, strict=True)
    ]
    rows = lines(score_table.table(plain, tasks, "multi-task"))
    assert rows[2] == "books macro_f1 12 25.0 50.0"
    assert rows[5] == average


def test_table_of_errors_that_are_not_percentages():
    stars = tasks_lib.Task("stars", ("1", "2", "3"), "macro_mae_by_topic")
    by_split = {"test": scores(0.5) | {"macro_mae_by_topic": 0.7125}}
    by_task = {
        "books": {"main": {"test": scores(0.75)}},
        "stars": {"main": by_split},
    }
    for task in by_task.values():
        task["majority"] = task["main"]
    errors = {"tasks": by_task, "average": results.averages(by_task)}
    assert score_table.table(errors, (_BOOKS, stars), "x").splitlines()[2:] == [
        "books             accuracy              10      75.0   75.0",
        "stars             macro_mae_by_topic    10     0.713  0.713",
        "-----------------------------------------------------------",
        "average accuracy  accuracy                      62.5   62.5",
    ]
    assert score_table.caption((_BOOKS, stars)) == (
        "Test scores in percent, macro_mae_by_topic in label positions"
    )
    assert score_table.caption([_BOOKS]) == "Test scores in percent"
    # A baseline with another metric.
    other = {"tasks": {"stars": {"main": {"test": scores(0.5)}}}}
    other["tasks"]["stars"]["majority"] = other["tasks"]["stars"]["main"]
    rows = score_table.table(errors, [stars], "x", other).splitlines()
    assert rows[2].split()[3:] == ["0.713", "-", "0.713"]


def test_duplicates_are_left_out_with_their_topics():
    task = tasks_lib.Task("t", ("no", "yes"), "macro_recall_by_topic")
    test = made_up.predict(
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [False, True, False, False],
        groups=[b"x", b"x", b"y", b"y"],
        task=task,
    )
    by_split = results.scores_by_split({"test": test})
    # x: no 1, yes 0; y: no 1/2. Without the second row, x is 1.
    assert by_split["test"]["macro_recall_by_topic"] == 0.5
    assert by_split["test_deduplicated"]["macro_recall_by_topic"] == 0.75
    # Always no: x 1/2, y 1.
    majority = results.majority_predictions(np.array([0]), test)
    assert majority.scores()["macro_recall_by_topic"] == 0.75


def test_table_of_means_over_seeds(plain):
    # The number of rows is a mean over seeds, too.
    means = {"tasks": results.combine([plain["tasks"]], np.mean)}
    means["average"] = plain["average"]
    tasks = (_BOOKS, _FILMS)
    assert score_table.table(means, tasks, "x") == score_table.table(
        plain, tasks, "x"
    )


def test_write(tmp_path, plain):
    results.write(str(tmp_path), plain)
    assert json.loads((tmp_path / "results.json").read_text()) == plain


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
