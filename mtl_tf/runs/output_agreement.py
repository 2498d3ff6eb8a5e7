"""Who is right: the main model, the label transfer network, both or none.

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
    """Shares of the main task's examples, by which outputs have them right.

    Attributes:
      both: right by the main model and the label transfer network.
      main_alone: by the main model only.
      label_transfer_alone: by the label transfer network only.
      neither: by none of them.
      n: number of examples.
      mcnemar: exact two-sided p-value of the difference of those that one
        alone has right.
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
    """Compares the two outputs on the rows of a split.

    Raises:
      ValueError: if they are of other rows.
    """
    if not np.array_equal(main.ids, label_transfer.ids):
        raise ValueError(
            "the main model and the label transfer network predict other rows "
            f"({len(main)} and {len(label_transfer)}): --mode=evaluate writes "
            "both again"
        )
    first, second = main.correct, label_transfer.correct
    main_alone, label_transfer_alone, p = significance.mcnemar(first, second)
    n = len(main)
    return Agreement(
        both=float((first & second).mean()),
        main_alone=main_alone / n,
        label_transfer_alone=label_transfer_alone / n,
        neither=float((~first & ~second).mean()),
        n=n,
        mcnemar=p,
    )


def read(run_dir: str, main_task: tasks_lib.Task) -> dict[str, Agreement]:
    """Reads the predictions of a run, and compares its outputs by split.

    Args:
      run_dir: directory of a run with a label transfer network.
      main_task: the task whose labels that predicts.

    Raises:
      ValueError: if predictions are missing or broken, or of other rows.
    """
    found = {}
    for split in SPLITS:
        main, label_transfer = (
            prediction_files.read(run_dir, main_task, split, output)
            for output in (predictions_lib.MAIN, predictions_lib.LABEL_TRANSFER)
        )
        try:
            found[split] = compare(main, label_transfer)
        except ValueError as error:
            raise ValueError(
                f"{run_dir}: task {main_task.name}, {split}: {error}"
            ) from None
    return found
