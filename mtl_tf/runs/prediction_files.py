"""`predictions/TASK-SPLIT.jsonl`, a run's predictions, one line per example.

Those of a label transfer network are in `TASK-SPLIT-label_transfer.jsonl`.
"""

import dataclasses
import json
import os

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.runs import checksum_file
from mtl_tf.utils import display_names as names_lib

_COUNTS = ("tokens", "unknown", "cut")


@dataclasses.dataclass(frozen=True)
class SavedPredictions:
    """Predictions read from a file.

    Attributes:
      ids: str [rows].
      groups: str [rows], empty for rows without a group.
      gold: int64 [rows], indices of the true labels.
      predicted: int64 [rows], indices of the predicted labels.
      probabilities: float64 [rows, num_classes].
      duplicate: bool [rows], whether the task's train split has the same text.
      counts: int64 [rows] by name: `tokens` of the encoder's input, `unknown`
        words among them, and `cut` tokens.
    """

    ids: np.ndarray
    groups: np.ndarray
    gold: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    duplicate: np.ndarray
    counts: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def correct(self) -> np.ndarray:
        """Correctness of each prediction, bool [rows]."""
        return self.predicted == self.gold

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the predicted labels, float64 [rows]."""
        return self.probabilities[np.arange(len(self)), self.predicted]

    def take(self, rows: np.ndarray) -> "SavedPredictions":
        """Returns the predictions for some rows, given by index or mask."""
        return SavedPredictions(
            self.ids[rows],
            self.groups[rows],
            self.gold[rows],
            self.predicted[rows],
            self.probabilities[rows],
            self.duplicate[rows],
            {name: values[rows] for name, values in self.counts.items()},
        )


def path_of(
    run_dir: str, task: str, split: str, output: str = predictions_lib.MAIN
) -> str:
    """Returns the path of the predictions of an output for a split."""
    suffix = "" if output == predictions_lib.MAIN else f"-{output}"
    name = f"{task}-{split}{suffix}.jsonl"
    return os.path.join(run_dir, "predictions", name)


def write(
    run_dir: str,
    task: tasks_lib.Task,
    split: str,
    predictions: predictions_lib.SplitPredictions,
    output: str = predictions_lib.MAIN,
) -> None:
    """Writes the predictions of an output for a split of a task."""
    path = path_of(run_dir, task.name, split, output)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for row, (key, group, gold, predicted) in enumerate(
            zip(
                predictions.split.ids,
                predictions.split.groups,
                predictions.split.labels,
                predictions.predicted,
                strict=True,
            )
        ):
            line = {
                "id": key.decode("utf-8"),
                "task": task.name,
                "group": group.decode("utf-8"),
                "gold": task.labels[gold],
                "predicted": task.labels[predicted],
                "probabilities": {
                    # Significant digits: small ones have a logarithm too.
                    label: float(f"{probability:.6g}")
                    for label, probability in zip(
                        task.labels,
                        predictions.probabilities[row],
                        strict=True,
                    )
                },
                "duplicate": bool(predictions.split.duplicate[row]),
                "tokens": int(predictions.split.lengths[row]),
                "unknown": int(predictions.split.unknown[row]),
                "cut": int(predictions.split.truncated[row]),
            }
            # Invisible and line-breaking characters are escaped.
            text = names_lib.visible(json.dumps(line, ensure_ascii=False))
            file.write(text + "\n")


def read(
    run_dir: str,
    task: tasks_lib.Task,
    split: str,
    output: str = predictions_lib.MAIN,
) -> SavedPredictions:
    """Reads the predictions of an output for a split of a task.

    Raises:
      ValueError: if the file is missing or empty, or a line is damaged; the
        message has file and line.
    """
    path = path_of(run_dir, task.name, split, output)
    if not os.path.exists(path):
        raise ValueError(
            f"{path} is missing: a run writes it at its end, and "
            "--mode=evaluate again"
        )
    checksum_file.check(run_dir, os.path.relpath(path, run_dir))
    ids, groups, gold, predicted, probabilities = [], [], [], [], []
    duplicate, counts = [], []
    with open(path, encoding="utf-8") as file:
        for line_number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                ids.append(line["id"])
                groups.append(line["group"])
                gold.append(task.label_index(line["gold"]))
                predicted.append(task.label_index(line["predicted"]))
                by_label = line["probabilities"]
                probabilities.append([float(by_label[x]) for x in task.labels])
                duplicate.append(bool(line["duplicate"]))
                counts.append([int(line[name]) for name in _COUNTS])
            except KeyError as error:
                raise ValueError(
                    f"{path}:{line_number}: {error} is missing"
                ) from None
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}:{line_number}: {error}") from None
    if not ids:
        raise ValueError(f"{path} has no predictions")
    return SavedPredictions(
        np.array(ids),
        np.array(groups),
        np.array(gold),
        np.array(predicted),
        np.array(probabilities, np.float64),
        np.array(duplicate, bool),
        dict(zip(_COUNTS, np.array(counts, np.int64).T, strict=True)),
    )
