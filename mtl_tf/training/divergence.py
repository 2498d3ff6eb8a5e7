"""Signs that training went wrong although every loss was a finite number."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib


def show_loss(loss: float) -> str:
    """Returns a loss as text of a few characters: 0.6931, 3e+31."""
    return f"{loss:.4f}" if abs(loss) < 1000 else f"{loss:.4g}"


def find(
    config: config_lib.Config,
    task: tasks_lib.Task,
    history: Sequence[Mapping],
    dev: Mapping[str, predictions_lib.SplitPredictions],
) -> list[str]:
    """Logs and returns what to know before a task's scores are trusted.

    Args:
      config: the settings of the run.
      task: the task.
      history: the lines of `history.jsonl`.
      dev: predictions for its dev split, by output.

    Returns:
      A line for each sign; none if all is well.
    """
    signs = [_loss(config, task, history)]
    signs += [_one_label(config, task, *output) for output in dev.items()]
    warnings = [f"{task.name}: {sign}" for sign in signs if sign]
    for warning in warnings:
        logging.warning("%s", warning)
    return warnings


def _loss(config, task, history):
    """Compares the lowest dev loss with that of a guess."""
    losses = [line["dev"]["tasks"][task.name]["loss"] for line in history]
    labels = len(task.labels)
    # Of a guess, 0.693147: not what a rounding makes of it.
    if not losses or min(losses) <= math.log(labels) * (1 + 1e-6):
        return ""
    return (
        f"the dev loss was never below ln({labels}) = "
        f"{show_loss(math.log(labels))}, the loss of a guess; the lowest was "
        f"{show_loss(min(losses))}. Training diverged, or has learned nothing: "
        f"lower learning_rate (now {config.learning_rate:g}), or limit "
        f"gradients with clip_norm (now {config.clip_norm:g})"
    )


def _one_label(config, task, output, predictions):
    """Finds predictions that are all the same, where the labels are not."""
    predicted = np.unique(predictions.predicted)
    if len(predicted) > 1 or len(np.unique(predictions.split.labels)) == 1:
        return ""
    name = "" if output == predictions_lib.MAIN else f" ({output})"
    return (
        f"all {len(predictions.split)} dev rows are predicted{name} to be "
        f"{task.labels[predicted[0]]!r}. Train for longer (epochs, patience), "
        f"change learning_rate (now {config.learning_rate:g}), or, where this "
        "label is the most frequent one, set class_weights=balanced (now "
        f"{config.class_weights})"
    )
