"""Files and figures of a run with a label transfer network."""

import os

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.reporting.html import page
from mtl_tf.runs import analysis_file
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import prediction_files
from mtl_tf.training import analysis
from mtl_tf.training import experiment as experiment_lib
from tests.helpers import generated
from tests.helpers import page_reader


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """A finished run of all phases."""
    folder = tmp_path_factory.mktemp("folder")
    experiment = experiment_lib.Experiment(
        config_lib.Config(
            data_dir=generated.write_corpus(
                str(folder / "corpus"), metrics={"films": "macro_f1"}
            ),
            run_dir=str(folder / "run"),
            sharing="fully_shared",
            encoder="bag_of_words",
            pooling="mean",
            embedding_dim=6,
            hidden_size=6,
            label_embedding_dim=5,
            batch_size=16,
            epochs=2,
            output_layer="label_embedding",
            main_task="films",
            label_transfer="semi_supervised",
        )
    )
    experiment.run()
    return experiment


@pytest.fixture(scope="module")
def results(experiment):
    return experiment.evaluate()


@pytest.fixture(scope="module")
def printed(experiment, results):
    """The output of the analysis."""
    del results
    return analysis.run(experiment)


def test_label_vectors_are_of_the_best_checkpoint(experiment, results):
    del results
    actual = label_embeddings.read(experiment.config.run_dir)
    table = experiment.model.get_layer("head").output_layer.table.numpy()
    np.testing.assert_array_equal(actual.vectors, table)
    assert actual.vectors.shape == (2 + 3 + 2, 5)
    assert actual.labels.tolist() == [
        label for task in experiment.tasks for label in task.labels
    ]


def test_figures_are_drawn(experiment, printed):
    del printed
    folder = os.path.join(experiment.config.run_dir, "figures")
    assert sorted(os.listdir(folder)) == [
        "curves.png",
        "label_transfer.png",
        "labels.png",
    ]


def test_shares_of_correct_outputs_sum_to_the_accuracies(
    experiment, results, printed
):
    films = results["tasks"]["films"]
    actual = analysis_file.read(experiment.config.run_dir)["label_transfer"]
    for split, shares in actual.items():
        main = films["main"][split]["accuracy"]
        assert shares["both"] + shares["main_alone"] == pytest.approx(main)
        transfer = films["label_transfer"][split]["accuracy"]
        second = shares["both"] + shares["label_transfer_alone"]
        assert second == pytest.approx(transfer)
    assert "Correct predictions by output" in printed


def test_nearest_labels_are_of_other_tasks(experiment, printed):
    actual = analysis_file.read(experiment.config.run_dir)["labels"]
    assert len(actual) == 7
    for label in actual:
        assert len(label["nearest"]) == 3
        assert label["task"] not in [task for task, _, _ in label["nearest"]]
    assert "Nearest labels" in printed


def test_page_contains_every_phase_and_both_outputs(experiment, results):
    actual = page_reader.ParsedPage(page.write(experiment.config.run_dir))
    assert "Left out" not in actual.text
    table = actual.table("phase", "best epoch")
    assert list(table) == ["base", "label transfer", "semi supervised"]
    films = results["tasks"]["films"]
    assert table["semi supervised"][1:] == [
        f"{100 * films[output][split]['macro_f1']:.1f}"
        for output in ("main", "label_transfer")
        for split in ("dev", "test")
    ]
    predicted = prediction_files.read(
        experiment.config.run_dir, experiment.tasks[1], "test", "label_transfer"
    )
    scores = actual.table("task", "metric", "test texts")["films"]
    assert films["label_transfer"]["test"]["accuracy"] == (
        predicted.correct.mean()
    )
    assert f"{100 * films['label_transfer']['test']['macro_f1']:.1f}" in scores


def test_history_contains_the_phases(experiment):
    lines = history_lib.read_history(experiment.config.run_dir)
    assert [line["phase"] for line in lines] == [
        phase for phase in experiment.config.phases for _ in range(2)
    ]
    assert ["label_transfer" in line["dev"] for line in lines] == (
        [False] * 2 + [True] * 4
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
