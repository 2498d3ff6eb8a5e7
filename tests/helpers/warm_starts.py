"""Runs that start from other runs, and their expected initial weights."""

import os

import numpy as np
import tensorflow as tf

from mtl_tf.runs import run_directory
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import warm_start
from tests.helpers import trained_runs


def start_from(run_dir, corpus, tmp_path, *, reverse=False, **settings):
    """Makes an experiment that starts from a run.

    Returns:
      The untrained experiment; its weights by path before loading; the summary
      of `warm_start.load`.
    """
    config = trained_runs.make_config(
        corpus, tmp_path / "new", init_from=run_dir, seed=1, **settings
    )
    new = experiment_lib.Experiment(config)
    start = weights_of(new)
    tasks = new.tasks[::-1] if reverse else new.tasks
    summary = warm_start.load(config, tasks, new.vocabulary, new.trainer)
    return new, start, summary


def weights_of(experiment):
    """Copies the weights by path, without the state of dropout."""
    adversary = experiment.trainer.adversary
    layers = [experiment.model, adversary and adversary.discriminator]
    return {
        variable.path: variable.numpy().copy()
        for layer in layers
        if layer is not None
        for variable in layer.variables
        if "seed" not in variable.path
    }


def read_weight(run_dir, path):
    """Reads a weight of the best checkpoint with TensorFlow only."""
    reader = tf.train.load_checkpoint(
        os.path.join(run_dir, "checkpoints", "best")
    )
    part = "discriminator" if path.startswith("task_discr") else "model"
    name = path.replace("/", ".S")
    return reader.get_tensor(f"{part}/{name}/.ATTRIBUTES/VARIABLE_VALUE")


def assert_weights(experiment, start, run_dir, rows_by_layer):
    """Compares every weight with the checkpoint and its initial value.

    Args:
      experiment: the experiment after loading.
      start: the weights before loading.
      run_dir: directory of the trained run.
      rows_by_layer: by layer, the loaded rows of the weights, and their rows in
        the checkpoint; by default all rows.
    """
    for path, value in weights_of(experiment).items():
        layer, *sublayers = path.split("/")
        layer = sublayers[0] if layer in ("encoder", "head") else layer
        if layer not in rows_by_layer:
            expected = read_weight(run_dir, path)
        else:
            expected = start[path].copy()
            rows, trained_rows = rows_by_layer[layer]
            if rows:
                expected[rows] = read_weight(run_dir, path)[trained_rows]
        np.testing.assert_array_equal(value, expected, err_msg=path)


def assert_same_predictions(experiment, run_dir, task_names):
    """Compares predictions on dev with those of a run's best checkpoint."""
    config = run_directory.Run.read(run_dir).config
    trained = experiment_lib.Experiment(config)
    trained.checkpoints.restore("best")
    for name in task_names:
        np.testing.assert_allclose(
            *(_predict(which, name) for which in (experiment, trained)),
            rtol=0,
            atol=1e-6,
        )


def _predict(experiment, name):
    task_id = [task.name for task in experiment.tasks].index(name)
    split = experiment.splits[task_id]["dev"]
    return experiment.predictor.predict(split).probabilities
