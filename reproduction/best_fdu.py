"""The best models of this family on FDU-MTL, beside published ones."""

from collections.abc import Mapping

from mtl_tf.runs import results as results_lib
from reproduction import asp_mtl_table2
from reproduction import jobs as jobs_lib
from reproduction import tables

_NAME = "best_fdu"
_NUM_RUNS = 3
# Rows by name of the job: without and with unlabeled texts.
_TITLES = {
    "labeled": "labeled texts alone",
    "student": "unlabeled texts as well",
}
_SPLITS = ("dev", results_lib.TEST, results_lib.DEDUPLICATED)


def table() -> tables.Table:
    """Makes the table, of which each job trains several seeds."""
    return tables.Table(_NAME, _jobs, _markdown)


def _jobs(seed):
    common = (asp_mtl_table2.VECTORS, f"--num_runs={_NUM_RUNS}")
    return [
        jobs_lib.Job(
            f"{_NAME}/labeled",
            "fdu_mtl",
            ("--flagfile=preset:best_fdu", *common, f"--seed={seed}"),
        ),
        jobs_lib.Job(
            f"{_NAME}/student",
            "fdu_mtl",
            (
                *("--flagfile=preset:best_fdu_student", *common),
                f"--teachers={{runs_dir}}/{_NAME}/labeled",
                f"--seed={seed}",
            ),
        ),
    ]


def _markdown(records):
    rows = []
    for name, title in _TITLES.items():
        record = records.get(f"{_NAME}/{name}")
        if record is None:
            continue
        results = record.results
        rows += [
            [f"{title}: a model", *_cells(results, results_lib.MAIN)],
            [f"{title}: ensemble", *_cells(results, results_lib.ENSEMBLE)],
        ]
    head = ["model", "dev error", "test error", "de-duplicated"]
    note = f"A model: mean and standard deviation over {_NUM_RUNS} seeds."
    return f"{tables.grid(head, rows)}\n\n{note}"


def _cells(results: Mapping, output: str) -> list[str]:
    """Formats the average errors of an output in percent."""
    cells = []
    for split in _SPLITS:
        accuracy = results["average"][output][split]["accuracy"]
        cell = f"{100 - 100 * accuracy:.1f}"
        if output in results["deviation"]["average"]:
            deviations = results["deviation"]["average"][output][split]
            cell += f" ± {100 * deviations['accuracy']:.1f}"
        cells.append(cell)
    return cells
