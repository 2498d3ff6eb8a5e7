"""The outcomes of the trials of a sweep, in `outcomes.json`.

A trial that continues after a rung of successive halving replaces its results,
so its scores at the rung are recorded here. A resumed sweep reads them.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import scoring
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import trials as trials_lib
from mtl_tf.utils import checksums

OUTCOMES_FILE = "outcomes.json"
_REMEDY = (
    "put back a copy of the file; to start again, remove the directory or give "
    "another run_dir"
)
_SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The scores of a trial after a number of epochs.

    Attributes:
      trial: index of the trial.
      epochs: maximum number of epochs that it was trained.
      best_epoch: the best epoch, a mean over seeds; None for single-task
        models, each of which has one.
      dev: the dev score that early stopping follows; None: training diverged.
      test: the same score on test.
      tasks: score of the task's metric by split by task.
      seconds: duration of training.
    """

    trial: int
    epochs: int
    best_epoch: float | None = None
    dev: float | None = None
    test: float | None = None
    tasks: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    seconds: float | None = None


class Record:
    """The outcomes so far, by trial and number of epochs.

    Args:
      run_dir: directory of the sweep.
      corpus: the corpus.

    Raises:
      ValueError: if the file is damaged or was changed.
    """

    def __init__(self, run_dir: str, corpus: tasks_lib.Corpus):
        self._path = os.path.join(run_dir, OUTCOMES_FILE)
        self._corpus = corpus
        self._lines: list[dict] = []
        if os.path.exists(self._path):
            self._lines = checksums.read(self._path, _REMEDY)["outcomes"]
        self._by_key = {
            (line["outcome"]["trial"], line["outcome"]["epochs"]): line
            for line in self._lines
        }

    def __contains__(self, trial: trials_lib.Trial) -> bool:
        """Returns whether the outcome of a trial is recorded.

        Raises:
          ValueError: if it is that of other settings.
        """
        line = self._by_key.get((trial.index, trial.config.epochs))
        if line is None:
            return False
        settings = _plain(trial.settings)
        if line["settings"] != settings:
            raise ValueError(
                f"{self._path}: trial {trial.index} has other settings "
                f"({trials_lib.describe(line['settings'])}, expected "
                f"{trials_lib.describe(settings)}): another version of this "
                "program, NumPy or Optuna drew them; continue with that one, "
                "or give another run_dir"
            )
        return True

    def __getitem__(self, trial: trials_lib.Trial) -> Outcome:
        """Returns the recorded outcome of a trial."""
        line = self._by_key[trial.index, trial.config.epochs]
        return Outcome(**line["outcome"])

    def add(
        self,
        trials: Sequence[trials_lib.Trial],
        results: Sequence[Mapping | None],
    ) -> None:
        """Records the outcomes of trials, and writes the file.

        Args:
          trials: the trials.
          results: content of `results.json` of each; None: it diverged.
        """
        if not trials:
            return
        for trial, result in zip(trials, results, strict=True):
            line = {
                "settings": _plain(trial.settings),
                "outcome": dataclasses.asdict(self._outcome(trial, result)),
            }
            self._lines.append(line)
            self._by_key[trial.index, trial.config.epochs] = line
        run_directory.write_json(
            self._path, checksums.sign({"outcomes": self._lines})
        )

    def _outcome(self, trial, results):
        """Returns the outcome of a trial from its results."""
        config = trial.config
        if results is None:
            return Outcome(trial.index, config.epochs)
        tasks = self._corpus.select(config.tasks)
        by_task = {
            task.name: {
                split: results["tasks"][task.name][results_lib.MAIN][split][
                    task.metric
                ]
                for split in _SPLITS
            }
            for task in tasks
        }
        dev, test = (
            selection_score(results, tasks, config.main_task, split)
            for split in _SPLITS
        )
        return Outcome(
            trial.index,
            config.epochs,
            results.get("best_epoch"),
            dev,
            test,
            by_task,
            results["seconds"],
        )


def selection_score(
    results: Mapping,
    tasks: Sequence[tasks_lib.Task],
    main_task: str,
    split: str,
) -> float:
    """Computes the score that early stopping follows, on a whole split.

    Args:
      results: content of `results.json`.
      tasks: the tasks of the run.
      main_task: name of the main task; empty: there is none.
      split: dev or test.

    Returns:
      The score; higher is better.
    """
    followed = [task for task in tasks if main_task in ("", task.name)]
    outputs = {
        task.name: results["tasks"][task.name][results_lib.MAIN][split]
        for task in followed
    }
    score = scoring.average(followed, outputs)
    if main_task:
        (task,) = followed
        of_task = results["tasks"][main_task]
        if results_lib.LABEL_TRANSFER in of_task:
            transfer = of_task[results_lib.LABEL_TRANSFER][split]
            score = (score + scoring.selection_score(task, transfer)) / 2
    return score


def _plain(settings):
    """Returns settings in types of JSON."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in settings.items()
    }
