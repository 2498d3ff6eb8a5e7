"""Run directories as after training, made without training."""

import os

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import experiment as experiment_lib

_SETTINGS = {
    "embedding_dim": 5,
    "pictures": False,
    "hidden_size": 4,
    "batch_size": 8,
    "adversarial_weight": 0.1,
    "feature_dropout": 0.1,
    "word_dropout": 0.1,
    "max_tokens": 12,
    "progress": False,
}
SINGLE_TASK = {"sharing": "single_task", "adversarial_weight": 0.0}


def make_config(corpus: str, run_dir: str, **settings) -> config_lib.Config:
    """Makes the settings of a tiny run that uses as much as possible."""
    return config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **_SETTINGS | settings
    )


def leave_run(corpus: str, run_dir: str, **settings) -> str:
    """Makes a run whose best checkpoint holds random weights.

    It avoids the tracing of a training step, which takes long.

    Returns:
      The run directory.
    """
    config = make_config(corpus, run_dir, **settings)
    experiment = experiment_lib.Experiment(config)
    run_directory.start(config, experiment.corpus, experiment.tasks)
    random = np.random.default_rng(7)
    for part in ("model", "discriminator"):
        for variable in experiment.trainer.parts.get(part, {}).values():
            variable.assign(random.normal(scale=9, size=variable.shape))
    experiment.checkpoints.save("best", 1)
    return config.run_dir


def leave_single_task_run(
    corpus: str, run_dir: str, task_names: tuple[str, ...]
) -> str:
    """Makes a run with a model per task, as the launcher does."""
    config = make_config(corpus, run_dir, tasks=task_names, **SINGLE_TASK)
    declared = tasks_lib.Corpus.read(corpus)
    run_directory.start(config, declared, declared.select(task_names))
    for name in task_names:
        part = f"{config.run_dir}/tasks/{name}"
        leave_run(corpus, part, tasks=(name,), **SINGLE_TASK)
    return config.run_dir


def assert_same_end(run_dir: str, other_dir: str) -> None:
    """Compares the final state of two runs without times and dates."""
    results, history, variables = _read_end(str(run_dir))
    other_results, other_history, other_variables = _read_end(str(other_dir))
    assert results == other_results
    assert history == other_history
    assert variables.keys() == other_variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(
            value, other_variables[name], err_msg=name
        )


def _read_end(run_dir):
    results = run_directory.read_results(run_dir)
    history = history_lib.read_history(run_dir)
    for line in (results, *history):
        line.pop("seconds")
        line.pop("tokens_per_second")
        line.pop("dev_seconds", None)
    reader = tf.train.load_checkpoint(
        os.path.join(run_dir, "checkpoints", checkpoints.LAST)
    )
    variables = {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if not any(x in name for x in ("seconds", "history", "_CHECKPOINT"))
    }
    return results, history, variables
