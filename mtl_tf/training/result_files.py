"""The files of a run's results, and those that are derived from them."""

import os
from collections.abc import Mapping, Sequence

import keras
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.reporting.plots import curves
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.reporting.tensorboard import evaluation_summaries
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import results
from mtl_tf.runs import run_directory


def write(
    config: config_lib.Config,
    step: int,
    tasks: Sequence[tasks_lib.Task],
    splits: Sequence[Mapping[str, input_pipeline.Split]],
    vocabulary: vocabulary_lib.Vocabulary,
    model: keras.Model,
    scores: dict,
    on_test: Sequence[predictions_lib.SplitPredictions],
) -> None:
    """Writes results, and files derived from them and the predictions.

    Args:
      config: settings of the run.
      step: step of the best checkpoint.
      tasks: tasks of the run.
      splits: splits by name, one dict per task.
      vocabulary: vocabulary of the run.
      model: the model, with the weights of the best checkpoint.
      scores: the content of `results.json`.
      on_test: predictions of the main model for test, one per task.
    """
    log(config, "features of test texts", results.FEATURES_FILE)
    results.write_features(config.run_dir, tasks, on_test, config.seed)
    if config.output_layer == "label_embedding":
        log(config, "label vectors", label_embeddings.LABEL_EMBEDDING_FILE)
        label_embeddings.write(
            config.run_dir,
            tasks,
            model.get_layer("head").output_layer.label_vectors().numpy(),
            [by_name["train"].labels for by_name in splits],
        )
    log(config, "scores", run_directory.RESULTS_FILE)
    results.write(config.run_dir, scores)
    if config.pictures:
        _draw_curves(config)
    evaluation_summaries.write(
        config,
        step,
        tasks,
        scores,
        on_test,
        vocabulary.tokens,
        model.get_layer("word_embedding").table.numpy(),
    )


def log(config: config_lib.Config, content: str, path: str) -> None:
    """Logs the file that is written: with much data it takes a while.

    Args:
      config: settings of the run.
      content: what the file holds.
      path: its path in the run directory.
    """
    logging.info(
        "Writing %s to %s", content, os.path.join(config.run_dir, path)
    )


def _draw_curves(config):
    """Draws the curves of the run into files."""
    log(config, "curves by epoch", curves.CURVES_FILE)
    curves.write(config.run_dir)
    if config.label_transfer != "none":
        log(
            config,
            "curves of label transfer",
            transfer_curves.TRANSFER_CURVES_FILE,
        )
        transfer_curves.write(config.run_dir)
