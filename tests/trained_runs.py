"""Run directories as training leaves them, in a moment."""

import numpy as np

from mtl_tf import config as config_lib
from mtl_tf import experiment as experiment_lib
from mtl_tf import run_directory
from mtl_tf import tasks as tasks_lib

_SETTINGS = {
    "word_width": 5,
    "units": 4,
    "batch_size": 8,
    "adversarial_weight": 0.1,
    "feature_dropout": 0.1,
    "word_dropout": 0.1,
    "max_tokens": 12,
    "progress": False,
}
SINGLE_TASK = {"sharing": "single_task", "adversarial_weight": 0.0}


def make_config(corpus: str, run_dir: str, **settings) -> config_lib.Config:
    """Settings of a tiny run, in which as much as can be is on."""
    return config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **_SETTINGS | settings
    )


def leave_run(corpus: str, run_dir: str, **settings) -> str:
    """Leaves a run whose best checkpoint holds random numbers.

    Tracing a training step is what takes time.

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
    """Leaves a run of a model for each task, as the launcher does."""
    config = make_config(corpus, run_dir, tasks=task_names, **SINGLE_TASK)
    declared = tasks_lib.Corpus.read(corpus)
    run_directory.start(config, declared, declared.select(task_names))
    for name in task_names:
        part = f"{config.run_dir}/tasks/{name}"
        leave_run(corpus, part, tasks=(name,), **SINGLE_TASK)
    return config.run_dir
