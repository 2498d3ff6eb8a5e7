"""Pseudo-labels help a main task of which few labels are known.

The corpus is `corpora.synthetic` with 5 % of the main task's labels, and 30 %
of all labels drawn at random: of few labels like these, a model that goes on
learning comes to know the noise by heart. Pseudo-labels are of many texts.
"""

import pathlib

import keras
import numpy as np
import pytest

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.training import experiment as experiment_lib
from tests.helpers import command_line

pytestmark = pytest.mark.slow

_PRESET = pathlib.Path(__file__).parents[3] / "configs/synthetic_semi.flags"
_SEEDS = range(3)
# Steps of phase base, of phase label_transfer, and then with pseudo-labels or
# without.
_STEPS = (200, 50, 200)


@pytest.fixture(scope="module")
def is_right(tmp_path_factory):
    """Which test texts the main model is right about, by when.

    Three corpora, a model each: bool [texts of all] `before` the last phase,
    and then `with` pseudo-labels and `without`, which go on from the same
    weights and optimizer with the same batches.
    """
    found = {"before": [], "with": [], "without": []}
    for seed in _SEEDS:
        out_dir = str(tmp_path_factory.mktemp("few_labels") / "corpus")
        prepare.prepare(synthetic.make_source(noise=0.3, seed=seed), out_dir, 2)
        for when, right in _train(out_dir, seed).items():
            found[when].append(right)
    return {when: np.concatenate(right) for when, right in found.items()}


def _train(corpus, seed):
    keras.backend.clear_session()
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
    assert {of_task["train"] for of_task in rows.values()} == {2000}
    trainer = experiment.trainer
    batches = experiment.batches.generate(0)

    def train(phase, batches):
        for batch in batches:
            trainer.train_step(batch, phase)

    def right():
        names = [task.name for task in experiment.tasks]
        split = experiment.splits[names.index(config.main_task)]["test"]
        return experiment.predictor.predict(split).predicted == split.labels

    base, label_transfer, last = (
        [next(batches) for _ in range(steps)] for steps in _STEPS
    )
    train("base", base)
    train("label_transfer", label_transfer)
    variables = [x for part in trainer.parts.values() for x in part.values()]
    values = [variable.numpy() for variable in variables]
    found = {"before": right()}
    train("semi_supervised", last)
    found["with"] = right()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    assert np.array_equal(right(), found["before"])
    train("label_transfer", last)
    found["without"] = right()
    return found


def test_pseudo_labels_are_better_than_none(is_right):
    difference = is_right["with"].astype(float) - is_right["without"]
    assert len(difference) == 500 * len(_SEEDS)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert difference.mean() > 3 * error


def test_the_main_model_is_better_than_before(is_right):
    assert is_right["with"].mean() > is_right["before"].mean() + 0.01
    # It is not that it had not learnt enough.
    assert is_right["without"].mean() < is_right["before"].mean()
