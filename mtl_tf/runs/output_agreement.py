"""Agreement of the main model and the label transfer network.

Augenstein, Ruder & Søgaard 2018, Table 6.
"""

import dataclasses

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import significance
from mtl_tf.runs import prediction_files

SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Shares of the main task's examples by the outputs that are correct.

    Attributes:
      both: the main model and the label transfer network are correct.
      main_alone: only the main model is.
      label_transfer_alone: only the label transfer network is.
      neither: neither is.
      n: number of examples.
      mcnemar: exact two-sided p-value of McNemar's test, which compares
        `main_alone` with `label_transfer_alone`.
    """

    both: float
    main_alone: float
    label_transfer_alone: float
    neither: float
    n: int
    mcnemar: float


def compare(
    main: prediction_files.SavedPredictions,
    label_transfer: prediction_files.SavedPredictions,
) -> Agreement:
    """Compares two outputs on the rows of a split.

    Raises:
      ValueError: if their rows differ.
    """
    if not np.array_equal(main.ids, label_transfer.ids):
        raise ValueError(
            "the predictions of the main model and the label transfer "
            f"network have different rows ({len(main)} and "
            f"{len(label_transfer)}): --mode=evaluate writes both again"
        )
    by_main, by_transfer = main.correct, label_transfer.correct
    main_alone, label_transfer_alone, p_value = significance.mcnemar(
        by_main, by_transfer
    )
    n = len(main)
    return Agreement(
        both=float((by_main & by_transfer).mean()),
        main_alone=main_alone / n,
        label_transfer_alone=label_transfer_alone / n,
        neither=float((~by_main & ~by_transfer).mean()),
        n=n,
        mcnemar=p_value,
    )


def read(run_dir: str, main_task: tasks_lib.Task) -> dict[str, Agreement]:
    """Reads the predictions of a run, and compares its outputs by split.

    Args:
      run_dir: directory of a run with a label transfer network.
      main_task: the main task.

    Returns:
      Agreement by split.

    Raises:
      ValueError: if predictions are missing or damaged, or their rows differ.
    """
    by_split = {}
    for split in SPLITS:
        main, label_transfer = (
            prediction_files.read(run_dir, main_task, split, output)
            for output in (predictions_lib.MAIN, predictions_lib.LABEL_TRANSFER)
        )
        try:
            by_split[split] = compare(main, label_transfer)
        except ValueError as error:
            raise ValueError(
                f"{run_dir}: task {main_task.name}, {split}: {error}"
            ) from None
    return by_split
