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

# Separates the bootstrap's random numbers from those of training.
_RANDOM_STREAM = 6


@dataclasses.dataclass(frozen=True)
class Score:
    """Test score of a run on a task.

    Attributes:
      value: the score; the mean score of several seeds.
      deviation: standard deviation over seeds; None for one seed.
      seed_interval: 95 % interval of the mean over seeds, of an average; None
        for fewer than 3 seeds, and for tasks.
      deduplicated: score on test rows that are not in the training data; None
        if there are none, or if no task of the run has duplicates.
      interval: 95 % bootstrap interval over test rows; None without
        predictions.
      test: paired test against the first run; None for the first run itself,
        and without predictions of the same rows.
      best: whether no other run has a better score.
      label_transfer: score of the label transfer network; None without one, and
        for auxiliary tasks.
    """

    value: float
    deviation: float | None = None
    deduplicated: float | None = None
    seed_interval: tuple[float, float] | None = None
    interval: tuple[float, float] | None = None
    test: significance.PairedTest | None = None
    best: bool = False
    label_transfer: float | None = None


@dataclasses.dataclass(frozen=True)
class TableRow:
    """Scores of all runs on a task, or their averages over tasks.

    Attributes:
      name: name of the task, or of the average as `results.average_name` has
        it.
      metric: the task's metric; of the average, the metric that all tasks
        share, or else accuracy.
      num_texts: number of test texts; 0 for the average.
      majority: score of always predicting the most frequent label.
      scores: scores by run; None for a run that lacks the task.
    """

    name: str
    metric: str
    num_texts: int
    majority: float
    scores: list[Score | None]


def table_rows(
    runs: Sequence[artifacts.Artifacts], tasks: Sequence[tasks_lib.Task]
) -> list[TableRow]:
    """Computes a row of scores by task, and the row of averages.

    Args:
      runs: the runs. Paired tests are against the first.
      tasks: the tasks. The last run must have all of them.

    Returns:
      The rows; the averages are last.

    Raises:
      ValueError: if the runs predict different rows.
    """
    rows, samples = [], []
    average_metric = results_lib.average_metric(tasks)
    for index, task in enumerate(tasks):
        # A different seed for each task: see `significance.resample`.
        seed = (runs[-1].run.config.seed, _RANDOM_STREAM, index)
        row, task_samples = _task_row(runs, task, task.metric, seed)
        rows.append(row)
        if task.metric != average_metric:
            _, task_samples = _task_row(runs, task, average_metric, seed)
        samples.append(task_samples)
    return [
        *_correct_p_values(rows),
        _average_row(runs, tasks, average_metric, samples),
    ]


def _task_row(runs, task, metric, seed):
    """Computes the row of a task.

    Returns:
      The row, and by run the scores on bootstrap samples, float64 [resamples];
      None for a run without predictions.
    """
    predictions = artifacts.align_seeds(
        [_test_predictions(run, task.name) for run in runs],
        f"task {task.name}",
    )
    samples = _resample(predictions, task, metric, seed)
    scores = [_score(run, task.name, metric) for run in runs]
    scores = _add_statistics(scores, predictions, samples)
    last = runs[-1].results["tasks"][task.name]
    row = TableRow(
        name=task.name,
        metric=metric,
        num_texts=round(last[results_lib.MAIN][results_lib.TEST]["n"]),
        majority=last[results_lib.MAJORITY][results_lib.TEST][metric],
        scores=_mark_best(scores, metric),
    )
    return row, samples


def _test_predictions(run, task_name):
    """Returns the predictions of each seed; none if those of a seed lack."""
    predictions = [
        seed.predictions.get((task_name, results_lib.TEST))
        for seed in run.seeds
    ]
    return [] if any(x is None for x in predictions) else predictions


def _resample(predictions, task, metric, seed):
    """Scores runs on the same bootstrap samples.

    Args:
      predictions: aligned predictions by run and seed.
      task: their task.
      metric: name of the metric.
      seed: seed of the samples.

    Returns:
      By run, the mean score of its seeds, float64 [resamples], or None.
    """
    seeds = [of_seed for of_run in predictions for of_seed in of_run]
    if not seeds:
        return [None] * len(predictions)
    by_seed = significance.resample(
        seeds[0].gold,
        np.stack([of_seed.predicted for of_seed in seeds]),
        task.labels,
        metric,
        seed,
        topics=seeds[0].groups,
    )
    samples, start = [], 0
    for of_run in predictions:
        end = start + len(of_run)
        samples.append(by_seed[:, start:end].mean(axis=1) if of_run else None)
        start = end
    return samples


def _score(run, task_name, metric):
    """Returns the score in `results.json`; None if the run lacks the task."""
    if task_name not in run.results["tasks"]:
        return None
    outputs = run.results["tasks"][task_name]
    scores = outputs[results_lib.MAIN]
    deviation = None
    if "deviation" in run.results:
        deviations = run.results["deviation"]["tasks"][task_name]
        deviation = deviations[results_lib.MAIN][results_lib.TEST][metric]
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


def _add_statistics(scores, predictions, samples):
    """Adds intervals, and paired tests against the first run, to scores."""
    with_statistics = []
    for index, score in enumerate(scores):
        if samples[index] is not None:
            test = None
            if index and samples[0] is not None:
                test = significance.paired_test(
                    _is_correct(predictions[0]),
                    _is_correct(predictions[index]),
                    (scores[0].value, score.value),
                    (samples[0], samples[index]),
                )
            score = dataclasses.replace(
                score, interval=significance.interval(samples[index]), test=test
            )
        with_statistics.append(score)
    return with_statistics


def _is_correct(seeds):
    """Returns which predictions are correct, bool [seeds, rows]."""
    return np.stack([of_seed.correct for of_seed in seeds])


def _mark_best(scores, metric):
    """Marks the best of several scores."""
    values = [score.value for score in scores if score]
    if len(values) < 2:
        return scores
    lower = classification.METRICS[metric].lower_is_better
    best = min(values) if lower else max(values)
    return [
        score and dataclasses.replace(score, best=score.value == best)
        for score in scores
    ]


def _correct_p_values(rows):
    """Corrects each run's p-values for testing several tasks."""
    by_run = []
    for scores in zip(*(row.scores for row in rows), strict=True):
        tests = iter(
            significance.correct_p_values(
                [score.test for score in scores if score and score.test]
            )
        )
        by_run.append(
            [
                dataclasses.replace(score, test=next(tests))
                if score and score.test
                else score
                for score in scores
            ]
        )
    return [
        dataclasses.replace(row, scores=list(scores))
        for row, scores in zip(rows, zip(*by_run, strict=True), strict=True)
    ]


def _average_row(runs, tasks, metric, samples):
    """Computes the row of averages over tasks.

    Args:
      runs: the runs.
      tasks: the tasks.
      metric: metric of the average.
      samples: scores on bootstrap samples by task and run, float64 [resamples]
        or None.
    """
    names = [task.name for task in tasks]
    by_run = [_mean_samples(of_run) for of_run in zip(*samples, strict=True)]
    scores = []
    for run, run_samples in zip(runs, by_run, strict=True):
        if not set(names) <= set(run.results["tasks"]):
            scores.append(None)
            continue
        score = _average_score(run, names, metric)
        if run_samples is not None:
            score = dataclasses.replace(
                score, interval=significance.interval(run_samples)
            )
            if scores and scores[0] and by_run[0] is not None:
                differences = run_samples - by_run[0]
                test = significance.PairedTest(
                    score.value - scores[0].value,
                    *significance.interval(differences),
                    significance.bootstrap_p_value(differences),
                )
                score = dataclasses.replace(score, test=test)
        scores.append(score)
    majority = _averages(runs[-1], names)[results_lib.MAJORITY]
    return TableRow(
        name=results_lib.average_name(tasks),
        metric=metric,
        num_texts=0,
        majority=majority[results_lib.TEST][metric],
        scores=_mark_best(scores, metric),
    )


def _mean_samples(samples):
    """Averages samples over tasks; None if those of a task lack."""
    if any(of_task is None for of_task in samples):
        return None
    return np.mean(samples, axis=0)


def _average_score(run, names, metric):
    """Averages the scores of a run over the tasks of these names."""
    averages = _averages(run, names)[results_lib.MAIN]
    deduplicated = averages.get(results_lib.DEDUPLICATED)
    score = Score(
        averages[results_lib.TEST][metric],
        deduplicated=deduplicated and deduplicated[metric],
    )
    if not run.of_seeds:
        return score
    by_seed = [
        _averages(seed, names)[results_lib.MAIN][results_lib.TEST][metric]
        for seed in run.seeds
    ]
    return dataclasses.replace(
        score,
        deviation=float(np.std(by_seed, ddof=1)),
        seed_interval=significance.seed_interval(by_seed),
    )


def _averages(run, names):
    """Averages all scores in `results.json` over the tasks of these names."""
    return results_lib.averages(
        {name: run.results["tasks"][name] for name in names}
    )
