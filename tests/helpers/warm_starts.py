"""Runs that start from others, and what they should have started with."""

import os

import numpy as np
import tensorflow as tf

from mtl_tf.runs import run_directory
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import warm_start
from tests.helpers import trained_runs


def start_from(run_dir, corpus, tmp_path, *, reverse=False, **settings):
    """An experiment before training that starts from a run.

    Returns:
      The experiment; its weights by path before loading; what `load` says.
    """
    config = trained_runs.make_config(
        corpus, tmp_path / "new", init_from=run_dir, seed=1, **settings
    )
    new = experiment_lib.Experiment(config)
    start = weights_of(new)
    tasks = new.tasks[::-1] if reverse else new.tasks
    found = warm_start.load(config, tasks, new.vocabulary, new.trainer)
    return new, start, found


def weights_of(experiment):
    """Copies of the weights by path, without the state of dropout."""
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
    """A weight of the best checkpoint, without the help of the package."""
    reader = tf.train.load_checkpoint(
        os.path.join(run_dir, "checkpoints", "best")
    )
    part = "discriminator" if path.startswith("task_discr") else "model"
    name = path.replace("/", ".S")
    return reader.get_tensor(f"{part}/{name}/.ATTRIBUTES/VARIABLE_VALUE")


def assert_weights(experiment, start, run_dir, rows_by_layer):
    """Compares every weight with the checkpoint and with its own start.

    Args:
      experiment: after loading.
      start: its weights before.
      run_dir: the trained run.
      rows_by_layer: by layer, rows of the weights and those of the checkpoint
        that they have to be; all rows of a layer that is not named.
    """
    for path, value in weights_of(experiment).items():
        layer, *rest = path.split("/")
        layer = rest[0] if layer in ("encoder", "head") else layer
        if layer not in rows_by_layer:
            expected = read_weight(run_dir, path)
        else:
            expected = start[path].copy()
            rows, trained_rows = rows_by_layer[layer]
            if rows:
                expected[rows] = read_weight(run_dir, path)[trained_rows]
        np.testing.assert_array_equal(value, expected, err_msg=path)


def assert_same_predictions(experiment, run_dir, task_names):
    """Compares the answers on dev with those of a run's best checkpoint."""
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
    number = [task.name for task in experiment.tasks].index(name)
    split = experiment.splits[number]["dev"]
    return experiment.predictor.predict(split).probabilities
