import pytest

from benchmarks import generated_corpus
from benchmarks import own_process
from benchmarks import training_cost
from mtl_tf.config import config as config_lib
from mtl_tf.training import experiment as experiment_lib

SETTINGS = {
    "embedding_dim": 3,
    "hidden_size": 2,
    "batch_size": 4,
    "steps_per_epoch": 3,
    "epochs": 2,
    "patience": 0,
    "max_tokens": 20,
    "progress": False,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    task_file = generated_corpus.write(
        str(folder / "raw"), tasks=2, rows=8, tokens=10
    )
    own_process.call(
        training_cost.prepare_corpus, task_file, str(folder / "corpus")
    )
    return str(folder / "corpus")


def test_last_epoch_and_entire_run_are_measured(corpus, tmp_path):
    settings = {**SETTINGS, "data_dir": corpus}
    actual = own_process.call(training_cost.measure, settings)
    # What the input pipeline gives in the second epoch's three steps.
    batches = experiment_lib.Experiment(
        config_lib.Config(**settings, run_dir=str(tmp_path))
    ).batches.generate(3)
    expected = sum(int(next(batches)["lengths"].sum()) for _ in range(3))
    assert actual["tokens"] == expected
    assert 0 < actual["seconds"] < actual["seconds_of_run"]
    assert actual["seconds_to_read"] > 0
    assert 0 < actual["peak_of_reading"] <= actual["peak_of_training"]
    assert actual["peak_of_training"] <= actual["peak"]
    # Adam has two numbers for each weight; names take a few kilobytes.
    numbers = 3 * 4 * actual["weights"] / 2**20
    assert numbers < actual["checkpoint"] < numbers + 0.2
    assert actual["seconds_to_save"] > 0
    assert actual["seconds_to_restore"] > 0


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
