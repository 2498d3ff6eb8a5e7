import json
import os
import types

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.evaluation import probing
from mtl_tf.runs import analysis_file
from mtl_tf.runs import checkpoints
from mtl_tf.runs import run_directory
from mtl_tf.training import analysis
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import checksums
from tests.helpers import generated
from tests.helpers import run_artifacts


def make_features(has_task, rows=200, tasks=3, seed=0):
    random = np.random.default_rng(seed)
    return [
        random.normal(size=(rows, 4)) + 9 * has_task * (np.arange(4) == task)
        for task in range(tasks)
    ]


def test_probes_find_the_task_in_features_with_it():
    accuracies = probing.probe_task(
        make_features(True), make_features(True, seed=1), 0
    )
    assert accuracies["linear"] > 0.98
    assert accuracies["mlp"] > 0.98


def test_probes_find_no_task_in_features_without_it():
    accuracies = probing.probe_task(
        make_features(False), make_features(False, seed=1), 0
    )
    assert accuracies["linear"] == pytest.approx(1 / 3, abs=0.08)
    assert accuracies["mlp"] == pytest.approx(1 / 3, abs=0.08)


def test_majority_is_the_frequency_of_the_largest_task():
    train = make_features(True)
    test = [x[:count] for x, count in zip(train, (10, 60, 30), strict=True)]
    assert probing.probe_task(train, test, 0)["majority"] == 0.6


def predictions(shared, private):
    features = {
        name: np.array(x, np.float32)
        for name, x in (("shared", shared), ("private", private))
    }
    return predictions_lib.SplitPredictions(
        None, np.zeros((4, 2)), None, features, 0.0
    )


def test_single_task_without_states_is_refused(tmp_path):
    corpus = generated.write_corpus(str(tmp_path / "corpus"))
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(tmp_path / "run"),
        tasks=("films",),
        encoder="bag_of_words",
        pooling="max",
    )
    with pytest.raises(
        ValueError,
        match=r"at least 2 tasks, .* has only films; and encoder=bag_of_words "
        "has no neurons with states",
    ):
        analysis.run(experiment_lib.Experiment(config))


def made_up_run(folder, **settings):
    """Makes a fake experiment for `run`, of a run without training."""
    data_dir = run_artifacts.write_corpus(str(folder / "corpus"))
    run_dir = run_artifacts.write_run(str(folder / "run"), data_dir, **settings)
    run = run_directory.Run.read(run_dir)
    return types.SimpleNamespace(
        config=run.config,
        tasks=run.tasks,
        checkpoints=types.SimpleNamespace(restore=lambda name: None),
    )


@pytest.fixture
def probed(monkeypatch):
    """Replaces the probes by constant accuracies, and finds no words."""
    scores = {"linear": 0.5, "mlp": 0.25, "majority": 0.125}
    monkeypatch.setattr(
        analysis, "analyze", lambda _: {"probes": {"shared": scores}}
    )
    monkeypatch.setattr(analysis.neuron_words, "analyze", lambda _: None)


@pytest.mark.usefixtures("probed")
def test_labels_and_label_transfer_are_analyzed(tmp_path):
    experiment = made_up_run(
        tmp_path,
        main_task="stance",
        label_transfer="supervised",
        output_layer="label_embedding",
    )
    text = analysis.run(experiment)
    run_dir = experiment.config.run_dir
    result = analysis_file.read(run_dir)
    assert set(result) == {
        *("schema", "probes", "labels", "label_transfer", "neuron_words")
    }
    # The first label of reviews, compared with those of stance.
    vectors = run_artifacts.label_embedding(run_artifacts.TASKS)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors[3:] @ vectors[0]
    order = np.argsort(-cosines)
    names = run_artifacts.TASKS[1].labels
    assert result["labels"][0] == {
        "task": "reviews",
        "label": "bad",
        "nearest": [
            ["stance", names[x], pytest.approx(cosines[x])] for x in order
        ],
    }
    first = order[0]
    assert f"  {names[first]} (stance) {cosines[first]:.2f}, " in text
    task = run_artifacts.TASKS[1]
    gold, main = run_artifacts.predictions(task, "test", 0)
    _, second = run_artifacts.transfer_predictions(task, "test", 0)
    main_only = (main.argmax(axis=1) == gold) & (second.argmax(axis=1) != gold)
    assert result["label_transfer"]["test"]["main_alone"] == main_only.mean()
    assert f"main only {100 * main_only.mean():.1f}" in text
    assert "linear 0.500" in text
    for name in ("labels.png", "label_transfer.png"):
        assert os.path.exists(os.path.join(run_dir, "figures", name))


@pytest.mark.usefixtures("probed")
def test_other_runs_only_have_probes(tmp_path):
    experiment = made_up_run(tmp_path, encoder="bag_of_words", pooling="max")
    text = analysis.run(experiment)
    assert set(analysis_file.read(experiment.config.run_dir)) == {
        "schema",
        "probes",
    }
    assert "Nearest" not in text
    assert "label transfer" not in text
    assert not os.path.exists(f"{experiment.config.run_dir}/figures")


@pytest.mark.usefixtures("probed")
def test_words_of_neurons_are_found(tmp_path):
    experiment = made_up_run(tmp_path)
    text = analysis.run(experiment)
    result = analysis_file.read(experiment.config.run_dir)
    assert result["neuron_words"] is None
    assert "No words of neurons" in text


@pytest.mark.usefixtures("probed")
def test_analyzed_text_is_kept(tmp_path):
    experiment = made_up_run(tmp_path)
    path = os.path.join(experiment.config.run_dir, "analysis.json")
    text = {"text": {"task": "reviews"}}
    run_directory.write_json(path, checksums.sign({"schema": 1, **text}))
    analysis.run(experiment)
    result = analysis_file.read(experiment.config.run_dir)
    assert result["text"] == text["text"]
    # A damaged file is written again, without it.
    with open(path, "w") as file:
        file.write("{")
    analysis.run(experiment)
    assert "text" not in analysis_file.read(experiment.config.run_dir)


def test_single_task_has_no_nearest_labels(tmp_path):
    experiment = made_up_run(
        tmp_path,
        encoder="bag_of_words",
        pooling="max",
        tasks=run_artifacts.TASKS[:1],
        sharing="single_task",
        output_layer="label_embedding",
    )
    text = analysis.run(experiment)
    assert text == "No nearest labels of other tasks: reviews is the only task."
    with open(f"{experiment.config.run_dir}/analysis.json") as file:
        result = json.load(file)
    assert [label["nearest"] for label in result["labels"]] == [[], [], []]
    assert "probes" not in result


def test_missing_label_vectors_are_named(tmp_path):
    experiment = made_up_run(tmp_path, output_layer="label_embedding")
    os.remove(f"{experiment.config.run_dir}/label_embedding.npz")
    with pytest.raises(ValueError, match="--mode=evaluate"):
        analysis.run(experiment)


def test_cross_correlation_by_hand():
    # Columns: x = 1, 1, -1, -1 and y = 1, -1, 1, -1 are uncorrelated.
    x, y = (1, 1, -1, -1), (1, -1, 1, -1)
    shared = np.transpose([x])
    # Correlations of x: 1 with x and -x, 0 with y, 1 / sqrt(2) with x + y.
    private = np.transpose([x, np.negative(x), y, np.add(x, y)])
    result = probing.cross_correlation(predictions(shared, private))
    assert result == pytest.approx((1 + 1 + 0 + 0.5**0.5) / 4)


def analyze(corpus, run_dir, **settings):
    """Trains a model; returns its analysis and its dev accuracy."""
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(run_dir),
        **{
            "encoder": "bag_of_words",
            "pooling": "mean",
            "init_range": 0.5,
            "embedding_dim": 32,
            "pictures": False,
            "hidden_size": 32,
            "learning_rate": 0.001,
            "epochs": 24,
            "patience": 0,
        }
        | settings,
    )
    experiment = experiment_lib.Experiment(config)
    experiment.run()
    # The last epoch, since the best one, by dev accuracy, may be early.
    experiment.checkpoints.restore(checkpoints.LAST)
    accuracy = np.mean(
        [
            experiment.predictor.predict(splits["dev"]).scores()["accuracy"]
            for splits in experiment.splits
        ]
    )
    return analysis.analyze(experiment), accuracy


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 400, "dev": 200, "test": 50},
    )


@pytest.fixture(scope="module")
def without_adversary(corpus, tmp_path_factory):
    return analyze(
        corpus, tmp_path_factory.mktemp("without"), sharing="fully_shared"
    )


@pytest.mark.parametrize("adversary", ["reversal", "confusion"])
@pytest.mark.slow
def test_adversary_removes_the_task_from_shared_features(
    corpus, without_adversary, tmp_path, adversary
):
    result, accuracy = analyze(
        corpus,
        tmp_path,
        sharing="fully_shared",
        adversary=adversary,
        adversarial_weight=1.0,
        discriminator_learning_rate=0.01,
        discriminator_updates=20,
    )
    before, accuracy_before = without_adversary
    # The texts reveal their task. The discriminator is linear, so it removes
    # less of the task for a probe with a hidden layer.
    for probe, reduction in (("linear", 0.12), ("mlp", 0.04)):
        without = before["probes"]["shared"][probe]
        assert without > 0.75
        assert result["probes"]["shared"][probe] < without - reduction
    assert accuracy > accuracy_before - 0.02 > 0.95


def test_orthogonality_loss_reduces_cross_correlation(corpus, tmp_path):
    settings = {"learning_rate": 0.01, "epochs": 12}
    before, accuracy_before = analyze(corpus, tmp_path / "without", **settings)
    result, accuracy = analyze(
        corpus, tmp_path / "with", orthogonality_weight=1.0, **settings
    )
    assert result["cross_correlation"] < 0.5 * before["cross_correlation"]
    assert accuracy > accuracy_before - 0.02 > 0.95


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
