"""What a page says of a label transfer network: scores by phase."""

import dataclasses
from collections.abc import Mapping

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib

SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Phase:
    """Scores of the best checkpoint of a phase on the main task.

    Attributes:
      name: its name, in words.
      best_epoch: epoch of that checkpoint; over seeds, a mean.
      main: the main model's score, by split.
      label_transfer: the label transfer network's score, by split; None before
        there is one.
    """

    name: str
    best_epoch: float
    main: dict[str, float]
    label_transfer: dict[str, float | None]


def phases(results: Mapping, main_task: tasks_lib.Task) -> list[Phase]:
    """The phases of a run, in order.

    Args:
      results: what `results.json` says.
      main_task: the task whose labels the label transfer network predicts.
    """
    found = []
    for name, phase in results["phases"].items():
        outputs = phase["tasks"][main_task.name]
        main, label_transfer = (
            {
                split: outputs[output][split][main_task.metric]
                if output in outputs
                else None
                for split in SPLITS
            }
            for output in (predictions_lib.MAIN, predictions_lib.LABEL_TRANSFER)
        )
        found.append(
            Phase(
                name.replace("_", " "),
                phase["best_epoch"],
                main,
                label_transfer,
            )
        )
    return found
