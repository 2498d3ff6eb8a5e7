"""`label_embedding.npz`: the vectors of all tasks' labels in one space."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checksum_file

LABEL_EMBEDDING_FILE = "label_embedding.npz"
_COLUMNS = ("vectors", "task", "label", "rows")


@dataclasses.dataclass(frozen=True)
class LabelVectors:
    """What a label embedding has learnt, one row a label.

    Attributes:
      vectors: float32 [labels, width].
      tasks: str [labels], the task that each label is of.
      labels: str [labels].
      rows: int64 [labels], training rows that have each label.

    Raises:
      ValueError: if there are not as many of each.
    """

    vectors: np.ndarray
    tasks: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __post_init__(self):
        counts = (len(self.tasks), len(self.labels), len(self.rows))
        if self.vectors.ndim != 2 or counts != 3 * (len(self.vectors),):
            raise ValueError(
                f"{counts[1]} labels of {counts[0]} tasks (one for each label) "
                f"with {counts[2]} numbers of rows need vectors of shape "
                f"[{counts[1]}, width], got {list(self.vectors.shape)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks, each once, in order."""
        return list(dict.fromkeys(self.tasks.tolist()))

    @property
    def has_plane(self) -> bool:
        """Whether there are two axes to draw the vectors on."""
        return min(self.vectors.shape) >= 2


@dataclasses.dataclass(frozen=True)
class Neighbours:
    """A label, and what is near it.

    Attributes:
      task: the task that it is of.
      label: its name.
      nearest: (task, label, cosine similarity) of labels of other tasks, the
        nearest first.
    """

    task: str
    label: str
    nearest: list[tuple[str, str, float]]


def write(
    run_dir: str,
    tasks: Sequence[tasks_lib.Task],
    vectors: np.ndarray,
    train_labels: Sequence[np.ndarray],
) -> None:
    """Writes `label_embedding.npz` of a run.

    Args:
      run_dir: directory of the run.
      tasks: its tasks, in the order of their numbers.
      vectors: float32 [labels, width], in the order of tasks and labels.
      train_labels: int [rows] by task, indices of the labels of training rows.

    Raises:
      ValueError: if the tasks have another number of labels.
    """
    found = LabelVectors(
        np.asarray(vectors, np.float32),
        np.array([task.name for task in tasks for _ in task.labels]),
        np.array([label for task in tasks for label in task.labels]),
        np.concatenate(
            [
                np.bincount(of_rows, minlength=len(task.labels))
                for task, of_rows in zip(tasks, train_labels, strict=True)
            ]
        ),
    )
    np.savez_compressed(
        os.path.join(run_dir, LABEL_EMBEDDING_FILE),
        vectors=found.vectors,
        task=found.tasks,
        label=found.labels,
        rows=found.rows,
    )


def exists(run_dir: str) -> bool:
    """Whether a run has left label vectors."""
    return os.path.exists(os.path.join(run_dir, LABEL_EMBEDDING_FILE))


def read(run_dir: str) -> LabelVectors:
    """Reads `label_embedding.npz` of a run.

    Raises:
      ValueError: if it is not there, or not as `write` makes it.
    """
    path = os.path.join(run_dir, LABEL_EMBEDDING_FILE)
    if not exists(run_dir):
        raise ValueError(
            f"{path} is missing: a run with output_layer=label_embedding "
            "writes it when it has ended, and --mode=evaluate again"
        )
    checksum_file.check(run_dir, LABEL_EMBEDDING_FILE)
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in _COLUMNS if name not in file]
        if missing:
            raise ValueError(
                f"{path}: {', '.join(missing)} is missing: --mode=evaluate "
                "writes the file again"
            )
        columns = [file[name] for name in _COLUMNS]
    try:
        return LabelVectors(*columns)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def nearest(label_vectors: LabelVectors, count: int = 3) -> list[Neighbours]:
    """The labels of other tasks that are nearest to each label.

    Args:
      label_vectors: the labels of all tasks.
      count: how many of each, at most; none of a task that is alone.

    Returns:
      Each label, in order. The cosine of a vector of zeros with any other is
      0: it has no direction.
    """
    vectors = label_vectors.vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    hidden_size = np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0
    )
    cosines = hidden_size @ hidden_size.T
    tasks, labels = label_vectors.tasks, label_vectors.labels
    found = []
    for row in range(len(label_vectors)):
        others = np.flatnonzero(tasks != tasks[row])
        order = np.argsort(-cosines[row, others], kind="stable")
        found.append(
            Neighbours(
                str(tasks[row]),
                str(labels[row]),
                [
                    (
                        str(tasks[other]),
                        str(labels[other]),
                        float(cosines[row, other]),
                    )
                    for other in others[order][:count]
                ],
            )
        )
    return found
