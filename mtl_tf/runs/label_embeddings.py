"""`label_embedding.npz`, the vectors of the labels of all tasks."""

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
    """The vectors of a trained label embedding, one row per label.

    Attributes:
      vectors: float32 [labels, label_embedding_dim].
      tasks: str [labels], the task of each label.
      labels: str [labels].
      rows: int64 [labels], number of training rows with each label.

    Raises:
      ValueError: if the lengths differ.
    """

    vectors: np.ndarray
    tasks: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __post_init__(self):
        lengths = (len(self.tasks), len(self.labels), len(self.rows))
        if self.vectors.ndim != 2 or lengths != 3 * (len(self.vectors),):
            raise ValueError(
                f"expected vectors of shape [{lengths[1]}, label_embedding_dim]"
                f" for {lengths[1]} labels with {lengths[0]} tasks and "
                f"{lengths[2]} row counts, got {list(self.vectors.shape)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def task_names(self) -> list[str]:
        """Unique names of the tasks, in order."""
        return list(dict.fromkeys(self.tasks.tolist()))

    @property
    def has_plane(self) -> bool:
        """Returns whether the vectors span a plane to draw them on."""
        return min(self.vectors.shape) >= 2


@dataclasses.dataclass(frozen=True)
class Neighbors:
    """A label and its nearest labels of other tasks.

    Attributes:
      task: the label's task.
      label: the label.
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
      tasks: the run's tasks, in the order of the task ids.
      vectors: float32 [labels, label_embedding_dim], in the order of tasks and
        labels.
      train_labels: int [rows] by task, label indices of the training rows.

    Raises:
      ValueError: if the number of vectors is not that of the labels.
    """
    label_vectors = LabelVectors(
        np.asarray(vectors, np.float32),
        np.array([task.name for task in tasks for _ in task.labels]),
        np.array([label for task in tasks for label in task.labels]),
        np.concatenate(
            [
                np.bincount(indices, minlength=len(task.labels))
                for task, indices in zip(tasks, train_labels, strict=True)
            ]
        ),
    )
    np.savez_compressed(
        os.path.join(run_dir, LABEL_EMBEDDING_FILE),
        vectors=label_vectors.vectors,
        task=label_vectors.tasks,
        label=label_vectors.labels,
        rows=label_vectors.rows,
    )


def exists(run_dir: str) -> bool:
    """Returns whether a run has written label vectors."""
    return os.path.exists(os.path.join(run_dir, LABEL_EMBEDDING_FILE))


def read(run_dir: str) -> LabelVectors:
    """Reads `label_embedding.npz` of a run.

    Raises:
      ValueError: if the file is missing or damaged.
    """
    path = os.path.join(run_dir, LABEL_EMBEDDING_FILE)
    if not exists(run_dir):
        raise ValueError(
            f"{path} is missing: a run with output_layer=label_embedding "
            "writes it at its end, and --mode=evaluate again"
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


def nearest(label_vectors: LabelVectors, count: int = 3) -> list[Neighbors]:
    """Finds the labels of other tasks that are nearest to each label.

    Args:
      label_vectors: the labels of all tasks.
      count: maximum number of nearest labels.

    Returns:
      One entry per label, in order. The cosine of a zero vector with any other
      is 0.
    """
    vectors = label_vectors.vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.divide(
        vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0
    )
    cosines = directions @ directions.T
    tasks, labels = label_vectors.tasks, label_vectors.labels
    neighbors = []
    for row in range(len(label_vectors)):
        others = np.flatnonzero(tasks != tasks[row])
        order = np.argsort(-cosines[row, others], kind="stable")
        neighbors.append(
            Neighbors(
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
    return neighbors
