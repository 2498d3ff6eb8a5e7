"""Comparison of models over training sizes and seeds (`--mode=compare`)."""

import os
from collections.abc import Mapping, Sequence

from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.config import train_sizes as train_sizes_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.studies import comparison_page
from mtl_tf.studies import comparison_plan
from mtl_tf.studies import comparison_scores
from mtl_tf.studies import comparison_table
from mtl_tf.studies import result as result_lib
from mtl_tf.studies import study_directory
from mtl_tf.training import launcher

TABLE_NAME = "runs"


def run(plan: comparison_plan.Plan, processes: int = 1) -> result_lib.Result:
    """Trains the runs of a comparison, or resumes it, and compares them.

    Args:
      plan: the runs.
      processes: number of simultaneous processes.

    Returns:
      A row for each run and task whose score counts.

    Raises:
      ValueError: as `Plan.check`, or if a run fails.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    plan.check()
    cells = list(plan.cells())
    configs = [plan.config(cell) for cell in cells]
    with study_directory.hold(
        plan.study_dir, comparison_plan.KIND, {}, plan.corpus
    ):
        results = launcher.train_all(configs, processes)
        rows = [
            row
            for cell, config, result in zip(
                cells, configs, results, strict=True
            )
            for row in _rows(plan, cell, config, result)
        ]
        table_path = study_directory.write_table(
            plan.study_dir, TABLE_NAME, rows
        )
        comparison = comparison_scores.Comparison(
            plan, rows, comparison_scores.compute(plan)
        )
        page_path = comparison_page.write(comparison)
    text = (
        f"\n{comparison_table.describe(comparison)}\n\n"
        f"table: {table_path}\npage: {page_path}"
    )
    return result_lib.Result(rows, text)


def compare(
    models: Mapping[str, config_lib.Config | Mapping],
    data_dir: str,
    run_dir: str,
    *,
    train_sizes: Sequence[str | int] = (train_sizes_lib.ALL,),
    new_tasks: Sequence[str] = (),
    tasks: Sequence[str] = (),
    num_runs: int = 3,
    seed: int = 0,
    processes: int = 1,
    threads: int = 1,
):
    """Trains and compares models, or resumes an interrupted comparison.

    The directory `run_dir` then holds the runs, the tables `runs.csv` and
    `scores.csv`, the page `comparison.html` and the picture
    `learning_curve.png`.

    Args:
      models: settings by name, a `Config` or a dict; the first is the baseline.
      data_dir: the prepared corpus.
      run_dir: directory of the comparison.
      train_sizes: as the flag: maximum numbers of training examples, or `all`.
      new_tasks: as the flag: tasks that play the new task; `["each"]`: all.
      tasks: tasks to train on; all of the corpus by default.
      num_runs: number of seeds.
      seed: the first seed.
      processes: number of simultaneous processes.
      threads: number of threads of a run.

    Returns:
      A row for each run and task whose score counts: a `pandas.DataFrame`, or
      a list of dicts without pandas. `dev`, `test` and `test_deduplicated` are
      the scores by the task's metric.

    Raises:
      ValueError: if settings do not fit the corpus, or a run fails.
    """
    base = config_lib.Config(
        data_dir=data_dir,
        run_dir=run_dir,
        tasks=tuple(tasks),
        seed=seed,
        threads=threads,
    )
    launcher.check_call(base, processes)
    command = command_lib.Command(
        mode="compare",
        models=tuple(models),
        train_sizes=tuple(map(str, train_sizes)),
        new_tasks=tuple(new_tasks),
    )
    plan = comparison_plan.make(
        {name: _config(model) for name, model in models.items()},
        base,
        runs_by_size=command.runs_by_train_size(num_runs),
        new_tasks=command.new_tasks,
    )
    return run(plan, processes).to_frame()


def _config(model):
    """Returns the settings of a model, which may be given as a dict."""
    if isinstance(model, config_lib.Config):
        return model
    return config_lib.Config.from_dict(model)


def _rows(plan, cell, config, results):
    """Yields a row for each task whose score counts."""
    for task in plan.tasks:
        if cell.new_task not in ("", task.name):
            continue
        scores = results["tasks"][task.name][results_lib.MAIN]
        num_train = plan.corpus.rows[task.name]["train"]
        if cell.train_size is not None:
            num_train = min(num_train, cell.train_size)
        deduplicated = results_lib.scores_of(scores, results_lib.DEDUPLICATED)
        yield {
            "model": cell.model,
            "new_task": cell.new_task,
            "train_size": cell.size_name,
            "seed": cell.seed,
            "task": task.name,
            "train_examples": num_train,
            "metric": task.metric,
            "dev": scores["dev"][task.metric],
            "test": scores[results_lib.TEST][task.metric],
            "test_deduplicated": deduplicated and deduplicated[task.metric],
            # None for single-task models of all tasks, which have one each.
            "best_epoch": results.get("best_epoch"),
            "steps": results["steps"],
            "seconds": round(results["seconds"], 3),
            "run_dir": os.path.relpath(config.run_dir, plan.study_dir),
        }
