"""TensorBoard summaries of an evaluation."""

import glob
import os
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging
from matplotlib import figure
from matplotlib.backends import backend_agg

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.reporting.plots import confusion
from mtl_tf.reporting.plots import curves
from mtl_tf.reporting.plots import feature_map
from mtl_tf.reporting.plots import label_map
from mtl_tf.reporting.plots import task_matrix
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.reporting.tensorboard import projector
from mtl_tf.reporting.tensorboard import scalars
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import affinity_file
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table

# Suffix of the event file, by which the next evaluation replaces it.
_SUFFIX = ".evaluation"


def write(
    config: config_lib.Config,
    step: int,
    tasks: Sequence[tasks_lib.Task],
    results: Mapping,
    predictions: Sequence[predictions_lib.SplitPredictions],
    tokens: Sequence[str],
    word_vectors: np.ndarray,
) -> None:
    """Writes scores, pictures and the projector of the best checkpoint.

    With `pictures=False` in the settings, it only writes scores.

    They are in a separate event file, which replaces that of an earlier
    evaluation.

    Args:
      config: settings of the run. Its directory must already have the history,
        the sample of features and, if the model has them, label embeddings.
      step: step of the checkpoint.
      tasks: the tasks.
      results: content of `results.json`.
      predictions: predictions on test by task.
      tokens: the vocabulary.
      word_vectors: float32 [tokens, embedding_dim].
    """
    log_dir = summaries.log_dir(config.run_dir)
    for path in glob.glob(os.path.join(glob.escape(log_dir), f"*{_SUFFIX}")):
        os.remove(path)
    content = "scores and pictures" if config.pictures else "scores"
    logging.info("Writing %s for TensorBoard to %s", content, log_dir)
    writer = tf.summary.create_file_writer(log_dir, filename_suffix=_SUFFIX)
    with writer.as_default(step):
        _write_scores(tasks, results)
        if config.pictures:
            _write_curves(config, tasks, results)
            _write_pictures(config.run_dir, tasks, predictions)
            _write_label_map(config.run_dir)
            if config.affinity_every:
                _write_affinity(config.run_dir)
    writer.close()
    if not config.pictures:
        return
    logging.info("Writing points for TensorBoard's projector to %s", log_dir)
    projector.write(
        log_dir,
        config.run_dir,
        config.data_dir,
        tasks,
        tokens,
        word_vectors,
    )


def _write_scores(tasks, results):
    """Writes averages as scalars, and the table of scores as text."""
    average = results["average"][results_lib.MAIN][results_lib.TEST]
    for metric, value in average.items():
        scalars.write(f"test/{metric}", value)
    tf.summary.text(
        "run/test_scores",
        f"{score_table.caption(tasks)}, with the weights of epoch "
        f"{results['best_epoch']}.\n\n"
        + score_table.markdown_table(results, tasks, "this run")
        + f"\n\n{score_table.deduplication_note(tasks, results)}".rstrip(),
    )


def _write_curves(config, tasks, results):
    """Writes pictures of curves by epoch."""
    history = history_lib.read_history(config.run_dir)
    _image(
        "curves/by_epoch",
        curves.draw(history, results["best_epoch"]),
        "The whole run, with one point per epoch.",
    )
    if transfer_curves.has_label_transfer(history):
        (main_task,) = (x for x in tasks if x.name == config.main_task)
        _image(
            "curves/label_transfer",
            transfer_curves.draw(history, main_task, results),
            "Dev scores of the main task by epoch: those of the main model, "
            "and those of the label transfer network, whose input is the "
            "predictions for the other tasks.",
        )


def _write_pictures(run_dir, tasks, predictions):
    """Writes the confusion matrices and the map of features."""
    for task, of_task in zip(tasks, predictions, strict=True):
        _image(
            f"confusion/{task.name}",
            confusion.draw(
                f"{task.name}, test",
                task.labels,
                of_task.split.labels,
                of_task.predicted,
            ),
            "Confusion matrix with the weights of the best epoch. The shares "
            "in a row, which is a true label, sum to 100 %. Correct "
            "predictions are on the diagonal. Below the shares are the "
            "numbers of texts.",
        )
    with np.load(os.path.join(run_dir, results_lib.FEATURES_FILE)) as sample:
        features, kind = sample["features"], sample["kind"]
        # Fewer texts or features do not span two axes.
        if min(features.shape) >= 2:
            _image(
                f"features/{kind}",
                feature_map.draw(
                    features,
                    {"by task": sample["task"], "by label": sample["label"]},
                ),
                f"The {kind} features of a sample of test texts on their two "
                "principal axes. Good shared features separate labels but "
                "not tasks; good private features may separate both.",
            )


def _write_label_map(run_dir):
    """Writes the map of labels, if the run has label embeddings."""
    if not label_vectors_lib.exists(run_dir):
        return
    label_vectors = label_vectors_lib.read(run_dir)
    if label_vectors.has_plane:
        _image(
            "labels/map",
            label_map.draw(label_vectors),
            "Label embeddings of all tasks on their two principal axes. "
            "Labels that apply to the same texts are close to each other.",
        )


def _write_affinity(run_dir):
    """Writes the inter-task affinities."""
    affinity = affinity_file.read(run_directory.Run.read(run_dir))
    _image(
        "tasks/affinity",
        task_matrix.draw_affinity(affinity.matrix, affinity.tasks),
        "Relative decrease of the loss of the main task after an update of "
        "the shared weights with the loss of the auxiliary task, mean over "
        "training. Positive: the auxiliary task helps.",
    )


def _image(tag: str, picture: figure.Figure, description: str) -> None:
    """Writes a figure as an image."""
    canvas = backend_agg.FigureCanvasAgg(picture)
    with warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    tf.summary.image(tag, pixels[np.newaxis], description=description)
