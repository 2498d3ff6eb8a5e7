"""Probes of the features of ASP-MTL: what adversary and orthogonality do."""

from reproduction import asp_mtl_table2
from reproduction import jobs as jobs_lib
from reproduction import records as records_lib
from reproduction import tables

_NAME = "asp_mtl_probes"
# Six epochs without early stopping, so that all models train for as long.
_COMMON = (
    *asp_mtl_table2.TUNED,
    *("--epochs=6", "--patience=0"),
)
_OFF = {"adversarial_weight": "0", "orthogonality_weight": "0"}
# Flags that differ from those of ASP-MTL, by name of the row.
_VARIANTS = {
    "neither (SP-MTL)": _OFF,
    "adversary and orthogonality (ASP-MTL)": {},
    "adversary": {"orthogonality_weight": "0"},
    "orthogonality": {"adversarial_weight": "0"},
    "confusion, λ = 1, 5 discriminator steps": {
        "orthogonality_weight": "0",
        "adversary": "confusion",
        "adversarial_weight": "1",
        "discriminator_updates": "5",
    },
    "adversary, also on unlabeled texts": {
        "orthogonality_weight": "0",
        "unlabeled": "true",
    },
}
_PROBES = ("linear", "mlp")


def table() -> tables.Table:
    """Makes the table: models by the accuracy of probes for the task."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _folder(index):
    return f"{_NAME}/{index}"


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_folder(index)}/{seed}",
            "fdu_mtl",
            (
                *_COMMON,
                *(f"--{name}={value}" for name, value in flags.items()),
                f"--seed={seed}",
            ),
            outcome=jobs_lib.ANALYSIS,
        )
        for index, flags in enumerate(_VARIANTS.values())
    ]


def _markdown(records):
    rows = []
    for index, variant in enumerate(_VARIANTS):
        runs = list(tables.by_seed(records, _folder(index)).values())
        if runs:
            cells = (
                _accuracy(runs, features, probe)
                for features in ("shared", "private")
                for probe in _PROBES
            )
            errors = (
                asp_mtl_table2.average_error(runs, split)
                for split in ("dev", "test")
            )
            rows.append([variant, *cells, *errors, str(len(runs))])
    head = ["model", "shared: linear", "shared: MLP", "private: linear"]
    head += ["private: MLP", "dev error", "test error", "seeds"]
    return tables.grid(head, rows)


def _accuracy(runs: list[records_lib.Record], features: str, probe: str):
    """Formats the accuracy of a probe in percent, over seeds."""
    return tables.over_seeds(
        [100 * run.probes[features][probe] for run in runs]
    )
