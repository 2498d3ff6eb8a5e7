"""`predictions/TASK-SPLIT.jsonl`: a run's answers, one line an example.

Those of a label transfer network are `predictions/TASK-SPLIT-label_transfer`.
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
    """A file of predictions.

    Attributes:
      ids: str [rows].
      groups: str [rows], empty where a row has none.
      gold: int64 [rows], indices of the true labels.
      predicted: int64 [rows], indices of the predicted labels.
      probabilities: float64 [rows, labels].
      counts: int64 [rows] by name: `tokens` that the encoder read, `unknown`
        words among them, `cut` tokens.
    """

    ids: np.ndarray
    groups: np.ndarray
    gold: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    counts: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def correct(self) -> np.ndarray:
        """Bool [rows]: where the predicted label is the true one."""
        return self.predicted == self.gold

    @property
    def confidence(self) -> np.ndarray:
        """float64 [rows]: probability of the predicted label."""
        return self.probabilities[np.arange(len(self)), self.predicted]

    def take(self, rows: np.ndarray) -> "SavedPredictions":
        """Some rows, by index."""
        return SavedPredictions(
            self.ids[rows],
            self.groups[rows],
            self.gold[rows],
            self.predicted[rows],
            self.probabilities[rows],
            {name: values[rows] for name, values in self.counts.items()},
        )


def path_of(
    run_dir: str, task: str, split: str, output: str = predictions_lib.MAIN
) -> str:
    """Where the predictions of an output for a split of a task are."""
    of_output = "" if output == predictions_lib.MAIN else f"-{output}"
    name = f"{task}-{split}{of_output}.jsonl"
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
            # Any reader sees one line, and no character that hides others.
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
      ValueError: if there are none, or a line is not as `write` makes it, with
        file and line.
    """
    path = path_of(run_dir, task.name, split, output)
    if not os.path.exists(path):
        raise ValueError(
            f"{path} is missing: a run writes it when it has ended, and "
            "--mode=evaluate again"
        )
    checksum_file.check(run_dir, os.path.relpath(path, run_dir))
    ids, groups, gold, predicted, probabilities = [], [], [], [], []
    counts = []
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                ids.append(line["id"])
                groups.append(line["group"])
                gold.append(task.label_index(line["gold"]))
                predicted.append(task.label_index(line["predicted"]))
                by_label = line["probabilities"]
                probabilities.append([float(by_label[x]) for x in task.labels])
                counts.append([int(line[name]) for name in _COUNTS])
            except KeyError as error:
                raise ValueError(
                    f"{path}:{number}: {error} is missing"
                ) from None
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}:{number}: {error}") from None
    if not ids:
        raise ValueError(f"{path} has no predictions")
    return SavedPredictions(
        np.array(ids),
        np.array(groups),
        np.array(gold),
        np.array(predicted),
        np.array(probabilities, np.float64),
        dict(zip(_COUNTS, np.array(counts, np.int64).T, strict=True)),
    )
