"""What a run with a label transfer network leaves to be seen."""

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
    """A run of all phases that has ended."""
    folder = tmp_path_factory.mktemp("folder")
    made = experiment_lib.Experiment(
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
    made.run()
    return made


@pytest.fixture(scope="module")
def results(experiment):
    return experiment.evaluate()


@pytest.fixture(scope="module")
def said(experiment, results):
    """What the analysis prints."""
    del results
    return analysis.run(experiment)


def test_label_vectors_are_those_of_the_best_checkpoint(experiment, results):
    del results
    found = label_embeddings.read(experiment.config.run_dir)
    table = experiment.model.get_layer("head").output_layer.table.numpy()
    np.testing.assert_array_equal(found.vectors, table)
    assert found.vectors.shape == (2 + 3 + 2, 5)
    assert found.labels.tolist() == [
        label for task in experiment.tasks for label in task.labels
    ]


def test_pictures_are_drawn(experiment, said):
    del said
    folder = os.path.join(experiment.config.run_dir, "figures")
    assert sorted(os.listdir(folder)) == [
        "curves.png",
        "label_transfer.png",
        "labels.png",
    ]


def test_who_is_right_sums_to_the_accuracies(experiment, results, said):
    films = results["tasks"]["films"]
    found = analysis_file.read(experiment.config.run_dir)["label_transfer"]
    for split, x in found.items():
        main = films["main"][split]["accuracy"]
        assert x["both"] + x["main_alone"] == pytest.approx(main)
        transfer = films["label_transfer"][split]["accuracy"]
        second = x["both"] + x["label_transfer_alone"]
        assert second == pytest.approx(transfer)
    assert "Right by" in said


def test_nearest_labels_are_those_of_other_tasks(experiment, said):
    found = analysis_file.read(experiment.config.run_dir)["labels"]
    assert len(found) == 7
    for label in found:
        assert len(label["nearest"]) == 3
        assert label["task"] not in [task for task, _, _ in label["nearest"]]
    assert "Nearest labels" in said


def test_the_page_has_every_phase_and_both_outputs(experiment, results):
    found = page_reader.ParsedPage(page.write(experiment.config.run_dir))
    assert "Left out" not in found.text
    table = found.table("phase", "best epoch")
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
    scores = found.table("task", "metric", "test texts")["films"]
    assert films["label_transfer"]["test"]["accuracy"] == (
        predicted.correct.mean()
    )
    assert f"{100 * films['label_transfer']['test']['macro_f1']:.1f}" in scores


def test_the_history_tells_the_phases(experiment):
    lines = history_lib.read_history(experiment.config.run_dir)
    assert [line["phase"] for line in lines] == [
        phase for phase in experiment.config.phases for _ in range(2)
    ]
    assert ["label_transfer" in line["dev"] for line in lines] == (
        [False] * 2 + [True] * 4
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
