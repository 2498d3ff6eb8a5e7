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


def test_the_last_epoch_and_the_whole_run_are_measured(corpus, tmp_path):
    settings = {**SETTINGS, "data_dir": corpus}
    found = own_process.call(training_cost.measure, settings)
    # What the input pipeline gives in the second epoch's three steps.
    batches = experiment_lib.Experiment(
        config_lib.Config(**settings, run_dir=str(tmp_path))
    ).batches.generate(3)
    expected = sum(int(next(batches)["lengths"].sum()) for _ in range(3))
    assert found["tokens"] == expected
    assert 0 < found["seconds"] < found["seconds_of_run"]
    assert found["seconds_to_read"] > 0
    assert 0 < found["peak_of_reading"] <= found["peak_of_training"]
    assert found["peak_of_training"] <= found["peak"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
