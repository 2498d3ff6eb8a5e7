"""Tables 3 and 5 of Augenstein et al. (NAACL 2018): eight main tasks."""

from collections.abc import Callable, Mapping

from mtl_tf.metrics import classification
from mtl_tf.reporting.html import published
from mtl_tf.runs import results as results_lib
from reproduction import jobs as jobs_lib
from reproduction import records as records_lib
from reproduction import tables

_NAME = "lel_ltn_table5"
# Presets of the runs of a main task, in the order in which they are trained.
_STL, _MTL, SEMI = "stl", "mtl", "mtl_lel_ltn_semi"
_MAIN_PREDS, _NO_DIVERSITY = (
    *("mtl_lel_ltn_main_preds", "mtl_lel_ltn_no_diversity"),
)
_PRESETS = (_MTL, SEMI, _STL, _MAIN_PREDS, _NO_DIVERSITY)
# Main tasks, in the order in which they are trained, with the paper's metric
# and that of the official scorer if it differs.
METRICS = {
    "absa_restaurants": ("accuracy",),
    "absa_laptops": ("accuracy",),
    "target": ("macro_f1",),
    "stance": ("favor_against_f1",),
    "topic2": ("macro_recall_by_topic", "macro_recall"),
    "topic5": ("macro_mae_by_topic", "macro_mae"),
    "multinli": ("accuracy",),
    "fnc1": ("accuracy", "fnc_score"),
}
# Columns: the preset, the phase whose end is scored (empty: the run's), and the
# output. A run of all phases has the scores of LEL and LTN as well.
_COLUMNS = {
    "STL": (_STL, "", results_lib.MAIN),
    "MTL": (_MTL, "", results_lib.MAIN),
    "+ LEL": (SEMI, "base", results_lib.MAIN),
    "+ LTN: main": (SEMI, "label_transfer", results_lib.MAIN),
    "+ LTN: network": (SEMI, "label_transfer", results_lib.LABEL_TRANSFER),
    "+ main preds": (_MAIN_PREDS, "", results_lib.LABEL_TRANSFER),
    "− diversity": (_NO_DIVERSITY, "", results_lib.LABEL_TRANSFER),
    "+ semi: main": (SEMI, "", results_lib.MAIN),
    "+ semi: network": (SEMI, "", results_lib.LABEL_TRANSFER),
}
_SPLITS = {
    "Test": results_lib.TEST,
    "Test, de-duplicated": results_lib.DEDUPLICATED,
    "Dev": "dev",
}
# The runs of a main task by preset and seed.
_Runs = Mapping[str, Mapping[int, records_lib.Record]]


def table() -> tables.Table:
    """Makes the table."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{folder(preset, main_task)}/{seed}",
            "pairwise",
            flags(preset, main_task, seed),
        )
        for main_task in METRICS
        for preset in _PRESETS
    ]


def folder(preset: str, main_task: str) -> str:
    """Returns the folder of the runs of a preset."""
    return f"{_NAME}/{main_task}/{preset}"


def flags(preset: str, main_task: str, seed: int) -> tuple[str, ...]:
    """Returns the flags of a run."""
    return (
        f"--flagfile=preset:{preset}",
        f"--flagfile=preset:auxiliary/{main_task}",
        *([f"--tasks={main_task}"] if preset == _STL else []),
        f"--seed={seed}",
    )


def _markdown(records):
    """Formats a table of scores for each split."""
    by_task = {
        main_task: {
            preset: tables.by_seed(records, folder(preset, main_task))
            for preset in _PRESETS
        }
        for main_task in METRICS
    }
    blocks = []
    for title, split in _SPLITS.items():
        rows = [
            row
            for main_task, runs in by_task.items()
            if any(runs.values())
            for row in _rows(main_task, runs, split)
        ]
        if rows:
            head = ["task", "metric", "majority", *_COLUMNS]
            head += ["seeds"]
            if split == results_lib.TEST:
                head += ["paper: STL", "paper: best"]
            alignment = "ll" + "r" * (len(head) - 2)
            blocks.append(f"{title}:\n\n{tables.grid(head, rows, alignment)}")
    return "\n\n".join(blocks)


def _rows(main_task: str, runs: _Runs, split: str) -> list[list[str]]:
    """Formats a row for each metric; none if the task lacks the split."""
    rows = []
    any_run = next(run for x in runs.values() for run in x.values())
    majority = any_run.results["tasks"][main_task][results_lib.MAJORITY]
    if not majority.get(split):
        return []
    for metric in METRICS[main_task]:
        show = classification.METRICS[metric].show
        cells = [main_task, metric, show(majority[split][metric])]
        for preset, phase, output in _COLUMNS.values():
            scores = [
                _scores(run, main_task, phase, output)[split][metric]
                for run in runs[preset].values()
            ]
            cells.append(tables.over_seeds(scores, show))
        counts = sorted({len(x) for x in runs.values()})
        cells.append("–".join(map(str, dict.fromkeys((counts[0], counts[-1])))))
        if split == results_lib.TEST:
            cells += published_scores(main_task, metric, show)
        rows.append(cells)
    return rows


def _scores(run, main_task, phase, output):
    """Returns the scores of an output at the end of a phase, by split."""
    results = run.results["phases"][phase] if phase else run.results
    return results["tasks"][main_task][output]


def published_scores(
    main_task: str, metric: str, show: Callable[[float], str]
) -> list[str]:
    """Formats the paper's scores of a single-task model and its best model."""
    paper = published.read_papers()["pairwise"]["scores"][main_task]
    if metric != paper["metric"]:
        return [tables.MISSING] * 2
    scale = 100 if classification.METRICS[metric].percent else 1
    return [show(value / scale) for value in paper["values"]]
