"""The papers' own scores, to stand beside a run of one of their models."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification

_FDU_SOURCE = (
    "Liu, Qiu & Huang: Adversarial Multi-task Learning for Text "
    "Classification, ACL 2017, Table 2"
)
_FDU_CORPUS = "fdu_mtl"
# Error rates in percent, as the table prints them.
_FDU_MODELS = ("BiLSTM", "FS-MTL", "SP-MTL", "ASP-MTL")
_FDU_ERRORS = {
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
_PAIRWISE_SOURCE = (
    "Augenstein, Ruder & Søgaard: Multi-task Learning of Pairwise Sequence "
    "Classification Tasks Over Disparate Label Spaces, NAACL 2018"
)
_ALL_PAIRWISE = "pairwise"
# Metric, and scores as the paper prints them: of its single-task model, and
# of the best of its models. All are in percent but topic5's.
_PAIRWISE = {
    "stance": ("favor_against_f1", 41.1, 46.26),
    "fnc1": ("accuracy", 72.72, 72.76),
    "multinli": ("accuracy", 49.25, 49.94),
    "topic2": ("macro_recall_by_topic", 63.92, 80.74),
    "topic5": ("macro_mae_by_topic", 0.919, 0.803),
    "absa_laptops": ("accuracy", 76.74, 75.66),
    "absa_restaurants": ("accuracy", 67.47, 83.71),
    "target": ("macro_f1", 64.01, 66.42),
}


@dataclasses.dataclass(frozen=True)
class Published:
    """Scores of one of a paper's models.

    Attributes:
      model: the paper's name for it.
      source: the paper.
      note: what has to be known of it, in a clause.
      scores: by name of the task in this project, by the task's metric. Not
        every task of a run need have one.
      average: mean over the tasks; None where the paper has none.
    """

    model: str
    source: str
    note: str
    scores: dict[str, float]
    average: float | None = None


def find(
    config: config_lib.Config, corpus: str, tasks: Sequence[tasks_lib.Task]
) -> Published | None:
    """Scores of a paper's model to stand beside a run; None if there are none.

    Args:
      config: settings of the run.
      corpus: name of its corpus.
      tasks: its tasks.
    """
    if corpus == _FDU_CORPUS:
        return _find_fdu(config, [task.name for task in tasks])
    if corpus in (_ALL_PAIRWISE, *_PAIRWISE):
        return _find_pairwise(config, tasks)
    return None


def _find_fdu(config, names):
    """Scores of the model that a run is: what it shares, and its losses.

    The run's encoder may be another than the paper's, which the note names.
    """
    model = _fdu_model(config)
    if not model or not set(names) <= set(_FDU_ERRORS):
        return None
    column = _FDU_MODELS.index(model)
    read = "a bidirectional LSTM" if model == "BiLSTM" else "an LSTM"
    scores = {name: (100 - _FDU_ERRORS[name][column]) / 100 for name in names}
    return Published(
        model,
        _FDU_SOURCE,
        f"where {model} has the last state of {read} (this run: "
        f"{config.encoder}, pooling {config.pooling}); which rows were its "
        "development data is not known",
        scores,
        float(np.mean(list(scores.values()))),
    )


def _fdu_model(config):
    """The paper's name for the model, or nothing."""
    adversary = config.adversarial_weight > 0
    orthogonality = config.orthogonality_weight > 0
    return {
        ("single_task", False, False): "BiLSTM",
        ("fully_shared", False, False): "FS-MTL",
        ("shared_private", False, False): "SP-MTL",
        ("shared_private", True, True): "ASP-MTL",
    }.get((config.sharing, adversary, orthogonality), "")


def _find_pairwise(config, tasks):
    """Scores of the tasks that are the paper's; they say by which metric."""
    single = config.sharing == "single_task"
    scores = {}
    for task in tasks:
        metric, alone, best = _PAIRWISE.get(task.name, ("", 0, 0))
        if task.metric == metric:
            score = alone if single else best
            percent = classification.METRICS[metric].percent
            scores[task.name] = score / 100 if percent else score
    if not scores:
        return None
    return Published(
        "STL" if single else "best of the paper's models",
        _PAIRWISE_SOURCE,
        "whose single-task model this is"
        if single
        else "the best of whose models this is, another one from task to task",
        scores,
    )
