"""What a model says of texts, and how good that is."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model says of texts.

    Attributes:
      task: the task that was asked about.
      probabilities: float32 [texts, labels of the task], in their order.
    """

    task: tasks_lib.Task
    probabilities: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The most probable label of each text."""
        best = self.probabilities.argmax(axis=1)
        return [self.task.labels[label] for label in best]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __iter__(self) -> Iterator[dict]:
        """Of each text: `task`, `predicted`, `probabilities` by label."""
        for label, row in zip(self.labels, self.probabilities, strict=True):
            yield {
                "task": self.task.name,
                "predicted": label,
                "probabilities": {
                    name: float(f"{probability:.6g}")
                    for name, probability in zip(
                        self.task.labels, row, strict=True
                    )
                },
            }


def score(
    answers: Answers, gold: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
    """The task's metrics, `loss` (mean cross-entropy, nats), and `n`.

    Args:
      answers: what the model says.
      gold: int [texts], indices of the true labels.
      groups: str [texts], empty where a text has no topic.

    Raises:
      ValueError: if there are no texts, or no groups where the task's metric
        needs them.
    """
    task = answers.task
    predicted = answers.probabilities.argmax(axis=1)
    scores = classification.compute(
        task.metric, task.labels, gold, predicted, groups
    )
    right = answers.probabilities[np.arange(len(gold)), gold]
    smallest = np.finfo(np.float32).tiny
    loss = -np.log(np.maximum(right, smallest, dtype=np.float64)).mean()
    return {**scores, "loss": float(loss), "n": len(gold)}
