"""The best models of this family on the pairwise tasks."""

from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib
from reproduction import jobs as jobs_lib
from reproduction import lel_ltn_table5
from reproduction import tables

_NAME = "best_pairwise"
_NUM_RUNS = 3
# Main tasks with a preset `best_pairwise_TASK`.
_MAIN_TASKS = ("fnc1", "topic5")


def table() -> tables.Table:
    """Makes the table, of which each job trains several seeds."""
    return tables.Table(_NAME, _jobs, _markdown)


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_NAME}/{main_task}",
            "pairwise",
            (
                f"--flagfile=preset:{_NAME}_{main_task}",
                f"--num_runs={_NUM_RUNS}",
                f"--seed={seed}",
            ),
        )
        for main_task in _MAIN_TASKS
    ]


def _markdown(records):
    rows = []
    for main_task in _MAIN_TASKS:
        record = records.get(f"{_NAME}/{main_task}")
        if record is None:
            continue
        for metric in lel_ltn_table5.METRICS[main_task]:
            show = classification.METRICS[metric].show
            results = record.results["tasks"][main_task]
            deviations = record.results["deviation"]["tasks"][main_task]
            cells = []
            for split in ("dev", results_lib.TEST):
                mean = results[results_lib.MAIN][split][metric]
                deviation = deviations[results_lib.MAIN][split][metric]
                cells.append(f"{show(mean)} ± {show(deviation)}")
            ensemble = results[results_lib.ENSEMBLE][results_lib.TEST][metric]
            majority = results[results_lib.MAJORITY][results_lib.TEST][metric]
            cells += [show(ensemble), show(majority)]
            _, best = lel_ltn_table5.published_scores(main_task, metric, show)
            rows.append([main_task, metric, *cells, best])
    head = ["task", "metric", "dev", "test", "test, ensemble", "majority"]
    note = f"Mean and standard deviation over {_NUM_RUNS} seeds."
    grid = tables.grid([*head, "paper: best"], rows, "llrrrrr")
    return f"{grid}\n\n{note}"
