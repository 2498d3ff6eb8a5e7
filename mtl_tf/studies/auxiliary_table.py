"""The table of a search for auxiliary tasks, and what it is compared with."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
import tabulate
from scipy import stats

from mtl_tf.metrics import classification
from mtl_tf.runs import affinity_file
from mtl_tf.runs import results as results_lib

# Fewer points have no useful rank correlation.
_MIN_POINTS = 3


@dataclasses.dataclass(frozen=True)
class Row:
    """A run of a search.

    Attributes:
      main_task: the main task.
      step: number of auxiliary tasks.
      candidate: the task that the step adds; empty for the main task alone.
      auxiliary: the auxiliary tasks, in the order in which they were added.
      metric: the metric of the main task.
      dev: its dev score, the mean over seeds.
      dev_deviation: standard deviation of `dev` over seeds; None for one seed.
      test: its test score, the mean over seeds.
      test_deviation: standard deviation of `test` over seeds.
      gain: how much better `dev` is than that of the main task alone; positive
        is better, whatever the metric.
      affinity: inter-task affinity of the candidate for the main task; None if
        it was not measured.
      chosen: whether the search adds the candidate.
      seconds: duration of training, the mean over seeds.
    """

    main_task: str
    step: int
    candidate: str
    auxiliary: tuple[str, ...]
    metric: str
    dev: float
    dev_deviation: float | None
    test: float
    test_deviation: float | None
    gain: float
    affinity: float | None
    chosen: bool
    seconds: float

    @property
    def show(self):
        """A function that formats a score."""
        return classification.METRICS[self.metric].show

    def record(self) -> dict:
        """Returns the row as a dict of plain values."""
        row = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        return row | {"auxiliary": "+".join(self.auxiliary)}


def make_row(
    main_task: str,
    auxiliary: Sequence[str],
    metric: str,
    results: Mapping,
    alone: Mapping,
    affinity: affinity_file.Affinity | None,
) -> Row:
    """Makes the row of a run, which is not chosen yet.

    Args:
      main_task: the main task.
      auxiliary: its auxiliary tasks; the last one is the candidate.
      metric: its metric.
      results: content of the run's `results.json`.
      alone: results of the main task alone.
      affinity: the measured affinities, or None.
    """

    def score(of_run, split):
        by_split = of_run["tasks"][main_task][results_lib.MAIN]
        return by_split[split][metric]

    candidate = auxiliary[-1] if auxiliary else ""
    deviation = results.get("deviation")
    gain = score(results, "dev") - score(alone, "dev")
    sign = classification.METRICS[metric].sign
    return Row(
        main_task=main_task,
        step=len(auxiliary),
        candidate=candidate,
        auxiliary=tuple(auxiliary),
        metric=metric,
        dev=score(results, "dev"),
        dev_deviation=deviation and score(deviation, "dev"),
        test=score(results, "test"),
        test_deviation=deviation and score(deviation, "test"),
        gain=sign * gain,
        affinity=_affinity_of(affinity, main_task, candidate),
        chosen=False,
        seconds=results["seconds"],
    )


def _affinity_of(affinity, main_task, candidate):
    if affinity is None or not candidate:
        return None
    row, column = map(affinity.tasks.index, (main_task, candidate))
    value = float(affinity.matrix[row, column])
    return None if math.isnan(value) else value


def gains(
    rows: Sequence[Row], names: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Returns the gains by set of tasks and candidate.

    Args:
      rows: the rows of a search.
      names: names of all tasks.

    Returns:
      Gains in points, float64 [sets, candidates], nan where there is no run,
      and the names of the sets that candidates were added to. A point is a
      hundredth, such as a percentage point of accuracy.
    """
    sets = dict.fromkeys(
        (row.main_task, *row.auxiliary[:-1]) for row in rows if row.candidate
    )
    positions = {tasks: index for index, tasks in enumerate(sets)}
    matrix = np.full([len(sets), len(names)], np.nan)
    for row in rows:
        if row.candidate:
            index = positions[row.main_task, *row.auxiliary[:-1]]
            matrix[index, names.index(row.candidate)] = 100 * row.gain
    return matrix, [" + ".join(tasks) for tasks in sets]


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The agreement of measured affinities and gains of pairs of tasks.

    Attributes:
      correlation: Spearman's rank correlation over all pairs.
      num_pairs: number of pairs.
      within: mean of the rank correlations over the candidates of each main
        task; None if there are too few candidates.
    """

    correlation: float
    num_pairs: int
    within: float | None

    @classmethod
    def compute(cls, rows: Sequence[Row]) -> "Agreement | None":
        """Computes it from the pairs; None if there are too few of them."""
        pairs = [
            row for row in rows if row.step == 1 and row.affinity is not None
        ]
        correlation = _correlation(pairs)
        if correlation is None:
            return None
        of_main_tasks = [
            _correlation([row for row in pairs if row.main_task == main_task])
            for main_task in dict.fromkeys(row.main_task for row in pairs)
        ]
        within = [x for x in of_main_tasks if x is not None]
        return cls(
            correlation,
            len(pairs),
            float(np.mean(within)) if within else None,
        )


def _correlation(rows):
    """Returns the rank correlation; None of too few or equal values."""
    if len(rows) < _MIN_POINTS:
        return None
    affinities, gains_ = zip(
        *[(row.affinity, row.gain) for row in rows], strict=True
    )
    if len(set(affinities)) == 1 or len(set(gains_)) == 1:
        return None
    return float(stats.spearmanr(affinities, gains_).statistic)


def format_rows(rows: Sequence[Row]) -> str:
    """Formats the rows as a text table."""
    has_affinity = any(row.affinity is not None for row in rows)
    lines = []
    for row in rows:
        line = [
            " + ".join((row.main_task, *row.auxiliary)),
            format_score(row, "dev"),
            format_gain(row),
            format_score(row, "test"),
        ]
        if has_affinity:
            line.append(format_affinity(row))
        lines.append([*line, "chosen" if row.chosen else ""])
    affinity = ["affinity"] if has_affinity else []
    return tabulate.tabulate(
        lines,
        ["tasks", "dev", "gain", "test", *affinity, ""],
        tablefmt="simple",
        disable_numparse=True,
        colalign=("left", *["right"] * (3 + len(affinity)), "left"),
    )


def format_score(row: Row, split: str) -> str:
    """Formats a score, with its deviation if there are several seeds."""
    score, deviation = getattr(row, split), getattr(row, f"{split}_deviation")
    if deviation is None:
        return row.show(score)
    return f"{row.show(score)} ± {row.show(deviation)}"


def format_gain(row: Row) -> str:
    """Formats a gain; it is empty for the main task alone."""
    return row.show(row.gain, signed=True) if row.candidate else ""


def format_affinity(row: Row) -> str:
    """Formats an affinity in percent; it is empty if there is none."""
    if row.affinity is None:
        return ""
    return f"{100 * row.affinity:+.2g} %".replace("-", "−")
