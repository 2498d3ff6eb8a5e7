"""A search for the auxiliary tasks that help a main task.

Augenstein, Ruder & Søgaard (NAACL 2018, section 5) train each main task with
its best auxiliary tasks on dev (Table 4).
"""

import dataclasses
import os

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import affinity_file
from mtl_tf.runs import run_directory
from mtl_tf.studies import auxiliary_page
from mtl_tf.studies import auxiliary_runs
from mtl_tf.studies import auxiliary_table
from mtl_tf.studies import result as result_lib
from mtl_tf.studies import study_directory
from mtl_tf.training import launcher
from mtl_tf.utils import files

TABLE_NAME = "candidates"
FLAGS_FILE = "auxiliary.flags"


def search_auxiliary(
    config: config_lib.Config,
    method: str = "forward",
    max_auxiliary: int = 0,
    processes: int = 1,
):
    """Finds the auxiliary tasks that help, or resumes an interrupted search.

    The dev score of the main task chooses, as a mean over the `num_runs` seeds
    of each run. The test score is in the table and never chooses.

    Args:
      config: settings of all runs. `run_dir` will hold the runs, the table
        `candidates.csv`, the page `search.html` and, after a forward search,
        the flagfile `auxiliary.flags`. With `affinity_every`, a further run of
        all tasks measures inter-task affinity, to compare it with the gains.
      method: `forward` adds the auxiliary task that raises the dev score of
        `main_task` most, as long as one does. `pairs` trains each main task
        with each other task; main tasks are `main_task`, or else all tasks.
      max_auxiliary: maximum number of auxiliary tasks of `forward`; 0: none.
      processes: number of simultaneous processes.

    Returns:
      A row for each run: a `pandas.DataFrame`, or a list of dicts without
      pandas. The columns are the fields of `auxiliary_table.Row`.

    Raises:
      ValueError: if the settings do not allow a search, or the directory holds
        another study.
    """
    return run(config, method, max_auxiliary, processes).to_frame()


def run(
    config: config_lib.Config,
    method: str = "forward",
    max_auxiliary: int = 0,
    processes: int = 1,
) -> result_lib.Result:
    """Runs `search_auxiliary`.

    Args:
      config: settings of all runs.
      method: `forward` or `pairs`.
      max_auxiliary: maximum number of auxiliary tasks of `forward`; 0: none.
      processes: number of simultaneous processes.

    Returns:
      A row for each run.

    Raises:
      ValueError: as `search_auxiliary`.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    launcher.check_call(config, processes)
    if method not in choices.SEARCH_METHODS:
        raise ValueError(
            f"method={method!r:.80}: expected one of "
            f"{', '.join(choices.SEARCH_METHODS)}"
        )
    corpus = tasks_lib.Corpus.read(config.data_dir)
    runs = auxiliary_runs.plan(config, corpus, method)
    search = _Search(runs, corpus, processes)
    with study_directory.hold(
        config.run_dir,
        auxiliary_runs.KIND,
        auxiliary_runs.study_settings(config, method),
        corpus,
    ):
        if method == "forward":
            rows = search.forward(max_auxiliary or len(runs.names) - 1)
        else:
            rows = search.pairs()
        return _write(config, runs, rows)


class _Search:
    """The training of the runs of a search, a round at a time.

    Args:
      runs: the runs.
      corpus: the corpus.
      processes: number of simultaneous processes.
    """

    def __init__(
        self,
        runs: auxiliary_runs.Runs,
        corpus: tasks_lib.Corpus,
        processes: int,
    ):
        self._runs = runs
        self._processes = processes
        self._metrics = {task.name: task.metric for task in corpus.select(())}
        self._affinity: affinity_file.Affinity | None = None
        self._alone: dict[str, dict] = {}

    def forward(self, max_auxiliary: int) -> list[auxiliary_table.Row]:
        """Adds the best auxiliary task, as long as one raises the dev score.

        Args:
          max_auxiliary: maximum number of auxiliary tasks.

        Returns:
          The rows of all candidates.
        """
        main_task = self._runs.config.main_task
        self._start([main_task])
        best = self._train([(main_task, ())])[0]
        rows, chosen = [best], ()
        while len(chosen) < max_auxiliary:
            candidates = [
                (main_task, (*chosen, name))
                for name in self._runs.names
                if name not in (main_task, *chosen)
            ]
            if not candidates:
                break
            round_ = self._train(candidates)
            winner = max(round_, key=lambda row: row.gain)
            is_better = winner.gain > best.gain
            rows += [
                dataclasses.replace(row, chosen=is_better and row is winner)
                for row in round_
            ]
            if not is_better:
                break
            best, chosen = winner, winner.auxiliary
        return rows

    def pairs(self) -> list[auxiliary_table.Row]:
        """Trains each main task with each other task.

        Returns:
          The rows by main task. The best task is chosen if it helps.
        """
        main_tasks = auxiliary_runs.main_tasks(
            self._runs.config, self._runs.names
        )
        self._start(main_tasks)
        rows = self._train(self._pairs(main_tasks))
        best = {
            main_task: max(
                (row for row in rows if row.main_task == main_task),
                key=lambda row: row.gain,
            )
            for main_task in main_tasks
        }
        return [
            dataclasses.replace(
                row, chosen=row is best[row.main_task] and row.step > 0
            )
            for row in rows
        ]

    def _pairs(self, main_tasks):
        """Lists the main tasks alone and with each other task."""
        return [
            (main_task, auxiliary)
            for main_task in main_tasks
            for auxiliary in (
                (),
                *[(name,) for name in self._runs.names if name != main_task],
            )
        ]

    def _start(self, main_tasks):
        """Trains the runs of the first step, all in one round."""
        configs = [self._runs.of(*pair) for pair in self._pairs(main_tasks)]
        measures = self._runs.config.affinity_every > 0
        if measures:
            configs.append(self._runs.of_all_tasks)
        results = launcher.train_all(configs, self._processes)
        self._alone = {
            config.main_task: result
            for config, result in zip(configs, results, strict=True)
            if len(config.tasks) == 1
        }
        if measures:
            self._affinity = affinity_file.read(
                run_directory.Run.read(configs[-1].run_dir)
            )

    def _train(self, candidates):
        """Trains runs; returns their rows.

        Args:
          candidates: main task and auxiliary tasks of each.
        """
        results = launcher.train_all(
            [self._runs.of(*candidate) for candidate in candidates],
            self._processes,
        )
        return [
            auxiliary_table.make_row(
                main_task,
                auxiliary,
                self._metrics[main_task],
                result,
                self._alone[main_task],
                self._affinity,
            )
            for (main_task, auxiliary), result in zip(
                candidates, results, strict=True
            )
        ]


def _write(config, runs, rows):
    """Writes table, flagfile and page."""
    records = [row.record() for row in rows]
    table_path = study_directory.write_table(
        config.run_dir, TABLE_NAME, records
    )
    lines = [f"\n{_caption(config, rows)}\n", auxiliary_table.format_rows(rows)]
    agreement = auxiliary_table.Agreement.compute(rows)
    if agreement:
        lines.append(
            "\nrank correlation of affinity and gain: "
            f"{agreement.correlation:.2f} over {agreement.num_pairs} pairs"
        )
    lines.append("")
    # Pairs of all tasks are no choice for one of them.
    flags = ""
    if config.main_task:
        chosen = [row for row in rows if row.chosen]
        auxiliary = chosen[-1].auxiliary if chosen else ()
        flags = _write_flags(runs.of(config.main_task, auxiliary), config)
        lines.append(f"chosen tasks: --flagfile={flags}")
    lines.append(f"table: {table_path}")
    lines.append(f"page: {auxiliary_page.write(config, runs, rows, flags)}")
    return result_lib.Result(records, "\n".join(lines))


def _caption(config, rows):
    """Describes the numbers of the table."""
    metrics = dict.fromkeys(row.metric for row in rows)
    seeds = f", means of {config.num_runs} seeds" if config.num_runs > 1 else ""
    return (
        f"{', '.join(metrics)} of the main task "
        f"({classification.units(metrics)}){seeds}; gain: of dev over the main "
        "task alone"
    )


def _write_flags(chosen, config):
    """Writes the tasks of a run as a flagfile; returns its path."""
    path = os.path.join(config.run_dir, FLAGS_FILE)
    with files.atomic_write(path) as file:
        file.write(
            "# The main task and its auxiliary tasks, chosen on dev.\n"
            f"--main_task={chosen.main_task}\n"
            f"--tasks={','.join(chosen.tasks)}\n"
        )
    return path
