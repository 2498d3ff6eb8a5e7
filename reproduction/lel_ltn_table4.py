"""Table 4 of Augenstein et al. (NAACL 2018): the best auxiliary tasks."""

from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib
from mtl_tf.studies import auxiliary_search
from mtl_tf.utils import flagfiles
from reproduction import jobs as jobs_lib
from reproduction import tables

_NAME = "lel_ltn_table4"
# In the order in which they are searched.
_MAIN_TASKS = (
    *("absa_restaurants", "target", "absa_laptops", "stance"),
    *("topic2", "topic5", "multinli", "fnc1"),
)
_FLAGS = ("--flagfile=preset:mtl", "--max_tokens=60")
_CHOSEN, _OF_PAPER = "chosen", "the paper's"
_HEAD = ("main task", "auxiliary tasks", "metric", "dev", "test", "")


def table() -> tables.Table:
    """Makes the table: a search for each main task, and the paper's set."""
    return tables.Table(_NAME, _jobs, _markdown)


def _jobs(seed):
    jobs = []
    for main_task in _MAIN_TASKS:
        jobs += [
            jobs_lib.Job(
                f"{_NAME}/search_{main_task}",
                "pairwise",
                (
                    *("--mode=search_auxiliary", f"--main_task={main_task}"),
                    *(*_FLAGS, f"--seed={seed}", "--max_auxiliary=3"),
                ),
                outcome=f"{auxiliary_search.TABLE_NAME}.csv",
            ),
            jobs_lib.Job(
                f"{_NAME}/paper_{main_task}",
                "pairwise",
                (
                    *(f"--flagfile={_preset(main_task)}", *_FLAGS),
                    f"--seed={seed}",
                ),
            ),
        ]
    return jobs


def _preset(main_task):
    """Returns the preset of a main task with the paper's auxiliary tasks."""
    return f"preset:auxiliary/{main_task}"


def _auxiliary_of_paper(main_task):
    """Returns the paper's auxiliary tasks of a main task."""
    flagfile = f"--flagfile={_preset(main_task)}"
    (tasks,) = (
        flag.removeprefix("--tasks=").split(",")
        for flag in flagfiles.expand([flagfile], ("main_task", "tasks"))
        if flag.startswith("--tasks=")
    )
    return {name for name in tasks if name != main_task}


def _markdown(records):
    """Formats the sets along the search, and the paper's, for each task."""
    rows = []
    for main_task in _MAIN_TASKS:
        auxiliary = _auxiliary_of_paper(main_task)
        search = records.get(f"{_NAME}/search_{main_task}")
        paper = records.get(f"{_NAME}/paper_{main_task}")
        if search is None:
            continue
        metric = search.rows[0]["metric"]
        path = _path(search.rows)
        sets = []
        for row in path:
            names = set(filter(None, row["auxiliary"].split("+")))
            notes = [_CHOSEN] if row is path[-1] else []
            notes += [_OF_PAPER] if names == auxiliary else []
            sets.append((names, float(row["dev"]), float(row["test"]), notes))
        if paper and auxiliary not in [names for names, *_ in sets]:
            scores = paper.results["tasks"][main_task][results_lib.MAIN]
            dev, test = (scores[x][metric] for x in ("dev", results_lib.TEST))
            sets.append((auxiliary, dev, test, [_OF_PAPER]))
        rows += [_row(main_task, metric, *x) for x in sets]
    if not rows:
        return "No search has ended yet."
    return tables.grid(_HEAD, rows, alignment="lllrrl")


def _path(rows):
    """Returns the main task alone, and the rows that the search chose."""
    alone, *others = rows
    return [alone, *(row for row in others if row["chosen"] == "True")]


def _row(main_task, metric, auxiliary, dev, test, notes):
    """Formats the scores of a set of auxiliary tasks."""
    show = classification.METRICS[metric].show
    return [
        main_task,
        ", ".join(sorted(auxiliary)) or "none",
        metric,
        show(dev),
        show(test),
        ", ".join(notes),
    ]
