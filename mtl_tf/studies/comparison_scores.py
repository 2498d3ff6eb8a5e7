"""Test scores of a comparison: means, intervals and paired tests.

Two things vary: the seed, and the sample of test texts. Intervals are of a
bootstrap that draws both with replacement, the same seeds and texts for all
models, so that differences are paired. Tests are paired t-tests over seeds.
"""

import dataclasses
import math

import numpy as np
from scipy import stats

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.metrics import significance
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import comparison_plan

# Name of the mean over tasks.
AVERAGE = "average"
_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Score:
    """The test score of a model on a task, or on average over tasks.

    Attributes:
      metric: the metric.
      by_seed: scores by seed, float64 [seeds].
      samples: bootstrap samples of the mean over seeds, float64 [resamples].
    """

    metric: str
    by_seed: np.ndarray
    samples: np.ndarray

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(self.by_seed.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval over seeds and test texts."""
        return significance.interval(self.samples)


@dataclasses.dataclass(frozen=True)
class Gain:
    """The difference of a model to the baseline, of the same seeds and texts.

    It is positive where the model is better, also if lower scores are better.

    Attributes:
      mean: mean over seeds.
      interval: 95 % bootstrap interval over seeds and test texts.
      seed_interval: 95 % t-interval over seeds; nan for a single seed.
      p_value: of the paired t-test over seeds; nan for a single seed.
    """

    mean: float
    interval: tuple[float, float]
    seed_interval: tuple[float, float]
    p_value: float


@dataclasses.dataclass(frozen=True)
class Scores:
    """Test scores by (task or `AVERAGE`, training size, model)."""

    by_key: dict[tuple[str, int | None, str], Score]

    def score(self, task: str, train_size: int | None, model: str) -> Score:
        """Returns a score; `task` may be `AVERAGE`."""
        return self.by_key[task, train_size, model]

    def gain(
        self, task: str, train_size: int | None, model: str, baseline: str
    ) -> Gain:
        """Compares a model with the baseline; `task` may be `AVERAGE`."""
        return compare(
            self.score(task, train_size, baseline),
            self.score(task, train_size, model),
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison whose runs have ended.

    Attributes:
      plan: its runs.
      rows: a row for each run and task whose score counts, as in the table.
      scores: statistics of the test scores.
    """

    plan: comparison_plan.Plan
    rows: list[dict]
    scores: Scores


def compute(plan: comparison_plan.Plan) -> Scores:
    """Computes the scores of a comparison from its runs' predictions.

    Args:
      plan: the runs, all of which have ended.
    """
    scores: dict[tuple[str, int | None, str], Score] = {}
    tasks = [
        (index, task)
        for index, task in enumerate(plan.tasks)
        if not plan.new_tasks or task.name in plan.new_tasks
    ]
    average_metric = results_lib.average_metric([task for _, task in tasks])
    models = list(plan.models)
    random = np.random.default_rng(0)
    for train_size, num_seeds in plan.runs_by_size.items():
        drawn_seeds = random.integers(num_seeds, size=(_RESAMPLES, num_seeds))
        averaged = []
        for index, task in tasks:
            runs = _TaskRuns.read(plan, task, train_size)
            of_models = runs.scores(task.metric, (0, index), drawn_seeds)
            for model, score in zip(models, of_models, strict=True):
                scores[task.name, train_size, model] = score
            averaged.append(
                of_models
                if task.metric == average_metric
                else runs.scores(average_metric, (0, index), drawn_seeds)
            )
        for model, of_tasks in zip(
            models, zip(*averaged, strict=True), strict=True
        ):
            scores[AVERAGE, train_size, model] = Score(
                average_metric,
                np.mean([x.by_seed for x in of_tasks], axis=0),
                np.mean([x.samples for x in of_tasks], axis=0),
            )
    return Scores(scores)


def compare(baseline: Score, model: Score) -> Gain:
    """Compares two scores of the same seeds and bootstrap samples."""
    sign = classification.METRICS[model.metric].sign
    differences = sign * (model.by_seed - baseline.by_seed)
    seed_interval, p_value = (math.nan, math.nan), math.nan
    if len(differences) > 1:
        error = stats.sem(differences)
        seed_interval = tuple(
            differences.mean()
            + error * stats.t.ppf([0.025, 0.975], len(differences) - 1)
        )
        # Without any spread, scipy divides by zero.
        p_value = float(not differences.any())
        if error:
            p_value = float(stats.ttest_1samp(differences, 0).pvalue)
    return Gain(
        float(differences.mean()),
        significance.interval(sign * (model.samples - baseline.samples)),
        (float(seed_interval[0]), float(seed_interval[1])),
        p_value,
    )


@dataclasses.dataclass(frozen=True)
class _TaskRuns:
    """The runs of all models and seeds for a task and a training size.

    Attributes:
      task: the task.
      gold: int [rows], indices of the true labels.
      groups: str [rows].
      predicted: int [models, seeds, rows].
      results: scores by metric of each model and seed.
    """

    task: tasks_lib.Task
    gold: np.ndarray
    groups: np.ndarray
    predicted: np.ndarray
    results: list[list[dict[str, float]]]

    @classmethod
    def read(cls, plan, task, train_size):
        """Reads the runs; raises a ValueError if their test rows differ."""
        predictions, results = [], []
        for model in plan.models:
            of_seeds = []
            for seed in plan.seeds(train_size):
                new_task = task.name if plan.new_tasks else ""
                config = plan.config(
                    comparison_plan.Cell(model, new_task, train_size, seed)
                )
                run = run_directory.Run.read(config.run_dir)
                run_dir = run.parts.get(task.name, run.run_dir)
                predictions.append(
                    prediction_files.read(run_dir, task, results_lib.TEST)
                )
                _check_rows(run_dir, predictions)
                of_seeds.append(
                    run_directory.read_results(run_dir)["tasks"][task.name][
                        results_lib.MAIN
                    ][results_lib.TEST]
                )
            results.append(of_seeds)
        first = predictions[0]
        shape = (len(results), len(results[0]), len(first))
        return cls(
            task,
            first.gold,
            first.groups,
            np.stack([x.predicted for x in predictions]).reshape(shape),
            results,
        )

    def scores(self, metric, key, drawn_seeds):
        """Computes the score of each model by a metric.

        Args:
          metric: name of the metric.
          key: seed of the samples of texts, which are the same for all training
            sizes.
          drawn_seeds: int [resamples, seeds], indices of the seeds of each
            bootstrap sample.
        """
        num_models, num_seeds, num_rows = self.predicted.shape
        samples = significance.resample(
            self.gold,
            self.predicted.reshape(-1, num_rows),
            self.task.labels,
            metric,
            key,
            topics=self.groups,
            resamples=len(drawn_seeds),
        ).reshape(-1, num_models, num_seeds)
        return [
            Score(
                metric,
                np.array([x[metric] for x in of_seeds]),
                np.take_along_axis(samples[:, model], drawn_seeds, axis=1).mean(
                    axis=1
                ),
            )
            for model, of_seeds in enumerate(self.results)
        ]


def _check_rows(run_dir, predictions):
    """Checks that the last predictions are of the same rows as the first."""
    if not np.array_equal(predictions[-1].ids, predictions[0].ids):
        raise ValueError(
            f"{run_dir} predicts other test rows than the runs before it: "
            "remove the directory, and give the same command again"
        )
