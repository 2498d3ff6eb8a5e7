"""Signs of a failed training: losses and predictions."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib


def format_loss(loss: float) -> str:
    """Formats a loss in a few characters: 0.6931, 3e+31."""
    return f"{loss:.4f}" if abs(loss) < 1000 else f"{loss:.4g}"


def find(
    config: config_lib.Config,
    task: tasks_lib.Task,
    history: Sequence[Mapping],
    dev: Mapping[str, predictions_lib.SplitPredictions],
) -> list[str]:
    """Finds and logs reasons not to trust the scores of a task.

    Args:
      config: the settings of the run.
      task: the task.
      history: the lines of `history.jsonl`.
      dev: predictions for the task's dev split, by output.

    Returns:
      One warning per sign.
    """
    signs = [_check_loss(config, task, history)]
    signs += [
        _check_labels(config, task, output, predictions)
        for output, predictions in dev.items()
    ]
    warnings = [f"{task.name}: {sign}" for sign in signs if sign]
    for warning in warnings:
        logging.warning("%s", warning)
    return warnings


def check_finite(
    config: config_lib.Config, step: int, values: Mapping[str, float]
) -> None:
    """Checks that losses and other values are finite.

    Args:
      config: the settings of the run, for the message.
      step: the training step, for the message.
      values: the values by name.

    Raises:
      FloatingPointError: if a value is not finite.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{name} is {value} before step {step}. Most often the "
                f"learning rate is too high (now {config.learning_rate}), "
                "gradients need clip_norm, or orthogonality_loss=frobenius is "
                "used with a large batch."
            )


def _check_loss(config, task, history):
    """Compares the lowest dev loss with that of a uniform guess."""
    losses = [line["dev"]["tasks"][task.name]["loss"] for line in history]
    num_classes = len(task.labels)
    # The tolerance allows for rounding.
    if not losses or min(losses) <= math.log(num_classes) * (1 + 1e-6):
        return ""
    guess = math.log(num_classes)
    return (
        f"the dev loss was never below ln({num_classes}) = "
        f"{format_loss(guess)}, the loss of a guess; the lowest was "
        f"{format_loss(min(losses))}. Training diverged, or has learned "
        f"nothing: lower learning_rate (now {config.learning_rate:g}), or "
        f"limit gradients with clip_norm (now {config.clip_norm:g})"
    )


def _check_labels(config, task, output, predictions):
    """Detects a constant prediction where the true labels vary."""
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
