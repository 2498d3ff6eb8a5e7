"""Pseudo-labels help a main task with few labels.

The corpus is `corpora.synthetic` with 5 % of the main task's labels, and 30 %
of all labels drawn at random: with so few labels, further training memorizes
the noise. There are pseudo-labels for many more texts.
"""

import pathlib

import numpy as np
import pytest

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.training import experiment as experiment_lib
from tests.helpers import command_line
from tests.helpers import trainers

pytestmark = pytest.mark.slow

_PRESET = pathlib.Path(__file__).parents[3] / "configs/synthetic_semi.flags"
_SEEDS = range(3)
# Steps of phase base, of phase label_transfer, and with or without
# pseudo-labels.
_STEPS = (200, 50, 200)


@pytest.fixture(scope="module")
def is_correct(tmp_path_factory):
    """Masks of the test texts that the main model predicts correctly.

    Masks, bool [texts of three corpora], are those `before` the last phase, and
    after training `with` and `without` pseudo-labels, from the same weights and
    optimizer state on the same batches.
    """
    masks = {"before": [], "with": [], "without": []}
    first = None
    for seed in _SEEDS:
        out_dir = str(tmp_path_factory.mktemp("few_labels") / "corpus")
        prepare.prepare(synthetic.make_source(noise=0.3, seed=seed), out_dir, 2)
        experiment = _experiment(out_dir, seed)
        first = first or experiment
        for when, correct in _train(experiment, first).items():
            masks[when].append(correct)
    return {when: np.concatenate(x) for when, x in masks.items()}


def _experiment(corpus, seed):
    _, config = command_line.parse(
        [
            f"--flagfile={_PRESET}",
            f"--data_dir={corpus}",
            f"--run_dir={corpus}_run",
            f"--seed={seed}",
            "--threads=1",
        ]
    )
    experiment = experiment_lib.Experiment(config)
    rows = {t.name: experiment.corpus.rows[t.name] for t in experiment.tasks}
    assert rows.pop(config.main_task)["train"] == 100
    assert {splits["train"] for splits in rows.values()} == {2000}
    return experiment


def _train(experiment, first):
    """Trains from the start of an experiment.

    The trainer and the predictor are those of the first one: to trace the steps
    of all phases takes longer than the training.
    """
    config, trainer = experiment.config, first.trainer
    trainers.restore(trainer, trainers.values(experiment.trainer))
    batches = experiment.batches.generate(0)

    def train(phase, batches):
        for batch in batches:
            trainer.train_step(batch, phase)

    def correct():
        names = [task.name for task in experiment.tasks]
        split = experiment.splits[names.index(config.main_task)]["test"]
        return first.predictor.predict(split).predicted == split.labels

    base, label_transfer, last = (
        [next(batches) for _ in range(steps)] for steps in _STEPS
    )
    train("base", base)
    train("label_transfer", label_transfer)
    values = trainers.values(trainer)
    masks = {"before": correct()}
    train("semi_supervised", last)
    masks["with"] = correct()
    trainers.restore(trainer, values)
    assert np.array_equal(correct(), masks["before"])
    train("label_transfer", last)
    masks["without"] = correct()
    return masks


def test_pseudo_labels_are_better_than_none(is_correct):
    difference = is_correct["with"].astype(float) - is_correct["without"]
    assert len(difference) == 500 * len(_SEEDS)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert difference.mean() > 3 * error


def test_main_model_improves_with_pseudo_labels(is_correct):
    assert is_correct["with"].mean() > is_correct["before"].mean() + 0.01
    # Without them, further training does not help.
    assert is_correct["without"].mean() < is_correct["before"].mean()
