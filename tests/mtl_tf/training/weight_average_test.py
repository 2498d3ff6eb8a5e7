"""The exponential moving average of the weights."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.runs import checkpoints
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import trainer
from mtl_tf.training import weight_average
from tests.helpers import generated
from tests.helpers import trained_runs

DECAY = 0.5
SETTINGS = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "embedding_dim": 4,
    "hidden_size": 4,
    "batch_size": 8,
    "learning_rate": 0.05,
    "pictures": False,
    "patience": 0,
    "ema_decay": DECAY,
}
LABEL_TRANSFER = {"label_transfer": "supervised", "main_task": "books"}


def moving_average(values, decay, start):
    """Averages by the definition; `values` are those after each step."""
    average = start
    for step, value in enumerate(values):
        d = min(decay, (1 + step) / (10 + step))
        average = d * average + (1 - d) * value
    return average


@pytest.mark.parametrize("decay", [0.05, 0.5, 0.999])
def test_average_is_that_of_the_definition(decay):
    start, *values = (
        np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)
    )
    weight = tf.Variable(start)
    average = weight_average.WeightAverage({"w": weight}, decay)
    for step, value in enumerate(values):
        weight.assign(value)
        average.update(tf.constant(step, tf.int64))
    expected = moving_average(values, decay, start)
    np.testing.assert_allclose(average.averages["w"], expected, rtol=1e-5)
    with average.swapped():
        np.testing.assert_allclose(weight, expected, rtol=1e-5)
        np.testing.assert_array_equal(average.averages["w"], values[-1])
    np.testing.assert_array_equal(weight, values[-1])
    average.restart()
    np.testing.assert_array_equal(average.averages["w"], values[-1])


def test_without_a_decay_nothing_is_averaged():
    weight = tf.Variable([1.0])
    average = weight_average.WeightAverage({"w": weight}, 0.0)
    weight.assign([3.0])
    average.update(tf.constant(0, tf.int64))
    assert not average.averages
    with average.swapped():
        assert float(weight[0]) == 3


def test_weights_are_swapped_back_after_an_error():
    weight = tf.Variable([1.0])
    average = weight_average.WeightAverage({"w": weight}, DECAY)
    weight.assign([3.0])
    with pytest.raises(KeyError), average.swapped():
        raise KeyError
    assert float(weight[0]) == 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(str(folder / "corpus"))


def _train(corpus, run_dir, monkeypatch, **settings):
    """Trains a run; returns the weights at the start and after each step."""
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **SETTINGS | settings
    )
    experiment = experiment_lib.Experiment(config)
    weights = []

    def record():
        by_path = experiment.trainer.optimizer.variables_by_name
        weights.append({k: v.numpy() for k, v in by_path.items()})

    train_step = experiment.trainer.train_step

    def recording_step(*args):
        logs = train_step(*args)
        record()
        return logs

    monkeypatch.setattr(experiment.trainer, "train_step", recording_step)
    record()
    results = experiment.run()
    return weights, results, experiment


def test_dev_and_results_are_those_of_the_average(
    corpus, tmp_path, monkeypatch
):
    weights, results, experiment = _train(
        corpus, tmp_path / "run", monkeypatch, epochs=1
    )
    start, *others = weights
    parts = checkpoints.read(
        str(tmp_path / "run"), checkpoints.BEST, ["model"]
    ).parts
    last = checkpoints.read(
        str(tmp_path / "run"), checkpoints.LAST, ["model", "weight_average"]
    ).parts
    for name, value in start.items():
        expected = moving_average([x[name] for x in others], DECAY, value)
        np.testing.assert_allclose(parts["model"][name], expected, atol=1e-5)
        np.testing.assert_allclose(
            last["weight_average"][name], expected, atol=1e-5
        )
        np.testing.assert_array_equal(last["model"][name], others[-1][name])
    # The score of the epoch is that of the best checkpoint.
    (line,) = experiment.state.history
    assert line["dev"]["average"] == pytest.approx(
        results["average"]["main"]["dev"]["accuracy"]
    )


# Three tasks of 64 rows: 8 steps an epoch. In the last of 2 or 4 epochs.
@pytest.mark.parametrize(
    ("settings", "killed_at"), [({}, 11), (LABEL_TRANSFER, 27)], ids=str
)
def test_a_resumed_run_ends_like_an_unbroken_one(
    corpus, tmp_path, monkeypatch, settings, killed_at
):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train_step = trainer.Trainer.train_step

    def copying_step(self, *args):
        if int(self.step) == killed_at and not broken.exists():
            shutil.copytree(unbroken, broken)
        return train_step(self, *args)

    monkeypatch.setattr(trainer.Trainer, "train_step", copying_step)
    for run_dir in (unbroken, broken):
        config = config_lib.Config(
            data_dir=corpus,
            run_dir=str(run_dir),
            epochs=2,
            **SETTINGS | settings,
        )
        experiment_lib.Experiment(config).run()
    trained_runs.assert_same_end(unbroken, broken)


def test_the_next_phase_starts_from_the_average(corpus, tmp_path, monkeypatch):
    weights, _, experiment = _train(
        corpus, tmp_path / "run", monkeypatch, epochs=1, **LABEL_TRANSFER
    )
    start, *others = weights
    best = checkpoints.read(
        experiment.config.run_dir, checkpoints.best_of("base"), ["model"]
    ).parts["model"]
    name = "word_embedding/table"
    expected = moving_average([x[name] for x in others[:8]], DECAY, start[name])
    np.testing.assert_allclose(best[name], expected, atol=1e-5)
    # The next step changes the words of its batch; the others, bit for bit,
    # have their average, not their weights of the step before.
    unchanged = (others[8][name] == best[name]).all(axis=1)
    assert unchanged.any()
    assert (others[7][name] != best[name])[unchanged].any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
