"""Errors of the models of Liu, Qiu & Huang (2017) with fewer labels."""

import statistics

from matplotlib import figure

from mtl_tf.reporting.plots import learning_curve
from mtl_tf.runs import results as results_lib
from reproduction import asp_mtl_table2
from reproduction import jobs as jobs_lib
from reproduction import tables

_NAME = "asp_mtl_learning_curve"
_MODELS = ("BiLSTM", "FS-MTL", "SP-MTL", "ASP-MTL")
_ALL = "1400"
# Labels of a task, with steps of an epoch: with few labels, an epoch is several
# passes.
_SIZES = {
    "100": ("--max_train_examples=100", "--steps_per_epoch=30"),
    "300": ("--max_train_examples=300", "--steps_per_epoch=30"),
    "700": ("--max_train_examples=700",),
    _ALL: (),
}


def table() -> tables.Table:
    """Makes the table: models by number of labels of each task."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3, draw=_draw)


def _folder(model, size):
    # With all labels, the runs are those of Table 2.
    name = "asp_mtl_table2_tuned" if size == _ALL else f"{_NAME}/{size}"
    return f"{name}/{asp_mtl_table2.folder_of(model)}"


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_folder(model, size)}/{seed}",
            "fdu_mtl",
            (
                *asp_mtl_table2.TUNED,
                *asp_mtl_table2.TUNED_MODELS[model],
                *flags,
                f"--seed={seed}",
            ),
        )
        for size, flags in _SIZES.items()
        for model in _MODELS
    ]


def _errors(records):
    """Returns the average test errors by seed, by model and size."""
    return {
        model: {
            size: [
                asp_mtl_table2.error(run.results["average"], results_lib.TEST)
                for run in tables.by_seed(
                    records, _folder(model, size)
                ).values()
            ]
            for size in _SIZES
        }
        for model in _MODELS
    }


def _markdown(records):
    rows = [
        [model, *(tables.over_seeds(x) for x in by_size.values())]
        for model, by_size in _errors(records).items()
    ]
    counts = {
        str(len(x)) for y in _errors(records).values() for x in y.values() if x
    }
    head = ["labels of a task", *_SIZES]
    seeds = ["seeds", "–".join(sorted(counts)), *[""] * (len(_SIZES) - 1)]
    return tables.grid(head, [*rows, seeds])


def _draw(records) -> figure.Figure | None:
    """Draws the curves of models that have runs of all sizes."""
    curves = []
    for model, by_size in _errors(records).items():
        if all(by_size.values()):
            means = [statistics.mean(x) for x in by_size.values()]
            lows = [min(x) for x in by_size.values()]
            highs = [max(x) for x in by_size.values()]
            curves.append(learning_curve.Curve(model, means, lows, highs))
    if not curves:
        return None
    return learning_curve.draw(
        [("FDU-MTL, 16 tasks", curves)],
        list(_SIZES),
        "test error, percent (bars: lowest and highest of the seeds)",
    )
