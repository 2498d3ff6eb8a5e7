"""A sweep that trains: small models, few epochs."""

import dataclasses

import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import metadata

import mtl_tf
from mtl_tf.config import config as config_lib
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import sweep as sweep_lib
from tests.helpers import generated

_SPACE = {
    "settings": {
        "learning_rate": [0.003, 0.03, 3e38],
        "sharing": ["fully_shared"],
    },
    "sweep": {"method": "grid"},
    "successive_halving": {"min_epochs": 1, "reduction_factor": 2},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Settings and result of a sweep with two rungs, one trial of which ends.

    One of the first two trials is stopped early, the last one diverges.
    """
    corpus = generated.make_corpus(
        tmp_path_factory, {"train": 32, "dev": 16, "test": 16}
    )
    folder = tmp_path_factory.mktemp("sweep")
    config = config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(folder / "sweep"),
        encoder="bag_of_words",
        pooling="max",
        hidden_size=4,
        embedding_dim=8,
        epochs=2,
        patience=0,
    )
    return config, sweep_lib.run(config, _SPACE)


def test_statuses(swept):
    _, result = swept
    by_trial = {row["trial"]: row for row in result.rows}
    assert by_trial[2]["status"] == "diverged"
    assert by_trial[2]["dev"] is None
    assert sorted(by_trial[x]["status"] for x in (0, 1)) == [
        "complete",
        "stopped",
    ]
    assert result.rows[0]["status"] == "complete"
    assert result.rows[0]["epochs"] == 2


def test_dev_score_is_that_of_early_stopping(swept):
    config, result = swept
    for row in result.rows[:2]:
        history = history_lib.read_history(
            f"{config.run_dir}/trials/{row['trial']}"
        )
        assert len(history) == row["epochs"]
        assert row["dev"] == max(line["dev"]["average"] for line in history)


def test_trial_that_continues_equals_a_run_of_all_epochs(swept, tmp_path):
    config, result = swept
    best = result.rows[0]
    whole = mtl_tf.train(
        dataclasses.replace(
            config,
            learning_rate=best["learning_rate"],
            sharing="fully_shared",
            run_dir=str(tmp_path / "whole"),
        )
    )
    trial = run_directory.read_results(
        f"{config.run_dir}/trials/{best['trial']}"
    )
    for results in (whole, trial):
        del results["seconds"], results["tokens_per_second"]
    assert trial == whole


def test_columns_of_hparams_are_the_searched_settings(swept):
    config, result = swept
    for row in result.rows[:2]:
        events = event_accumulator.EventAccumulator(
            f"{config.run_dir}/trials/{row['trial']}/tensorboard"
        )
        events.Reload()
        content = events.SummaryMetadata(metadata.EXPERIMENT_TAG)
        experiment = metadata.parse_experiment_plugin_data(
            content.plugin_data.content
        )
        assert [info.name for info in experiment.hparam_infos] == [
            "sharing",
            "learning_rate",
        ]
        metrics = {info.name.tag for info in experiment.metric_infos}
        assert {"best/dev_average", "test/accuracy"} <= metrics
        assert metrics <= set(events.Tags()["tensors"])


def test_second_call_returns_the_same_table(swept, monkeypatch):
    config, result = swept
    monkeypatch.setattr(
        sweep_lib.launcher.run_pool,
        "run_all",
        lambda *_: pytest.fail("trained"),
    )
    assert sweep_lib.run(config, _SPACE).rows == result.rows
    assert len(mtl_tf.sweep(config, _SPACE)) == 3
