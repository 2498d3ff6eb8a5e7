"""Table 6 of Augenstein et al. (NAACL 2018): which output alone is correct."""

import numpy as np

from reproduction import jobs as jobs_lib
from reproduction import lel_ltn_table5
from reproduction import tables

_NAME = "lel_ltn_table6"
_LTN = "mtl_lel_ltn"
_PRESETS = {_LTN: "LTN", lel_ltn_table5.SEMI: "+ semi"}


def table() -> tables.Table:
    """Makes the table."""
    return tables.Table(_NAME, _jobs, _markdown, num_seeds=3)


def _folder(preset, main_task):
    # Runs with pseudo-labels are those of Table 5.
    if preset == lel_ltn_table5.SEMI:
        return lel_ltn_table5.folder(preset, main_task)
    return f"{_NAME}/{main_task}/{preset}"


def _jobs(seed):
    return [
        jobs_lib.Job(
            f"{_folder(preset, main_task)}/{seed}",
            "pairwise",
            lel_ltn_table5.flags(preset, main_task, seed),
        )
        for main_task in lel_ltn_table5.METRICS
        for preset in _PRESETS
    ]


def _markdown(records):
    rows = []
    for main_task in lel_ltn_table5.METRICS:
        cells, counts = [], []
        for preset in _PRESETS:
            runs = list(
                tables.by_seed(records, _folder(preset, main_task)).values()
            )
            counts.append(str(len(runs)))
            shares = [_shares(run, main_task) for run in runs]
            for of_output in zip(*shares, strict=True) if shares else [[], []]:
                cells.append(tables.over_seeds(of_output))
        if any(count != "0" for count in counts):
            rows.append([main_task, *cells, "–".join(counts)])
    head = ["task"]
    for name in _PRESETS.values():
        head += [f"{name}: network alone", f"{name}: main model alone"]
    return tables.grid([*head, "seeds"], rows)


def _shares(run, main_task):
    """Computes how many correct predictions only one of the outputs has.

    Returns:
      The share of the label transfer network and of the main model, in percent
      of the texts that any of them classifies correctly.
    """
    network = run.transfer_correct[main_task]
    main = run.correct[main_task]
    num_correct = np.sum(network | main)
    return (
        float(100 * np.sum(network & ~main) / num_correct),
        float(100 * np.sum(main & ~network) / num_correct),
    )
