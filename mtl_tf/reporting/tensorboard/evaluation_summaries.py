"""What an evaluation adds to a run's TensorBoard."""

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
from mtl_tf.reporting.plots import feature_map
from mtl_tf.reporting.plots import figures
from mtl_tf.reporting.plots import label_map
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.reporting.tensorboard import projector
from mtl_tf.reporting.tensorboard import scalars
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import score_table

# End of the name of the event file, by which the next evaluation finds it.
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

    They have an event file of their own, beside that of training. Those of an
    earlier evaluation are removed.

    Args:
      config: settings of the run. Its directory has the history and the
        sample of features already, and the label vectors if it has any.
      step: step of the checkpoint.
      tasks: the tasks.
      results: what `results.json` holds.
      predictions: predictions on test of each task.
      tokens: the vocabulary.
      word_vectors: float32 [tokens, width].
    """
    log_dir = summaries.log_dir(config.run_dir)
    for path in glob.glob(os.path.join(glob.escape(log_dir), f"*{_SUFFIX}")):
        os.remove(path)
    logging.info("Writing scores and pictures for TensorBoard to %s", log_dir)
    writer = tf.summary.create_file_writer(log_dir, filename_suffix=_SUFFIX)
    with writer.as_default(step):
        _write_scores(tasks, results)
        _write_curves(config, tasks, results)
        _write_pictures(config.run_dir, tasks, predictions)
        _write_label_map(config.run_dir)
    writer.close()
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
    history = history_lib.read_history(config.run_dir)
    _image(
        "curves/by_epoch",
        figures.curves(history, results["best_epoch"]),
        "The whole run, a point an epoch.",
    )
    if transfer_curves.has_label_transfer(history):
        (main_task,) = (t for t in tasks if t.name == config.main_task)
        _image(
            "curves/label_transfer",
            transfer_curves.draw(history, main_task, results),
            "Dev scores of the main task by epoch: of the main model, and of "
            "the label transfer network, which knows a text by the answers to "
            "the other tasks.",
        )


def _write_pictures(run_dir, tasks, predictions):
    for task, predicted in zip(tasks, predictions, strict=True):
        _image(
            f"confusion/{task.name}",
            confusion.draw(
                f"{task.name}, test",
                task.labels,
                predicted.split.labels,
                predicted.predicted,
            ),
            "Which label is taken for which, with the weights of the best "
            "epoch: a row is a true label, and its cells sum to 100 %. What "
            "is right is on the diagonal. Below the shares, numbers of texts.",
        )
    with np.load(os.path.join(run_dir, results_lib.FEATURES_FILE)) as sample:
        features, kind = sample["features"], sample["kind"]
        # With less there are no two axes.
        if min(features.shape) >= 2:
            _image(
                f"features/{kind}",
                feature_map.draw(features, sample["task"], sample["label"]),
                f"A sample of test texts by their {kind} features, on the two "
                "axes of most variance. Good shared features mix the tasks "
                "and part the labels; good private ones may tell both.",
            )


def _write_label_map(run_dir):
    if not label_vectors_lib.exists(run_dir):
        return
    found = label_vectors_lib.read(run_dir)
    if found.has_plane:
        _image(
            "labels/map",
            label_map.draw(found),
            "The labels of all tasks by their vectors, on the two axes of most "
            "variance. Near each other are labels that the same texts could "
            "have.",
        )


def _image(tag: str, picture: figure.Figure, description: str) -> None:
    canvas = backend_agg.FigureCanvasAgg(picture)
    with warnings.catch_warnings():
        # An empty box for a letter that the font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    tf.summary.image(tag, pixels[np.newaxis], description=description)
