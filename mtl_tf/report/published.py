"""The paper's own scores, to stand beside a run of one of its models."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from mtl_tf import config as config_lib
from mtl_tf import tasks as tasks_lib

SOURCE = (
    "Liu, Qiu & Huang: Adversarial Multi-task Learning for Text "
    "Classification, ACL 2017, Table 2"
)
_CORPUS = "fdu_mtl"
# Error rates in percent, as the table prints them.
_COLUMNS = ("BiLSTM", "FS-MTL", "SP-MTL", "ASP-MTL")
_ERRORS = {
    "books": (19.0, 17.5, 18.8, 16.0),
    "electronics": (21.5, 14.3, 15.3, 13.2),
    "dvd": (19.5, 16.5, 16.0, 14.5),
    "kitchen_housewares": (18.8, 14.0, 14.8, 13.8),
    "apparel": (14.0, 15.5, 13.5, 13.0),
    "camera_photo": (14.0, 13.5, 12.0, 10.8),
    "health_personal_care": (21.3, 12.0, 12.8, 11.8),
    "music": (22.8, 18.8, 17.0, 17.5),
    "toys_games": (15.3, 15.5, 14.8, 12.0),
    "video": (16.3, 16.3, 16.8, 15.5),
    "baby": (16.5, 12.0, 13.3, 11.8),
    "magazines": (8.5, 7.5, 8.0, 7.8),
    "software": (14.3, 13.8, 13.0, 12.8),
    "sports_outdoors": (16.0, 14.5, 12.8, 14.3),
    "imdb": (15.0, 17.5, 15.3, 14.5),
    "MR": (25.3, 25.3, 24.0, 23.3),
}


@dataclasses.dataclass(frozen=True)
class Published:
    """Scores of one of the paper's models.

    Attributes:
      model: the paper's name for it.
      encoder: what it reads texts with, in words.
      accuracy: from 0 to 1, by name of the task in this project.
    """

    model: str
    encoder: str
    accuracy: dict[str, float]

    @property
    def average(self) -> float:
        """Mean accuracy over the tasks."""
        return float(np.mean(list(self.accuracy.values())))


def find(
    config: config_lib.Config, corpus: str, tasks: Iterable[tasks_lib.Task]
) -> Published | None:
    """Scores of the paper's model that a run is; None if it is none of them.

    A model is what it shares and which losses it has. The run's encoder may be
    another than the paper's, which `encoder` names.

    Args:
      config: settings of the run.
      corpus: name of its corpus.
      tasks: its tasks.
    """
    model, names = _model(config), [task.name for task in tasks]
    if corpus != _CORPUS or not model or not set(names) <= set(_ERRORS):
        return None
    column = _COLUMNS.index(model)
    return Published(
        model,
        "the last state of "
        + ("a bidirectional LSTM" if model == "BiLSTM" else "an LSTM"),
        {task.name: (100 - _ERRORS[task.name][column]) / 100 for task in tasks},
    )


def _model(config):
    """The paper's name for the model, or nothing."""
    adversary = config.adversarial_weight > 0
    orthogonality = config.orthogonality_weight > 0
    return {
        ("single_task", False, False): "BiLSTM",
        ("fully_shared", False, False): "FS-MTL",
        ("shared_private", False, False): "SP-MTL",
        ("shared_private", True, True): "ASP-MTL",
    }.get((config.sharing, adversary, orthogonality), "")
