"""A summary of Table 2 of Liu, Qiu & Huang (ACL 2017), for the front page."""

from mtl_tf.runs import results as results_lib
from reproduction import asp_mtl_table2
from reproduction import tables

_NAME = "asp_mtl_summary"
_MODELS = ("BiLSTM", "FS-MTL", "SP-MTL", "ASP-MTL")
_TABLES = {
    "asp_mtl_table2": "the paper's architecture",
    "asp_mtl_table2_tuned": "tuned settings",
}


def table() -> tables.Table:
    """Makes the table, whose jobs are those of both variants of Table 2."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _jobs(seed):
    return [
        job
        for name in _TABLES
        for job in asp_mtl_table2.table(
            name, tuned=name.endswith("tuned")
        ).jobs_of_seed(seed)
    ]


def _markdown(records):
    paper = asp_mtl_table2.paper_averages()
    rows = []
    for model in _MODELS:
        cells = []
        for name in _TABLES:
            folder = f"{name}/{asp_mtl_table2.folder_of(model)}"
            runs = tables.by_seed(records, folder).values()
            errors = [
                asp_mtl_table2.error(x.results["average"], results_lib.TEST)
                for x in runs
            ]
            seeds = f" ({len(errors)})" if errors else ""
            cells.append(tables.over_seeds(errors) + seeds)
        rows.append([model, f"{paper[model]:.1f}", *cells])
    return tables.grid(["model", "paper", *_TABLES.values()], rows)
