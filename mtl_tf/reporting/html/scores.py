"""The table of scores: tasks by runs, with intervals and paired tests."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import classification
from mtl_tf.metrics import significance
from mtl_tf.reporting.html import artifacts
from mtl_tf.runs import results as results_lib


@dataclasses.dataclass(frozen=True)
class Score:
    """Test score of a run on a task.

    Attributes:
      value: the score; a mean if the run is several seeds.
      deviation: standard deviation over seeds; None for one seed.
      deduplicated: score without rows that are in training too; None where
        no rows are left, or no task of the run has such rows.
      interval: 95 % bootstrap interval over test rows; None without
        predictions.
      test: against the first run; None for the first run itself, and without
        predictions of the same rows.
      best: whether no other run has a better score.
      label_transfer: score of the label transfer network; None where there is
        none, as for all but the main task.
    """

    value: float
    deviation: float | None = None
    deduplicated: float | None = None
    interval: tuple[float, float] | None = None
    test: significance.Test | None = None
    best: bool = False
    label_transfer: float | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """Scores of all runs on a task, or their averages over tasks.

    Attributes:
      name: name of the task, or what `results.average_name` says.
      metric: the task's metric; of the average, the one that all tasks have,
        or else accuracy.
      rows: test rows; 0 for the average.
      majority: score of the most frequent label.
      scores: by run; None where a run has not all of the tasks.
    """

    name: str
    metric: str
    rows: int
    majority: float
    scores: list[Score | None]


def lines(
    runs: Sequence[artifacts.Artifacts], tasks: Sequence[tasks_lib.Task]
) -> list[Line]:
    """A line a task, and the average last.

    Args:
      runs: the runs; their paired tests are against the first.
      tasks: tasks of at least the last run.

    Raises:
      ValueError: if runs predict different rows.
    """
    found, samples = [], []
    metric = results_lib.average_metric(tasks)
    for number, task in enumerate(tasks):
        # Another seed for each task: see `resample`.
        seed = (runs[-1].run.config.seed, 6, number)
        line, drawn = _task_line(runs, task, task.metric, seed)
        found.append(line)
        if task.metric != metric:
            _, drawn = _task_line(runs, task, metric, seed)
        samples.append(drawn)
    found = _with_corrections(found, len(runs))
    return [*found, _average_line(runs, tasks, metric, samples)]


def _task_line(runs, task, metric, seed):
    """A task's line, and each run's scores on bootstrap samples, or None."""
    predictions = [_test_predictions(run, task.name) for run in runs]
    drawn = _resample(predictions, task, metric, seed)
    scores = [_score(run, task.name, metric) for run in runs]
    for index, score in enumerate(scores):
        if drawn[index] is None:
            continue
        scores[index] = dataclasses.replace(
            score, interval=significance.interval(drawn[index])
        )
        if index and drawn[0] is not None:
            first, second = (
                np.stack([seed.correct for seed in predictions[place]])
                for place in (0, index)
            )
            scores[index] = dataclasses.replace(
                scores[index],
                test=significance.paired_test(
                    first,
                    second,
                    (scores[0].value, score.value),
                    (drawn[0], drawn[index]),
                ),
            )
    last = runs[-1].results["tasks"][task.name]
    line = Line(
        task.name,
        metric,
        round(last[results_lib.MAIN][results_lib.TEST]["n"]),
        last[results_lib.MAJORITY][results_lib.TEST][metric],
        _mark_best(scores, metric),
    )
    return line, drawn


def _test_predictions(run, task):
    """Predictions of each seed; none if one of them has none."""
    found = [
        seed.predictions.get((task, results_lib.TEST)) for seed in run.seeds
    ]
    return [] if any(seed is None for seed in found) else found


def _resample(predictions, task, metric, seed):
    """Scores by run, float64 [resamples], on the same samples; or None."""
    joined = [seed for run in predictions for seed in run]
    if not joined:
        return [None] * len(predictions)
    aligned = artifacts.align(joined, f"task {task.name}")
    # In place: the paired tests are to see the same order.
    for run in predictions:
        run[:] = [aligned.pop(0) for _ in run]
    answers = np.stack([s.predicted for run in predictions for s in run])
    rows = next(run for run in predictions if run)[0]
    by_seed = significance.resample(
        rows.gold, answers, task.labels, metric, seed, topics=rows.groups
    )
    drawn, first = [], 0
    for run in predictions:
        columns = by_seed[:, first : first + len(run)]
        drawn.append(columns.mean(axis=1) if run else None)
        first += len(run)
    return drawn


def _score(run, task, metric):
    """What `results.json` says; None if the run does not have the task."""
    if task not in run.results["tasks"]:
        return None
    outputs = run.results["tasks"][task]
    scores = outputs[results_lib.MAIN]
    deviation = None
    if "deviation" in run.results:
        deviation = run.results["deviation"]["tasks"][task][results_lib.MAIN]
        deviation = deviation[results_lib.TEST][metric]
    deduplicated = None
    if results_lib.DEDUPLICATED in run.results["average"][results_lib.MAIN]:
        deduplicated = results_lib.scores_of(scores, results_lib.DEDUPLICATED)
    label_transfer = outputs.get(predictions_lib.LABEL_TRANSFER)
    return Score(
        scores[results_lib.TEST][metric],
        deviation,
        deduplicated and deduplicated[metric],
        label_transfer=label_transfer
        and label_transfer[results_lib.TEST][metric],
    )


def _mark_best(scores, metric):
    """The scores, the best of them marked where there are several."""
    values = [score.value for score in scores if score]
    if len(values) < 2:
        return scores
    lower = classification.METRICS[metric].lower_is_better
    best = min(values) if lower else max(values)
    return [
        score and dataclasses.replace(score, best=score.value == best)
        for score in scores
    ]


def _with_corrections(found, runs):
    """The lines with each run's p-values corrected over tasks."""
    for index in range(runs):
        tested = [
            line
            for line in found
            if line.scores[index] and line.scores[index].test
        ]
        tests = significance.corrected(
            [line.scores[index].test for line in tested]
        )
        for line, test in zip(tested, tests, strict=True):
            line.scores[index] = dataclasses.replace(
                line.scores[index], test=test
            )
    return found


def _average_line(runs, tasks, metric, samples):
    """Means over tasks; a run that lacks a task has none."""
    names = [task.name for task in tasks]
    scores = []
    for index, run in enumerate(runs):
        if not set(names) <= set(run.results["tasks"]):
            scores.append(None)
            continue
        means = _means(run, names)[results_lib.MAIN]
        deduplicated = means.get(results_lib.DEDUPLICATED)
        score = Score(
            means[results_lib.TEST][metric],
            _deviation_of_average(run, names, metric),
            deduplicated and deduplicated[metric],
        )
        drawn = [by_run[index] for by_run in samples]
        if all(x is not None for x in drawn):
            drawn = np.mean(drawn, axis=0)
            score = dataclasses.replace(
                score, interval=significance.interval(drawn)
            )
            first = [by_run[0] for by_run in samples]
            if index and scores[0] and all(x is not None for x in first):
                difference = drawn - np.mean(first, axis=0)
                score = dataclasses.replace(
                    score,
                    test=significance.Test(
                        score.value - scores[0].value,
                        *significance.interval(difference),
                        significance.p_value(difference),
                    ),
                )
        scores.append(score)
    majority = _means(runs[-1], names)[results_lib.MAJORITY]
    return Line(
        results_lib.average_name(tasks),
        metric,
        0,
        majority[results_lib.TEST][metric],
        _mark_best(scores, metric),
    )


def _means(run, names):
    return results_lib.averages(
        {name: run.results["tasks"][name] for name in names}
    )


def _deviation_of_average(run, names, metric):
    """Standard deviation over seeds of the average; None for one seed."""
    if not run.of_seeds:
        return None
    averages = [
        _means(seed, names)[results_lib.MAIN][results_lib.TEST][metric]
        for seed in run.seeds
    ]
    return float(np.std(averages, ddof=1))
