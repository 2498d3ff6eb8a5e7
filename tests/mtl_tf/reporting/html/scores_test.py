import dataclasses

import numpy as np
import pytest

from mtl_tf.metrics import classification
from mtl_tf.metrics import significance
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import scores
from tests.helpers import run_artifacts

TASKS = run_artifacts.TASKS


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Several runs by name."""
    root = tmp_path_factory.mktemp("runs")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))
    settings = {
        "plain": {},
        "single": {"sharing": "single_task", "seed": 3},
        "stance": {"seed": 4},
        "seeds": {"num_runs": 3, "seed": 5},
        "transfer": {"main_task": "stance", "label_transfer": "supervised"},
    }
    return {
        name: artifacts.read(
            run_artifacts.write_run(
                str(root / name),
                data_dir,
                tasks=TASKS[1:] if name == "stance" else TASKS,
                **values,
            )
        )
        for name, values in settings.items()
    }


def score(task, seed, metric, start=0):
    gold, probabilities = run_artifacts.predictions(task, "test", seed)
    predicted = probabilities.argmax(axis=1)
    scores_by_metric = classification.compute(
        metric, task.labels, gold[start:], predicted[start:]
    )
    return scores_by_metric[metric]


def test_there_is_a_row_by_task_and_one_of_averages(runs):
    rows = scores.table_rows([runs["plain"]], TASKS)
    assert [row.name for row in rows] == [
        "reviews",
        "stance",
        "average accuracy",
    ]
    # The tasks' metrics differ, so the average is of accuracy.
    assert [row.metric for row in rows] == [
        "macro_f1",
        "accuracy",
        "accuracy",
    ]
    assert [row.num_texts for row in rows] == [40, 40, 0]
    values = [row.scores[0].value for row in rows]
    assert values == pytest.approx(
        [
            score(TASKS[0], 0, "macro_f1"),
            score(TASKS[1], 0, "accuracy"),
            np.mean([score(task, 0, "accuracy") for task in TASKS]),
        ]
    )
    deduplicated = [row.scores[0].deduplicated for row in rows]
    assert deduplicated[:2] == pytest.approx(
        [score(TASKS[0], 0, "macro_f1", 4), score(TASKS[1], 0, "accuracy", 4)]
    )
    for row in rows:
        (mine,) = row.scores
        low, high = mine.interval
        assert low < mine.value < high
        assert mine.deviation is None
        assert mine.test is None
        # There is no run to compare with.
        assert not mine.best


def test_the_average_is_of_the_common_metric(runs):
    same = [dataclasses.replace(task, metric="macro_f1") for task in TASKS]
    row = scores.table_rows([runs["plain"]], same)[-1]
    assert row.metric == "macro_f1"
    assert row.scores[0].value == pytest.approx(
        np.mean([score(task, 0, "macro_f1") for task in TASKS])
    )


def test_tasks_are_sampled_independently(runs):
    """The average of two equal tasks has an interval √2 times smaller."""
    same = [dataclasses.replace(task, metric="accuracy") for task in TASKS]
    stance = runs["plain"].predictions["stance", "test"]
    equal = {(task.name, "test"): stance for task in TASKS}
    run = dataclasses.replace(runs["plain"], predictions=equal)

    def size(row):
        low, high = row.scores[0].interval
        return high - low

    first, second, average = map(size, scores.table_rows([run], same))
    assert first == pytest.approx(second, rel=0.1)
    assert average == pytest.approx(first / 2**0.5, rel=0.1)


def test_the_interval_of_the_average_is_of_its_metric(runs):
    same = [dataclasses.replace(task, metric="accuracy") for task in TASKS]
    mixed, common = (
        scores.table_rows([runs["plain"]], tasks)[-1] for tasks in (TASKS, same)
    )
    assert (mixed.name, common.name) == ("average accuracy", "average")
    assert dataclasses.replace(mixed, name="average") == common


def test_the_order_of_rows_does_not_matter(runs):
    order = np.random.default_rng(0).permutation(run_artifacts.ROWS)
    shuffled = dataclasses.replace(
        runs["plain"],
        predictions={
            key: value.take(order)
            for key, value in runs["plain"].predictions.items()
        },
    )
    expected = scores.table_rows([runs["single"], runs["plain"]], TASKS)
    assert (
        scores.table_rows([runs["single"], shuffled], TASKS)[:2] == expected[:2]
    )


def test_seeds_are_averaged_in_each_sample(runs):
    """Seeds that are correct on opposite rows have a constant mean."""
    task = TASKS[1]
    run = runs["seeds"]
    stance = run.seeds[0].predictions[task.name, "test"]
    predictions = (stance.gold, 1 - stance.gold, stance.gold)
    parts = {
        name: dataclasses.replace(
            part,
            predictions={
                (task.name, "test"): dataclasses.replace(
                    stance, predicted=predicted
                )
            },
        )
        for (name, part), predicted in zip(
            run.parts.items(), predictions, strict=True
        )
    }
    (row, _) = scores.table_rows(
        [dataclasses.replace(run, parts=parts)], [task]
    )
    assert row.scores[0].interval == pytest.approx((2 / 3, 2 / 3))


def test_the_best_score_is_marked(runs):
    rows = scores.table_rows([runs["plain"], runs["single"]], TASKS)
    for row in rows:
        first, second = row.scores
        assert first.best == (first.value >= second.value)
        assert second.best == (second.value >= first.value)


def test_the_lowest_error_is_the_best(runs, monkeypatch):
    monkeypatch.setitem(
        classification.METRICS,
        "accuracy",
        dataclasses.replace(
            classification.METRICS["accuracy"], lower_is_better=True
        ),
    )
    row = scores.table_rows([runs["plain"], runs["single"]], TASKS)[1]
    first, second = row.scores
    assert first.value != second.value
    assert first.best == (first.value < second.value)
    assert second.best != first.best


def test_a_task_by_topic(tmp_path):
    stars = dataclasses.replace(TASKS[0], metric="macro_mae_by_topic")
    data_dir = run_artifacts.write_corpus(str(tmp_path / "c"), tasks=(stars,))
    first, second = (
        artifacts.read(
            run_artifacts.write_run(
                str(tmp_path / str(seed)), data_dir, tasks=(stars,), seed=seed
            )
        )
        for seed in (0, 3)
    )
    row, average = scores.table_rows([first, second], [stars])
    assert row.metric == average.metric == "macro_mae_by_topic"
    topics = run_artifacts.topics()
    for seed, actual in zip((0, 3), row.scores, strict=True):
        gold, probabilities = run_artifacts.predictions(stars, "test", seed)
        errors = np.abs(probabilities.argmax(axis=1) - gold)
        expected = np.mean(
            [
                np.mean(
                    [
                        errors[(gold == label) & (topics == topic)].mean()
                        for label in np.unique(gold[topics == topic])
                    ]
                )
                for topic in np.unique(topics)
            ]
        )
        assert actual.value == pytest.approx(expected)
        # The samples keep the topics of their rows.
        drawn = significance.resample(
            gold,
            probabilities.argmax(axis=1)[np.newaxis],
            stars.labels,
            row.metric,
            [1],
            topics=topics,
        )
        np.testing.assert_allclose(
            actual.interval, significance.interval(drawn[:, 0]), atol=0.03
        )
    values = [actual.value for actual in row.scores]
    assert [actual.best for actual in row.scores] == [
        value == min(values) for value in values
    ]
    assert row.scores[1].test.difference == pytest.approx(values[1] - values[0])


def test_tests_against_the_first_run(runs):
    rows = scores.table_rows([runs["single"], runs["plain"]], TASKS)
    p = []
    for task, row in zip(TASKS, rows, strict=False):
        gold, first = run_artifacts.predictions(task, "test", 3)
        _, second = run_artifacts.predictions(task, "test", 0)
        only_first, only_second, exact = significance.mcnemar(
            first.argmax(axis=1) == gold, second.argmax(axis=1) == gold
        )
        assert row.scores[0].test is None
        test = row.scores[1].test
        assert test.difference == pytest.approx(
            score(task, 0, task.metric) - score(task, 3, task.metric)
        )
        assert test.low < test.difference < test.high
        assert (test.only_first, test.only_second) == (only_first, only_second)
        assert test.mcnemar == pytest.approx(exact)
        p.append(exact)
    corrected = [row.scores[1].test.corrected_mcnemar for row in rows[:2]]
    assert corrected == pytest.approx(significance.holm(p))
    # The average has no McNemar test, and its p-value is not corrected.
    test = rows[-1].scores[1].test
    assert np.isnan([test.mcnemar, test.corrected_p_value]).all()
    assert test.difference == pytest.approx(
        rows[-1].scores[1].value - rows[-1].scores[0].value
    )
    assert test.low < test.difference < test.high


def test_a_baseline_without_a_task(runs):
    rows = scores.table_rows([runs["stance"], runs["plain"]], TASKS)
    assert [row.scores[0] is None for row in rows] == [True, False, True]
    assert [row.scores[1].test is None for row in rows] == [
        True,
        False,
        True,
    ]
    # A single test needs no correction.
    test = rows[1].scores[1].test
    assert test.corrected_p_value == test.p_value


def test_several_seeds(runs):
    rows = scores.table_rows([runs["plain"], runs["seeds"]], TASKS)
    for task, row in zip(TASKS, rows, strict=False):
        by_seed = [score(task, seed, task.metric) for seed in (5, 6, 7)]
        actual = row.scores[1]
        assert actual.value == pytest.approx(np.mean(by_seed))
        assert actual.deviation == pytest.approx(np.std(by_seed, ddof=1))
        assert actual.interval[0] < actual.value < actual.interval[1]
        assert np.isnan(actual.test.mcnemar)
        assert actual.test.difference == pytest.approx(
            actual.value - score(task, 0, task.metric)
        )
    averages = [
        np.mean([score(task, seed, "accuracy") for task in TASKS])
        for seed in (5, 6, 7)
    ]
    average = rows[-1].scores[1]
    assert average.deviation == pytest.approx(np.std(averages, ddof=1))
    low, high = average.seed_interval
    assert (low + high) / 2 == pytest.approx(np.mean(averages))
    # The 97.5 % quantile of t with 2 degrees of freedom is 4.303.
    assert high - low == pytest.approx(
        2 * 4.302653 * np.std(averages, ddof=1) / 3**0.5
    )
    assert rows[-1].scores[0].seed_interval is None


def test_scores_do_not_need_predictions(runs):
    without = dataclasses.replace(runs["plain"], predictions={})
    rows = scores.table_rows([without, runs["single"]], TASKS)
    for row in rows:
        assert row.scores[0].value > 0
        assert row.scores[0].interval is None
        # The other run has an interval, but no test.
        assert row.scores[1].interval is not None
        assert row.scores[1].test is None
    alone = scores.table_rows([without], TASKS)
    assert [row.scores[0].interval for row in alone] == [None] * 3


def test_different_rows_are_an_error(runs):
    cut = {
        key: value.take(np.arange(30))
        for key, value in runs["single"].predictions.items()
    }
    other = dataclasses.replace(runs["single"], predictions=cut)
    with pytest.raises(ValueError, match=r"task reviews: .* different rows"):
        scores.table_rows([other, runs["plain"]], TASKS)


def test_the_label_transfer_network_has_a_score_of_the_main_task(runs):
    gold, probabilities = run_artifacts.transfer_predictions(
        TASKS[1], "test", 0
    )
    accuracy = (probabilities.argmax(axis=1) == gold).mean()
    actual = scores.table_rows([runs["plain"], runs["transfer"]], TASKS)
    assert [row.scores[1].label_transfer for row in actual] == [
        None,
        pytest.approx(accuracy),
        None,
    ]
    assert [row.scores[0].label_transfer for row in actual] == [None] * 3
    # The main model's score is unchanged.
    assert actual[1].scores[1].value == actual[1].scores[0].value != accuracy


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
