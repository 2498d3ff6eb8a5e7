"""The table of a leave-one-out study: on a terminal, and as rows."""

import dataclasses
from collections.abc import Sequence

import tabulate

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import published as published_lib
from mtl_tf.reporting.html import scores as scores_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.studies import leave_one_out_runs as runs_lib

# Names of the models in tables.
NAMES = {
    runs_lib.SINGLE_TASK: "single-task",
    runs_lib.SINGLE_CHANNEL: "single channel",
    runs_lib.BI_CHANNEL: "bi-channel",
}


@dataclasses.dataclass(frozen=True)
class Table:
    """Test scores of the models of each held-out task, and their averages.

    Attributes:
      config: settings of the study.
      corpus: the corpus.
      tasks: the held-out tasks.
      rows: a row of scores by task, in the order of `leave_one_out_runs.MODELS`
        with paired tests against the single-task model; the averages are last.
      published: the paper's scores by model; empty if it has none.
    """

    config: config_lib.Config
    corpus: tasks_lib.Corpus
    tasks: list[tasks_lib.Task]
    rows: list[scores_lib.TableRow]
    published: dict[str, published_lib.Published]

    @classmethod
    def read(
        cls,
        config: config_lib.Config,
        corpus: tasks_lib.Corpus,
        plan: Sequence[runs_lib.HeldOut],
    ) -> "Table":
        """Reads the results and predictions of the runs.

        Args:
          config: settings of the study.
          corpus: the corpus.
          plan: the runs by held-out task; all must have ended.

        Raises:
          ValueError: if a run has not ended, or a file is damaged.
        """
        tasks = [held.task for held in plan]
        models = [
            _merge(
                [artifacts.read(held.targets[model].run_dir) for held in plan]
            )
            for model in runs_lib.MODELS
        ]
        return cls(
            config,
            corpus,
            tasks,
            scores_lib.table_rows(models, tasks),
            published_lib.find_transfer(config, corpus.name, tasks),
        )

    def records(self) -> list[dict]:
        """Returns a dict of plain values for each task and model."""
        return [record for row in self.rows for record in self._records_of(row)]

    def _records_of(self, row):
        """Yields the dict of each model for a task, or for the average."""
        for model, score in zip(runs_lib.MODELS, row.scores, strict=True):
            yield {
                "task": row.name,
                "model": model,
                "metric": row.metric,
                "num_runs": self.config.num_runs,
                "test_texts": row.num_texts or None,
                "majority": row.majority,
                "test": score.value,
                "test_deviation": score.deviation,
                "low": score.interval and score.interval[0],
                "high": score.interval and score.interval[1],
                "test_deduplicated": score.deduplicated,
                "gain": score.test
                and classification.METRICS[row.metric].sign
                * score.test.difference,
                "p": score.test and score.test.p_value,
                "published": self._published(row, model),
            }

    def _published(self, row, model):
        """Returns the paper's score of a model; None if there is none."""
        if model not in self.published:
            return None
        of_model = self.published[model]
        is_average = row is self.rows[-1]
        return of_model.average if is_average else of_model.scores[row.name]

    @property
    def has_duplicates(self) -> bool:
        """True if test texts of a task are also in its train or dev split."""
        return any(
            score.deduplicated is not None
            for row in self.rows
            for score in _scores(row)
        )

    def format(self) -> str:
        """Formats the table as text."""
        names = list(NAMES.values())
        headings = ["task", "metric", "test", "majority", *names]
        if self.has_duplicates:
            headings += [f"{name}, de-dup." for name in names]
        headings += [f"{x.model} (paper)" for x in self.published.values()]
        lines = [self.line(row) for row in self.rows]
        lines.insert(-1, tabulate.SEPARATING_LINE)
        table = tabulate.tabulate(
            lines,
            [heading.replace(" ", "\n") for heading in headings],
            tablefmt="simple",
            disable_numparse=True,
            colalign=["left", "left"] + ["right"] * (len(headings) - 2),
        )
        return f"\n{self.caption}\n\n{table}\n"

    def line(self, row: scores_lib.TableRow) -> list[str]:
        """Formats the cells of a row."""
        cells = [
            row.name,
            metric_name(row.metric),
            str(row.num_texts or ""),
            show(row.majority, row.metric),
        ]
        for score in _scores(row):
            deviation = ""
            if score.deviation is not None:
                shown = classification.METRICS[row.metric].show(score.deviation)
                deviation = f" ± {shown}"
            cells.append(show(score.value, row.metric) + deviation)
        if self.has_duplicates:
            cells += [show(x.deduplicated, row.metric) for x in _scores(row)]
        cells += [
            show(self._published(row, model), row.metric)
            for model in self.published
        ]
        return cells

    @property
    def caption(self) -> str:
        """A caption with the number of seeds and the units."""
        units = classification.units(task.metric for task in self.tasks)
        seeds = self.config.num_runs
        means = f", means of {seeds} seeds" if seeds > 1 else ""
        return f"Transfer to held-out tasks: test scores {units}{means}"


def _scores(row):
    """Returns the scores of a row: all models have one for each task."""
    return [score for score in row.scores if score is not None]


def show(value: float | None, metric: str) -> str:
    """Formats a score; accuracy as an error rate, as in the paper."""
    if value is None:
        return "–"
    if metric == "accuracy":
        value = 1 - value
    return classification.METRICS[metric].show(value)


def metric_name(metric: str) -> str:
    """Returns the name of what `show` formats."""
    return "error rate" if metric == "accuracy" else metric


def _merge(runs: Sequence[artifacts.Artifacts]) -> artifacts.Artifacts:
    """Merges runs of one task each into one of all tasks, for its scores."""
    by_task: dict = {}
    predictions: dict = {}
    for run in runs:
        by_task |= run.results["tasks"]
        predictions |= run.predictions
    merged = {"tasks": by_task, "average": results_lib.averages(by_task)}
    if "deviation" in runs[0].results:
        merged["deviation"] = {
            "tasks": {
                name: scores
                for run in runs
                for name, scores in run.results["deviation"]["tasks"].items()
            }
        }
    return dataclasses.replace(
        runs[0],
        results=merged,
        predictions=predictions,
        parts={
            seed: _merge([run.parts[seed] for run in runs])
            for seed in runs[0].parts
        },
    )
