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


def score(task, seed, metric, first=0):
    gold, probabilities = run_artifacts.answers(task, "test", seed)
    predicted = probabilities.argmax(axis=1)
    found = classification.compute(
        metric, task.labels, gold[first:], predicted[first:]
    )
    return found[metric]


def test_a_line_a_task_and_the_average(runs):
    lines = scores.lines([runs["plain"]], TASKS)
    assert [line.name for line in lines] == [
        "reviews",
        "stance",
        "average accuracy",
    ]
    # The tasks' metrics differ: the average is of accuracy.
    assert [line.metric for line in lines] == [
        "macro_f1",
        "accuracy",
        "accuracy",
    ]
    assert [line.rows for line in lines] == [40, 40, 0]
    values = [line.scores[0].value for line in lines]
    assert values == pytest.approx(
        [
            score(TASKS[0], 0, "macro_f1"),
            score(TASKS[1], 0, "accuracy"),
            np.mean([score(task, 0, "accuracy") for task in TASKS]),
        ]
    )
    deduplicated = [line.scores[0].deduplicated for line in lines]
    assert deduplicated[:2] == pytest.approx(
        [score(TASKS[0], 0, "macro_f1", 4), score(TASKS[1], 0, "accuracy", 4)]
    )
    for line in lines:
        (mine,) = line.scores
        low, high = mine.interval
        assert low < mine.value < high
        assert mine.deviation is None
        assert mine.test is None
        # There is no other run to be better than.
        assert not mine.best


def test_the_average_is_of_the_metric_that_all_tasks_have(runs):
    same = [dataclasses.replace(task, metric="macro_f1") for task in TASKS]
    line = scores.lines([runs["plain"]], same)[-1]
    assert line.metric == "macro_f1"
    assert line.scores[0].value == pytest.approx(
        np.mean([score(task, 0, "macro_f1") for task in TASKS])
    )


def test_tasks_are_sampled_independently(runs):
    """Of two tasks that look the same, the average varies √2 times less."""
    same = [dataclasses.replace(task, metric="accuracy") for task in TASKS]
    stance = runs["plain"].predictions["stance", "test"]
    alike = {(task.name, "test"): stance for task in TASKS}
    run = dataclasses.replace(runs["plain"], predictions=alike)

    def width(line):
        low, high = line.scores[0].interval
        return high - low

    first, second, average = map(width, scores.lines([run], same))
    assert first == pytest.approx(second, rel=0.1)
    assert average == pytest.approx(first / 2**0.5, rel=0.1)


def test_the_interval_of_the_average_is_of_its_metric(runs):
    same = [dataclasses.replace(task, metric="accuracy") for task in TASKS]
    mixed, alike = (
        scores.lines([runs["plain"]], tasks)[-1] for tasks in (TASKS, same)
    )
    assert (mixed.name, alike.name) == ("average accuracy", "average")
    assert dataclasses.replace(mixed, name="average") == alike


def test_rows_in_another_order_are_the_same_rows(runs):
    order = np.random.default_rng(0).permutation(run_artifacts.ROWS)
    shuffled = dataclasses.replace(
        runs["plain"],
        predictions={
            key: value.take(order)
            for key, value in runs["plain"].predictions.items()
        },
    )
    expected = scores.lines([runs["single"], runs["plain"]], TASKS)
    assert scores.lines([runs["single"], shuffled], TASKS)[:2] == expected[:2]


def test_seeds_are_averaged_in_each_sample(runs):
    """What one seed has right, the other has wrong: the mean never varies."""
    task = TASKS[1]
    run = runs["seeds"]
    stance = run.seeds[0].predictions[task.name, "test"]
    answers = (stance.gold, 1 - stance.gold, stance.gold)
    parts = {
        name: dataclasses.replace(
            part,
            predictions={
                (task.name, "test"): dataclasses.replace(stance, predicted=x)
            },
        )
        for (name, part), x in zip(run.parts.items(), answers, strict=True)
    }
    (line, _) = scores.lines([dataclasses.replace(run, parts=parts)], [task])
    assert line.scores[0].interval == pytest.approx((2 / 3, 2 / 3))


def test_the_best_is_marked(runs):
    lines = scores.lines([runs["plain"], runs["single"]], TASKS)
    for line in lines:
        first, second = line.scores
        assert first.best == (first.value >= second.value)
        assert second.best == (second.value >= first.value)


def test_where_lower_is_better_the_lowest_is_the_best(runs, monkeypatch):
    monkeypatch.setitem(
        classification.METRICS,
        "accuracy",
        dataclasses.replace(
            classification.METRICS["accuracy"], lower_is_better=True
        ),
    )
    line = scores.lines([runs["plain"], runs["single"]], TASKS)[1]
    first, second = line.scores
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
    line, average = scores.lines([first, second], [stars])
    assert line.metric == average.metric == "macro_mae_by_topic"
    topics = run_artifacts.topics()
    for seed, found in zip((0, 3), line.scores, strict=True):
        gold, probabilities = run_artifacts.answers(stars, "test", seed)
        errors = np.abs(probabilities.argmax(axis=1) - gold)
        wanted = np.mean(
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
        assert found.value == pytest.approx(wanted)
        # Of samples that know the same topics.
        drawn = significance.resample(
            gold,
            probabilities.argmax(axis=1)[np.newaxis],
            stars.labels,
            line.metric,
            [1],
            topics=topics,
        )
        np.testing.assert_allclose(
            found.interval, significance.interval(drawn[:, 0]), atol=0.03
        )
    values = [found.value for found in line.scores]
    assert [found.best for found in line.scores] == [
        value == min(values) for value in values
    ]
    assert line.scores[1].test.difference == pytest.approx(
        values[1] - values[0]
    )


def test_tests_against_the_first_run(runs):
    lines = scores.lines([runs["single"], runs["plain"]], TASKS)
    p = []
    for task, line in zip(TASKS, lines, strict=False):
        gold, first = run_artifacts.answers(task, "test", 3)
        _, second = run_artifacts.answers(task, "test", 0)
        alone_first, alone_second, exact = significance.mcnemar(
            first.argmax(axis=1) == gold, second.argmax(axis=1) == gold
        )
        assert line.scores[0].test is None
        test = line.scores[1].test
        assert test.difference == pytest.approx(
            score(task, 0, task.metric) - score(task, 3, task.metric)
        )
        assert test.low < test.difference < test.high
        assert (test.first_alone, test.second_alone) == (
            alone_first,
            alone_second,
        )
        assert test.mcnemar == pytest.approx(exact)
        p.append(exact)
    corrected = [line.scores[1].test.corrected_mcnemar for line in lines[:2]]
    assert corrected == pytest.approx(significance.holm(p))
    # Of the average there is no McNemar test, and nothing to correct for.
    test = lines[-1].scores[1].test
    assert np.isnan([test.mcnemar, test.corrected_p]).all()
    assert test.difference == pytest.approx(
        lines[-1].scores[1].value - lines[-1].scores[0].value
    )
    assert test.low < test.difference < test.high


def test_a_baseline_without_a_task(runs):
    lines = scores.lines([runs["stance"], runs["plain"]], TASKS)
    assert [line.scores[0] is None for line in lines] == [True, False, True]
    assert [line.scores[1].test is None for line in lines] == [
        True,
        False,
        True,
    ]
    # One test is not corrected.
    test = lines[1].scores[1].test
    assert test.corrected_p == test.p


def test_several_seeds(runs):
    lines = scores.lines([runs["plain"], runs["seeds"]], TASKS)
    for task, line in zip(TASKS, lines, strict=False):
        by_seed = [score(task, seed, task.metric) for seed in (5, 6, 7)]
        found = line.scores[1]
        assert found.value == pytest.approx(np.mean(by_seed))
        assert found.deviation == pytest.approx(np.std(by_seed, ddof=1))
        assert found.interval[0] < found.value < found.interval[1]
        assert np.isnan(found.test.mcnemar)
        assert found.test.difference == pytest.approx(
            found.value - score(task, 0, task.metric)
        )
    averages = [
        np.mean([score(task, seed, "accuracy") for task in TASKS])
        for seed in (5, 6, 7)
    ]
    assert lines[-1].scores[1].deviation == pytest.approx(
        np.std(averages, ddof=1)
    )


def test_scores_stand_without_predictions(runs):
    bare = dataclasses.replace(runs["plain"], predictions={})
    with_bare = scores.lines([bare, runs["single"]], TASKS)
    for line in with_bare:
        assert line.scores[0].value > 0
        assert line.scores[0].interval is None
        # The other still has an interval, and nothing to be tested against.
        assert line.scores[1].interval is not None
        assert line.scores[1].test is None
    alone = scores.lines([bare], TASKS)
    assert [line.scores[0].interval for line in alone] == [None] * 3


def test_other_rows_are_refused(runs):
    cut = {
        key: value.take(np.arange(30))
        for key, value in runs["single"].predictions.items()
    }
    other = dataclasses.replace(runs["single"], predictions=cut)
    with pytest.raises(ValueError, match=r"task reviews: .* other rows"):
        scores.lines([other, runs["plain"]], TASKS)


def test_the_label_transfer_network_has_a_score_of_the_main_task(runs):
    gold, probabilities = run_artifacts.transfer_answers(TASKS[1], "test", 0)
    accuracy = (probabilities.argmax(axis=1) == gold).mean()
    found = scores.lines([runs["plain"], runs["transfer"]], TASKS)
    assert [line.scores[1].label_transfer for line in found] == [
        None,
        pytest.approx(accuracy),
        None,
    ]
    assert [line.scores[0].label_transfer for line in found] == [None] * 3
    # The main model's score is what it is without.
    assert found[1].scores[1].value == found[1].scores[0].value != accuracy


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
