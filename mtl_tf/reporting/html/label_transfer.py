"""Scores of a label transfer network by training phase."""

import dataclasses
from collections.abc import Mapping

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib

SPLITS = ("dev", "test")


@dataclasses.dataclass(frozen=True)
class Phase:
    """Scores of the best checkpoint of a phase on the main task.

    Attributes:
      name: display name of the phase.
      best_epoch: epoch of the best checkpoint; the mean over seeds.
      main: the main model's score, by split.
      label_transfer: the label transfer network's score, by split; None in the
        base phase, which does not train it.
    """

    name: str
    best_epoch: float
    main: dict[str, float]
    label_transfer: dict[str, float | None]


def phases(results: Mapping, main_task: tasks_lib.Task) -> list[Phase]:
    """Collects the scores of the phases of a run, in order.

    Args:
      results: content of `results.json`.
      main_task: the task whose labels the label transfer network predicts.
    """
    return [
        Phase(
            name=name.replace("_", " "),
            best_epoch=phase["best_epoch"],
            main=_scores(phase, main_task, predictions_lib.MAIN),
            label_transfer=_scores(
                phase, main_task, predictions_lib.LABEL_TRANSFER
            ),
        )
        for name, phase in results["phases"].items()
    ]


def _scores(phase, task, output):
    """Returns the scores of an output by split; None without the output."""
    outputs = phase["tasks"][task.name]
    if output not in outputs:
        return dict.fromkeys(SPLITS)
    return {split: outputs[output][split][task.metric] for split in SPLITS}
