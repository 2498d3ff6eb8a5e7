"""The tables of a comparison: on a terminal, as rows, and for a page."""

import dataclasses
import textwrap
from collections.abc import Iterable

import tabulate

from mtl_tf.config import train_sizes as train_sizes_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib
from mtl_tf.studies import comparison_scores
from mtl_tf.utils import display_names as names_lib


@dataclasses.dataclass(frozen=True)
class Row:
    """Scores of all models on a task, or on average, for a training size.

    Attributes:
      task: name of the task, or `comparison_scores.AVERAGE`.
      metric: the metric.
      train_size: maximum number of training examples; None for no maximum.
      scores: scores by model.
      gains: differences to the baseline, by other model.
    """

    task: str
    metric: str
    train_size: int | None
    scores: dict[str, comparison_scores.Score]
    gains: dict[str, comparison_scores.Gain]

    @property
    def size_name(self) -> str:
        """Training size in words: `100`, or `all`."""
        return train_sizes_lib.name(self.train_size)


def make_rows(
    comparison: comparison_scores.Comparison, tasks: Iterable[str]
) -> list[Row]:
    """Makes the rows of a table.

    Args:
      comparison: the comparison.
      tasks: names of tasks, or `comparison_scores.AVERAGE`.

    Returns:
      A row for each task and training size.
    """
    plan, scores = comparison.plan, comparison.scores
    counted = scored_tasks(comparison)
    metrics = {task.name: task.metric for task in counted}
    metrics[comparison_scores.AVERAGE] = results_lib.average_metric(counted)
    return [
        Row(
            task,
            metrics[task],
            train_size,
            {x: scores.score(task, train_size, x) for x in plan.models},
            {
                x: scores.gain(task, train_size, x, plan.baseline)
                for x in plan.models
                if x != plan.baseline
            },
        )
        for task in tasks
        for train_size in plan.train_sizes
    ]


def summary(comparison: comparison_scores.Comparison) -> list[dict]:
    """Returns the scores as a tidy table, with intervals and tests.

    `gain` and its fields compare a model with the baseline, which has none;
    intervals without `seed` are over seeds and test texts.
    """
    names = [task.name for task in scored_tasks(comparison)]
    lines = []
    for row in make_rows(comparison, [*names, comparison_scores.AVERAGE]):
        for model, score in row.scores.items():
            gain = row.gains.get(model)
            low, high = score.interval
            lines.append(
                {
                    "task": row.task,
                    "metric": row.metric,
                    "train_size": row.size_name,
                    "model": model,
                    "seeds": len(score.by_seed),
                    "test": score.mean,
                    "low": low,
                    "high": high,
                    "gain": gain and gain.mean,
                    "gain_low": gain and gain.interval[0],
                    "gain_high": gain and gain.interval[1],
                    "gain_seed_low": gain and gain.seed_interval[0],
                    "gain_seed_high": gain and gain.seed_interval[1],
                    "p": gain and gain.p_value,
                }
            )
    return lines


def scored_tasks(comparison: comparison_scores.Comparison) -> list:
    """Returns the tasks whose scores count."""
    names = comparison.plan.new_tasks
    return [x for x in comparison.plan.tasks if not names or x.name in names]


def caption(comparison: comparison_scores.Comparison) -> str:
    """Describes what a comparison measures, in one sentence."""
    plan = comparison.plan
    tasks = scored_tasks(comparison)
    units = classification.units(task.metric for task in tasks)
    counted = names_lib.counted(len(tasks), "task")
    what = f"Test scores {units} by number of labeled examples"
    numbers = sorted(set(plan.runs_by_size.values()))
    seeds = names_lib.counted(numbers[-1], "seed")
    if len(numbers) > 1:
        seeds = f"{numbers[0]} to {seeds}"
    if not plan.new_tasks:
        return f"{what} in every task, average over {counted}, means of {seeds}"
    others = names_lib.counted(len(plan.tasks) - 1, "other task")
    return (
        f"{what} of a new task; multi-task models also learn all examples of "
        f"{others}; average over {counted}, each in turn the new one, means "
        f"of {seeds}"
    )


def describe(comparison: comparison_scores.Comparison) -> str:
    """Describes a comparison for the terminal."""
    average = make_rows(comparison, [comparison_scores.AVERAGE])
    head, *lines = _cells(average)
    table = tabulate.tabulate(
        lines,
        head,
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right"] * len(head),
    )
    parts = [textwrap.fill(f"{caption(comparison)}:", 80), table]
    baseline = comparison.plan.baseline
    if len(comparison.plan.models) > 1:
        parts.append(
            f"In brackets: 95 % interval of the gain over {baseline}, over "
            "seeds and test texts."
        )
        parts += [
            "\n".join(
                [f"{model}, by number of labels:", *map("  {}".format, x)]
            )
            for model, x in verdicts(comparison).items()
        ]
    return "\n\n".join(parts)


def _cells(rows):
    """Returns the cells of a table: the headings, and a line for each row."""
    models = list(rows[0].scores)
    head = ["labels"]
    for model in models:
        head.append(model)
        if model in rows[0].gains:
            head.append("gain")
    lines = [head]
    for row in rows:
        line = [row.size_name]
        for model in models:
            line.append(_show(row, row.scores[model].mean))
            if model in row.gains:
                line.append(show_gain(row, row.gains[model]))
        lines.append(line)
    return lines


def show_gain(row: Row, gain: comparison_scores.Gain) -> str:
    """Formats a gain with its interval: `+3.1 [1.2, 4.9]`."""
    low, high = (_show(row, x).replace("-", "−") for x in gain.interval)
    return f"{_show(row, gain.mean, signed=True)} [{low}, {high}]"


def verdicts(comparison: comparison_scores.Comparison) -> dict[str, list[str]]:
    """Describes which tasks gain and which lose.

    A task gains or loses if the interval of its difference leaves out 0.

    Returns:
      A line for each training size, by model.
    """
    names = [task.name for task in scored_tasks(comparison)]
    rows = make_rows(comparison, names)
    by_model = {}
    for model in list(comparison.plan.models)[1:]:
        lines = []
        for size in comparison.plan.train_sizes:
            of_size = [row for row in rows if row.train_size == size]
            lines.append(f"{of_size[0].size_name}: {_verdict(of_size, model)}")
        by_model[model] = lines
    return by_model


def _verdict(rows, model):
    """Describes which tasks gain and which lose with a training size."""
    intervals = {row.task: row.gains[model].interval for row in rows}
    parts = []
    for verb, tasks in {
        "better": [x for x, (low, _) in intervals.items() if low > 0],
        "worse": [x for x, (_, high) in intervals.items() if high < 0],
        "no clear difference": [
            x for x, (low, high) in intervals.items() if low <= 0 <= high
        ],
    }.items():
        if tasks:
            parts.append(f"{verb}: {', '.join(tasks)}")
    return "; ".join(parts)


def _show(row, value, *, signed=False):
    """Formats a score or a difference of a row's metric."""
    return classification.METRICS[row.metric].show(value, signed=signed)
