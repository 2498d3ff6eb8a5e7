"""Published scores of the papers' models, to compare a run with."""

import dataclasses
import functools
import importlib.resources
import tomllib
from collections.abc import Sequence

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification

_SCORES_FILE = "published_scores.toml"
_FDU_CORPUS = "fdu_mtl"
# The corpus of all pairwise tasks; each task also has a corpus by its name.
_PAIRWISE_CORPUS = "pairwise"


@dataclasses.dataclass(frozen=True)
class Published:
    """Scores of one of a paper's models.

    Attributes:
      model: name of the model in the paper.
      source: reference of the paper.
      note: a sentence on how the model differs from the run.
      scores: score by the task's metric, by name of the task; tasks that the
        paper does not have are left out.
      average: mean over the tasks; None if their metrics differ.
    """

    model: str
    source: str
    note: str
    scores: dict[str, float]
    average: float | None = None


def find(
    config: config_lib.Config, corpus: str, tasks: Sequence[tasks_lib.Task]
) -> Published | None:
    """Finds the published scores that correspond to a run.

    Args:
      config: settings of the run.
      corpus: name of the corpus.
      tasks: tasks of the run.

    Returns:
      The scores of the paper's model; None if there are none.
    """
    papers = read_papers()
    if corpus == _FDU_CORPUS:
        return _find_fdu(papers["fdu_mtl"], config, tasks)
    if corpus in (_PAIRWISE_CORPUS, *papers["pairwise"]["scores"]):
        return _find_pairwise(papers["pairwise"], config, tasks)
    return None


@functools.cache
def read_papers():
    """Reads the data file: tables by paper."""
    file = importlib.resources.files(__package__) / _SCORES_FILE
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _find_fdu(paper, config, tasks):
    """Finds the scores of the model with the run's sharing and losses.

    The run's encoder may differ from the paper's; the note names both.
    """
    model = _fdu_model(config)
    names = [task.name for task in tasks]
    if not model or not set(names) <= set(paper["error_rates"]):
        return None
    column = paper["models"].index(model)
    scores = {
        name: (100 - paper["error_rates"][name][column]) / 100 for name in names
    }
    encoder = "a bidirectional LSTM" if model == "BiLSTM" else "an LSTM"
    return Published(
        model=model,
        source=paper["source"],
        note=f"{model} uses the last state of {encoder} (this run: "
        f"{config.encoder}, pooling {config.pooling}). The paper does not "
        "specify its development rows.",
        scores=scores,
        average=float(np.mean(list(scores.values()))),
    )


def find_transfer(
    config: config_lib.Config, corpus: str, tasks: Sequence[tasks_lib.Task]
) -> dict[str, Published]:
    """Finds the published scores of a leave-one-out study.

    Args:
      config: settings of the runs on the other tasks.
      corpus: name of the corpus.
      tasks: the held-out tasks.

    Returns:
      The paper's scores by model: `single_task`, `single_channel` and
      `bi_channel`; empty if there are none.
    """
    paper = read_papers()["fdu_mtl"]["transfer"]
    source_model = _fdu_model(config)
    columns = {
        "single_task": "single-task",
        "single_channel": f"{source_model}-SC",
        "bi_channel": f"{source_model}-BC",
    }
    if (
        corpus != _FDU_CORPUS
        or not set(columns.values()) <= set(paper["models"])
        or not {task.name for task in tasks} <= set(paper["error_rates"])
    ):
        return {}
    found = {}
    for name, model in columns.items():
        column = paper["models"].index(model)
        scores = {
            task.name: (100 - paper["error_rates"][task.name][column]) / 100
            for task in tasks
        }
        found[name] = Published(
            model=model,
            source=paper["source"],
            note="The paper's single-task score is the mean of an LSTM, a "
            "bidirectional and a stacked LSTM; its transferred encoder is an "
            f"LSTM (here: {config.encoder}, pooling {config.pooling}).",
            scores=scores,
            average=float(np.mean(list(scores.values()))),
        )
    return found


def _fdu_model(config):
    """Returns the paper's name of the model; empty if it has none."""
    adversary = config.adversarial_weight > 0
    orthogonality = config.orthogonality_weight > 0
    # The scores of Table 3 belong to `leave_one_out`.
    if not config.train_shared_encoder:
        return ""
    return {
        ("single_task", False, False): "BiLSTM",
        ("fully_shared", False, False): "FS-MTL",
        ("shared_private", False, False): "SP-MTL",
        ("shared_private", True, True): "ASP-MTL",
    }.get((config.sharing, adversary, orthogonality), "")


def _find_pairwise(paper, config, tasks):
    """Finds the scores of the paper's tasks, if the metrics are the same."""
    single_task = config.sharing == "single_task"
    column = 0 if single_task else 1
    scores = {}
    for task in tasks:
        row = paper["scores"].get(task.name)
        if row and task.metric == row["metric"]:
            percent = classification.METRICS[task.metric].percent
            score = row["values"][column]
            scores[task.name] = score / 100 if percent else score
    if not scores:
        return None
    return Published(
        model=paper["models"][column],
        source=paper["source"],
        note="The paper's single-task model."
        if single_task
        else "The best of the paper's models for each task.",
        scores=scores,
    )
