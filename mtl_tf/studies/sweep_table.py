"""The table of the trials of a sweep."""

from collections.abc import Sequence

import tabulate

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.studies import search_space as search_space_lib
from mtl_tf.studies import sweep_record
from mtl_tf.studies import trials as trials_lib
from mtl_tf.utils import display_names as names_lib

COMPLETE = "complete"
STOPPED = "stopped"
DIVERGED = "diverged"
# Trials and combinations in the printed table.
_SHOWN = 10
_SHOWN_REFUSALS = 3


def rank(
    outcomes: Sequence[sweep_record.Outcome], *, by_epochs: bool = False
) -> list[sweep_record.Outcome]:
    """Sorts outcomes by dev score, best first.

    Trials that diverged are last. Equal scores are in the order of the trials.

    Args:
      outcomes: the outcomes.
      by_epochs: whether trials with more epochs precede others, as where the
        others were stopped early.
    """
    return sorted(
        outcomes,
        key=lambda x: (
            x.dev is None,
            -x.epochs if by_epochs else 0,
            -(x.dev or 0),
            x.trial,
        ),
    )


class SweepTable:
    """The trials of a sweep, best first.

    Args:
      plan: the trials and refused combinations.
      space: the search space.
      outcomes: the last outcome of each trial.
      config: settings of all trials.
      tasks: the tasks.

    Attributes:
      rows: a dict of plain values for each trial.
      best: the outcome of the best trial; None if all diverged.
      score_name: description of the score that chooses.
    """

    def __init__(
        self,
        plan: trials_lib.Plan,
        space: search_space_lib.SearchSpace,
        outcomes: Sequence[sweep_record.Outcome],
        config: config_lib.Config,
        tasks: Sequence[tasks_lib.Task],
    ):
        self.plan = plan
        self.space = space
        self.ranked = rank(
            outcomes, by_epochs=space.successive_halving is not None
        )
        self._tasks = tasks
        self._main_task = config.main_task
        self._epochs = config.epochs
        self.best = self.ranked[0] if self.ranked[0].dev is not None else None
        self.score_name = _score_name(self._followed(), config.main_task)
        self.rows = [self._row(outcome) for outcome in self.ranked]

    def status(self, outcome: sweep_record.Outcome) -> str:
        """Returns complete, stopped or diverged."""
        if outcome.dev is None:
            return DIVERGED
        is_stopped = (
            self.space.successive_halving and outcome.epochs < self._epochs
        )
        return STOPPED if is_stopped else COMPLETE

    def counts(self) -> str:
        """Describes how many trials there are of each kind."""
        statuses = [self.status(outcome) for outcome in self.ranked]
        parts = [names_lib.counted(len(statuses), "trial")]
        others = {
            "stopped early": statuses.count(STOPPED),
            "diverged": statuses.count(DIVERGED),
        }
        parts += [f"{count} {name}" for name, count in others.items() if count]
        if self.plan.refusals:
            parts.append(
                f"{names_lib.counted(len(self.plan.refusals), 'combination')} "
                "skipped"
            )
        return ", ".join(parts)

    @property
    def is_share(self) -> bool:
        """Returns whether the score that chooses is shown in percent."""
        return all(
            classification.METRICS[task.metric].percent
            for task in self._followed()
        )

    def show(self, score: float | None) -> str:
        """Formats a selection score; a dash for None."""
        if score is None:
            return "–"
        return f"{100 * score:.1f}" if self.is_share else f"{score:.3f}"

    def format(self) -> str:
        """Formats the best trials, and the skipped combinations, as text."""
        names = list(self.space.settings)
        lines = [
            [
                outcome.trial,
                self.show(outcome.dev),
                self.show(outcome.test),
                outcome.epochs,
                self.status(outcome),
                *(
                    trials_lib.show(self._settings(outcome)[name])
                    for name in names
                ),
            ]
            for outcome in self.ranked[:_SHOWN]
        ]
        table = tabulate.tabulate(
            lines,
            ["trial", "dev", "test", "epochs", "status", *names],
            tablefmt="simple",
            disable_numparse=True,
            colalign=("right", "right", "right", "right"),
        )
        caption = f"{self.counts()}; {self.score_name}"
        text = [f"\n{caption}\n", table]
        hidden = len(self.ranked) - len(lines)
        if hidden:
            text.append(f"... {names_lib.counted(hidden, 'more trial')}")
        for refusal in self.plan.refusals[:_SHOWN_REFUSALS]:
            text.append(
                f"skipped {trials_lib.describe(refusal.settings)}: "
                f"{refusal.reason}"
            )
        hidden = len(self.plan.refusals) - _SHOWN_REFUSALS
        if hidden > 0:
            text.append(f"... and {hidden} more, see the page")
        return "\n".join(text)

    def _followed(self):
        return [x for x in self._tasks if self._main_task in ("", x.name)]

    def _settings(self, outcome):
        return self.plan.trials[outcome.trial].settings

    def _row(self, outcome) -> dict:
        row = {
            "trial": outcome.trial,
            "status": self.status(outcome),
            "epochs": outcome.epochs,
            "best_epoch": outcome.best_epoch,
        }
        for name, value in self._settings(outcome).items():
            row[name] = trials_lib.show(value)
        row |= {"dev": outcome.dev, "test": outcome.test}
        for task in self._tasks:
            by_split = outcome.tasks.get(task.name, {})
            for split in ("dev", "test"):
                row[f"{split}_{task.name}"] = by_split.get(split)
        return row | {"seconds": outcome.seconds}


def _score_name(tasks, main_task):
    """Describes the score that chooses.

    Args:
      tasks: the tasks whose scores choose.
      main_task: the main task; empty: there is none.
    """
    metrics = dict.fromkeys(task.metric for task in tasks)
    name = ", ".join(metrics)
    name += f" of {main_task}" if main_task else ", mean over tasks"
    if any(classification.METRICS[x].lower_is_better for x in metrics):
        name += ", negated where lower is better"
    return name
