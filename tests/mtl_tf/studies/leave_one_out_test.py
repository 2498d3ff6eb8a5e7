"""A leave-one-out study of tiny models."""

import csv
import dataclasses
import os

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import leave_one_out
from mtl_tf.studies import leave_one_out_runs
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from tests.helpers import generated
from tests.helpers import warm_starts


def train_all(configs, processes):
    """Trains runs in this process: starting others takes long."""
    del processes
    return [launcher.train(config) for config in configs]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leave_one_out")
    rows = {"train": 16, "dev": 8, "test": 8}
    return config_lib.Config(
        data_dir=generated.write_corpus(str(folder / "corpus"), rows=rows),
        run_dir=str(folder / "study"),
        encoder="bag_of_words",
        pooling="mean",
        hidden_size=3,
        embedding_dim=4,
        pictures=False,
        batch_size=8,
        epochs=1,
        adversarial_weight=0.1,
        orthogonality_weight=0.1,
        progress=False,
    )


@pytest.fixture(scope="module")
def text(config):
    """The output of a finished study of one held-out task."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "train_all", train_all)
        return leave_one_out.run(config, ("games",)).text


def test_source_does_not_see_the_held_out_task(config, text):
    source = run_directory.Run.read(f"{config.run_dir}/games/source")
    assert [task.name for task in source.tasks] == ["books", "films"]
    assert set(run_directory.read_results(source.run_dir)["tasks"]) == {
        "books",
        "films",
    }
    assert "films" not in text


@pytest.mark.parametrize("model", ["single_channel", "bi_channel"])
def test_shared_encoder_is_that_of_the_source(config, text, model):
    del text
    folder = f"{config.run_dir}/games"
    run = run_directory.Run.read(f"{folder}/{model}")
    assert [task.name for task in run.tasks] == ["games"]
    for path in (
        "word_embedding/table",
        "encoder/shared_encoder/words/kernel",
        "encoder/shared_encoder/words/bias",
    ):
        np.testing.assert_array_equal(
            *(
                warm_starts.read_weight(f"{folder}/{name}", path)
                for name in ("source", model)
            ),
            err_msg=path,
        )


def test_table_has_the_results_of_the_runs(config, text):
    path = f"{config.run_dir}/leave_one_out.csv"
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert path in text
    assert [(row["task"], row["model"]) for row in rows] == [
        (name, model)
        for name in ("games", "average")
        for model in leave_one_out_runs.MODELS
    ]
    for row in rows:
        results = run_directory.read_results(
            f"{config.run_dir}/games/{row['model']}"
        )
        accuracy = results["tasks"]["games"]["main"]["test"]["accuracy"]
        assert float(row["test"]) == accuracy
        assert f"{100 * (1 - accuracy):.1f}" in text
    assert os.path.exists(f"{config.run_dir}/leave_one_out.html")


def test_finished_runs_are_not_trained_again(config, text, monkeypatch):
    monkeypatch.setattr(launcher, "train_all", train_all)
    monkeypatch.setattr(experiment, "Experiment", None)
    assert leave_one_out.run(config, ("games",)).text == text


def test_interrupted_study_tells_how_to_continue(config, text, monkeypatch):
    del text

    def interrupt(configs, processes):
        del configs, processes
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "train_all", interrupt)
    with pytest.raises(KeyboardInterrupt) as caught:
        leave_one_out.run(config, ("games", "books"))
    # The study of one task is extended by another one.
    (note,) = caught.value.__notes__
    assert "the same command continues" in note


def test_study_of_other_settings_is_refused(config, text, monkeypatch):
    del text
    monkeypatch.setattr(launcher, "train_all", None)
    other = dataclasses.replace(config, hidden_size=4)
    with pytest.raises(ValueError, match="hidden_size: 3 -> 4"):
        leave_one_out.run(other, ("games",))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
