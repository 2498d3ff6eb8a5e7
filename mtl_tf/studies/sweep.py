"""A sweep: a search over settings by many trials, each of which is a run."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.tensorboard import hyperparameters
from mtl_tf.studies import best_flags
from mtl_tf.studies import result as result_lib
from mtl_tf.studies import search_space as search_space_lib
from mtl_tf.studies import search_space_file
from mtl_tf.studies import study_directory
from mtl_tf.studies import sweep_page
from mtl_tf.studies import sweep_record
from mtl_tf.studies import sweep_table
from mtl_tf.studies import trials as trials_lib
from mtl_tf.training import launcher

TABLE_NAME = "trials"


def sweep(
    config: config_lib.Config,
    search_space: str | os.PathLike | Mapping,
    processes: int = 1,
):
    """Runs a search over settings, or resumes an interrupted one.

    The directory `config.run_dir` then holds a run for each trial, the table
    `trials.csv`, the page `sweep.html` and the flagfile `best.flags`. The dev
    score chooses: that of `main_task`, or the average over all tasks. The test
    score is in the table and never chooses.

    Args:
      config: settings of all trials; `data_dir` and `run_dir` must be set.
      search_space: path of a TOML file, or a dict of the same form, such as
        `{"settings": {"hidden_size": [32, 64]}, "sweep": {"method": "grid"}}`.
      processes: number of simultaneous processes.

    Returns:
      A row for each trial, best first: a `pandas.DataFrame`, or a list of dicts
      without pandas.

    Raises:
      ValueError: if the search space is invalid, or the directory holds another
        study.
    """
    return run(config, search_space, processes).to_frame()


def run(
    config: config_lib.Config,
    search_space: str | os.PathLike | Mapping,
    processes: int = 1,
    command: str = "mtl_tf.sweep",
) -> result_lib.Result:
    """Runs `sweep`.

    Args:
      config: settings of all trials.
      search_space: path of a TOML file, or a dict of the same form.
      processes: number of simultaneous processes.
      command: the command, for the header of `best.flags`.

    Returns:
      A row for each trial, best first.

    Raises:
      ValueError: as `sweep`.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    launcher.check_call(config, processes)
    space = search_space_file.read(search_space)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    plan = trials_lib.Plan(space, config, corpus)
    if space.method != search_space_lib.TPE:
        plan.fill()
    with study_directory.hold(
        config.run_dir,
        trials_lib.KIND,
        trials_lib.study_settings(space, config),
        corpus,
    ):
        record = sweep_record.Record(config.run_dir, corpus)
        search = _Search(plan, space, record, processes)
        outcomes = search.run(config.epochs)
        return _write(plan, space, outcomes, config, corpus, command)


class _Search:
    """The training of the trials of a plan.

    Args:
      plan: the trials; TPE adds some.
      space: the search space.
      record: the outcomes so far.
      processes: number of simultaneous processes.
    """

    def __init__(
        self,
        plan: trials_lib.Plan,
        space: search_space_lib.SearchSpace,
        record: sweep_record.Record,
        processes: int,
    ):
        self._plan = plan
        self._space = space
        self._record = record
        self._processes = processes

    def run(self, epochs: int) -> list[sweep_record.Outcome]:
        """Trains all trials.

        Args:
          epochs: maximum number of epochs of a trial.

        Returns:
          The last outcome of each trial, in order.
        """
        outcomes: dict[int, sweep_record.Outcome] = {}
        if self._space.method == search_space_lib.TPE:
            while new := self._plan.propose(
                {index: x.dev for index, x in outcomes.items()}
            ):
                outcomes |= self._train(new)
        elif self._space.successive_halving is None:
            outcomes |= self._train(self._plan.trials)
        else:
            survivors: Sequence[trials_lib.Trial] = self._plan.trials
            for rung in self._space.successive_halving.rungs(epochs):
                outcomes |= self._train(survivors, rung)
                survivors = self._survivors(survivors, outcomes)
        return [outcomes[trial.index] for trial in self._plan.trials]

    def _train(self, trials, epochs=None):
        """Trains trials that are not recorded yet; returns their outcomes.

        Args:
          trials: the trials.
          epochs: number of epochs; None: that of each trial.
        """
        if epochs is not None:
            trials = [
                dataclasses.replace(
                    trial,
                    config=dataclasses.replace(trial.config, epochs=epochs),
                )
                for trial in trials
            ]
        missing = [trial for trial in trials if trial not in self._record]
        results = launcher.train_all(
            [trial.config for trial in missing],
            self._processes,
            allow_divergence=True,
        )
        names = list(self._space.settings)
        for trial in missing:
            hyperparameters.declare_columns(trial.config.run_dir, names)
        self._record.add(missing, results)
        return {trial.index: self._record[trial] for trial in trials}

    def _survivors(self, trials, outcomes):
        """Returns the trials that reach the next rung, in order."""
        ranked = sweep_table.rank([outcomes[trial.index] for trial in trials])
        count = self._space.successive_halving.num_survivors(len(ranked))
        kept = {x.trial for x in ranked[:count] if x.dev is not None}
        return [trial for trial in trials if trial.index in kept]


def _write(plan, space, outcomes, config, corpus, command):
    """Writes table, page and flagfile."""
    table = sweep_table.SweepTable(
        plan, space, outcomes, config, corpus.select(config.tasks)
    )
    table_path = study_directory.write_table(
        config.run_dir, TABLE_NAME, table.rows
    )
    best = table.best
    lines = [table.format(), ""]
    if best is None:
        lines.append("All trials diverged: lower the learning rates.")
    else:
        trial = plan.trials[best.trial]
        path = best_flags.write(config, trial, best, table.score_name, command)
        lines.append(f"best settings: --flagfile={path}")
    lines.append(f"table: {table_path}")
    lines.append(f"page: {sweep_page.write(config, table, corpus)}")
    return result_lib.Result(table.rows, "\n".join(lines))
