"""The phases of runs with a label transfer network, and their results."""

import json
import shutil

import numpy as np
import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import prediction_files
from mtl_tf.runs import run_directory
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import trainer
from tests.helpers import generated
from tests.helpers import trained_runs

# A combination of both papers: adversary, orthogonality, private encoders,
# label embedding and label transfer, with unlabeled text for both.
EVERYTHING = {
    "encoder": "conditional_bilstm",
    "pooling": "last",
    "skip_connection": True,
    "task_layer_size": 4,
    "output_layer": "label_embedding",
    "orthogonality_weight": 0.1,
    "unlabeled": True,
    "label_transfer": "semi_supervised",
    "main_task": "films",
    "epochs": 1,
}
# The training of Augenstein et al.: one task in a step.
ALTERNATING = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "sharing": "fully_shared",
    "adversarial_weight": 0.0,
    "update": "alternating",
    "epoch_length": "smallest_task",
    "main_task": "films",
    "learning_rate": 0.02,
    "epochs": 2,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.write_corpus(
        str(tmp_path_factory.mktemp("generated") / "corpus"),
        rows={"train": 16, "dev": 8, "test": 8, "unlabeled": 8},
        pairs=("games",),
        metrics={"films": "macro_f1"},
    )


def run(corpus, run_dir, **settings):
    config = trained_runs.make_config(corpus, run_dir, **settings)
    return experiment_lib.Experiment(config).run()


@pytest.fixture(scope="module")
def uninterrupted(corpus, tmp_path_factory):
    """A run, and a copy of its directory in the middle of the last phase."""
    folder = tmp_path_factory.mktemp("unbroken")
    train_step = trainer.Trainer.train_step

    def copying(self, batch, phase):
        killed = folder / "killed"
        if phase == "semi_supervised" and int(self.step) % 2:
            shutil.copytree(folder / "run", killed)
        return train_step(self, batch, phase)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trainer.Trainer, "train_step", copying)
        results = run(corpus, folder / "run", **EVERYTHING)
    return folder, results


def test_run_has_all_phases(uninterrupted):
    folder, _ = uninterrupted
    history = history_lib.read_history(str(folder / "run"))
    assert [(x["phase"], x["epoch"], x["step"]) for x in history] == [
        ("base", 1, 2),
        ("label_transfer", 2, 4),
        ("semi_supervised", 3, 6),
    ]
    base, supervised, semi_supervised = (set(x["terms"]) for x in history)
    assert {"loss/adversarial", "loss/orthogonality"} <= base
    assert supervised - base == {
        "loss/label_transfer",
        "loss_weighted/label_transfer",
        "training/label_transfer_accuracy",
    }
    assert semi_supervised - supervised == {
        "loss/pseudo_label",
        "loss_weighted/pseudo_label",
        "pseudo_label/accepted",
    }
    for line in history:
        dev = line["dev"]
        average = dev["tasks"]["films"]["macro_f1"]
        assert ("label_transfer" in dev) == (line["phase"] != "base")
        if "label_transfer" in dev:
            average = (average + dev["label_transfer"]["macro_f1"]) / 2
        assert dev["average"] == pytest.approx(average, abs=1e-12)


def test_results_of_both_outputs_and_of_each_phase(uninterrupted):
    folder, results = uninterrupted
    history = history_lib.read_history(str(folder / "run"))
    outputs = {name: set(task) for name, task in results["tasks"].items()}
    assert outputs == {
        "books": {"main", "majority"},
        "films": {"main", "majority", "label_transfer"},
        "games": {"main", "majority"},
    }
    phases = results["phases"]
    assert list(phases) == ["base", "label_transfer", "semi_supervised"]
    for epoch, (phase, line) in enumerate(
        zip(phases.values(), history, strict=True), start=1
    ):
        assert phase["best_epoch"] == epoch
        dev = line["dev"]
        films_outputs = {"main": dev["tasks"]["films"]}
        if "label_transfer" in dev:
            films_outputs["label_transfer"] = dev["label_transfer"]
        actual = phase["tasks"]["films"]
        assert set(actual) == set(films_outputs)
        for output, scores in films_outputs.items():
            for metric in ("macro_f1", "accuracy"):
                assert actual[output]["dev"][metric] == pytest.approx(
                    scores[metric], abs=1e-12
                )
            assert actual[output]["test"]["n"] == 8
    films_outputs = dict(results["tasks"]["films"])
    films_outputs.pop("majority")
    assert phases["semi_supervised"]["tasks"] == {"films": films_outputs}


@pytest.mark.parametrize("split", ["dev", "test"])
def test_predictions_of_both_outputs(corpus, uninterrupted, split):
    folder, results = uninterrupted
    run_dir = str(folder / "run")
    films = tasks_lib.Corpus.read(corpus).select(["films"])[0]
    actual = {
        output: prediction_files.read(run_dir, films, split, output)
        for output in ("main", "label_transfer")
    }
    main, transfer = actual.values()
    np.testing.assert_array_equal(main.ids, transfer.ids)
    np.testing.assert_array_equal(main.gold, transfer.gold)
    assert abs(main.probabilities - transfer.probabilities).max() > 1e-3
    for output, predicted in actual.items():
        scores = results["tasks"]["films"][output][split]
        assert scores["accuracy"] == pytest.approx(predicted.correct.mean())
    names = {path.name for path in (folder / "run" / "predictions").iterdir()}
    assert {name for name in names if "label_transfer" in name} == {
        "films-dev-label_transfer.jsonl",
        "films-test-label_transfer.jsonl",
    }


@pytest.mark.slow
def test_resumed_run_equals_uninterrupted_run(corpus, uninterrupted, tmp_path):
    folder, _ = uninterrupted
    shutil.copytree(folder / "killed", tmp_path / "run")
    config = trained_runs.make_config(corpus, tmp_path / "run", **EVERYTHING)
    experiment = experiment_lib.Experiment(config)
    # The last complete phase is one without pseudo-labels.
    with pytest.raises(
        ValueError,
        match=r"run has not ended: .* is of phase label_transfer, "
        r"and the last phase is semi_supervised; continue training",
    ):
        experiment.evaluate()
    experiment.run()
    trained_runs.assert_same_end(folder / "run", tmp_path / "run")
    for path in (folder / "run" / "predictions").iterdir():
        again = tmp_path / "run" / "predictions" / path.name
        assert again.read_text() == path.read_text()


def test_base_phase_equals_a_run_without_label_transfer(corpus, tmp_path):
    settings = {**ALTERNATING, "feature_dropout": 0.3}
    with_transfer = run(
        corpus, tmp_path / "with", label_transfer="supervised", **settings
    )
    without = run(corpus, tmp_path / "without", **settings)
    history, base = (
        history_lib.read_history(str(tmp_path / x)) for x in ("with", "without")
    )
    # An epoch has 2 batches of each of 3 tasks; a step has one task.
    steps = [line["step"] for line in history]
    assert steps == [6, 12, 18, 24]
    for line in (*history, *base):
        line.pop("seconds")
        line.pop("dev_seconds")
        line.pop("tokens_per_second")
    assert history[:2] == base
    base_results = with_transfer["phases"]["base"]
    assert base_results["best_epoch"] == without["best_epoch"]
    without["tasks"]["films"].pop("majority")
    assert base_results["tasks"]["films"] == without["tasks"]["films"]
    # The next phase starts from the weights of its best epoch.
    actual, expected = (
        checkpoints.read(str(tmp_path / x), name, ["model"]).parts["model"]
        for x, name in (("with", "best_base"), ("without", "best"))
    )
    for path, value in expected.items():
        np.testing.assert_array_equal(actual[path], value, err_msg=path)
    assert "phases" not in json.loads(
        (tmp_path / "without" / run_directory.RESULTS_FILE).read_text()
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
