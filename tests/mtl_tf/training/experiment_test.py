import dataclasses
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
from absl import logging
from tensorboard.backend.event_processing import event_accumulator

from mtl_tf.config import config as config_lib
from mtl_tf.evaluation import predictor
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import trainer
from tests.helpers import damages
from tests.helpers import generated
from tests.helpers import trained_runs

# Everything that draws random numbers or has a state is on.
ALL = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "embedding_dim": 8,
    "pictures": False,
    "hidden_size": 8,
    "batch_size": 8,
    "learning_rate": 0.01,
    "adversarial_weight": 0.05,
    "discriminator_updates": 2,
    "orthogonality_weight": 0.01,
    "unlabeled": True,
    "word_dropout": 0.1,
    "vector_dropout": 0.1,
    "feature_dropout": 0.1,
    "optimizer": "adam",
    "learning_rate_decay": 0.9,
    "warmup_steps": 3,
    "patience": 0,
}

LSTM = {"encoder": "lstm", "pooling": "last", "recurrent_dropout": 0.1}
LABEL_TRANSFER = {"label_transfer": "semi_supervised", "main_task": "books"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(str(folder / "corpus"))


def run(corpus, run_dir, **settings):
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **ALL | settings
    )
    return experiment_lib.Experiment(config).run()


# A run takes seconds to trace: these two serve several tests.
OF_UNBROKEN = {"epochs": 3, "affinity_every": 3, "main_task": "films"}


@dataclasses.dataclass
class Unbroken:
    """A run with pictures, and the first texts of what it predicted."""

    folder: pathlib.Path
    results: dict
    predicted: list[str]


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    predicted = []
    predict = predictor.Predictor.predict

    def spy(self, split):
        predicted.append(split.ids[0].decode())
        return predict(self, split)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(predictor.Predictor, "predict", spy)
        results = run(corpus, folder, **OF_UNBROKEN, pictures=True)
    return Unbroken(folder, results, predicted)


@pytest.fixture(scope="module")
def continued(corpus, tmp_path_factory):
    """The directory of a run without pictures that got one more epoch."""
    folder = tmp_path_factory.mktemp("continued") / "run"
    run(corpus, folder, **OF_UNBROKEN | {"epochs": 2})
    run(corpus, folder, **OF_UNBROKEN)
    return folder


def test_run_with_more_epochs_continues(unbroken, continued):
    trained_runs.assert_same_end(unbroken.folder, continued)
    affinities = [
        (folder / "affinity.json").read_bytes()
        for folder in (unbroken.folder, continued)
    ]
    assert affinities[0] == affinities[1]
    affinity = json.loads(affinities[0])["affinity"]
    assert affinity.keys() == generated.LABELS.keys()
    # An update with the loss of a task lowers this loss.
    assert all(affinity[name][name] > 0 for name in affinity)
    assert "tasks/affinity" in event_tags(unbroken.folder)


def event_tags(folder):
    events = event_accumulator.EventAccumulator(summaries.log_dir(str(folder)))
    return set(events.Reload().Tags()["tensors"])


@pytest.mark.slow
def test_resumed_run_has_the_same_end(corpus, tmp_path, monkeypatch, caplog):
    # A run that is killed leaves its directory as it is.
    broken, train_step = tmp_path / "broken", trainer.Trainer.train_step

    def copying_in_third_epoch(self, *args):
        # 3 tasks of 64 rows, batches of 8: 8 steps per epoch.
        if int(self.step) == 2 * 8 + 3:
            shutil.copytree(tmp_path / "unbroken", broken)
        return train_step(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "train_step", copying_in_third_epoch)
        run(corpus, tmp_path / "unbroken", epochs=3, **LSTM)
    # The checkpoint of the second epoch is damaged: it is trained again.
    newest, before = checkpoint_files.find(str(broken), checkpoints.LAST)
    damages.DAMAGES["flipped"](
        pathlib.Path(f"{newest.path}.data-00000-of-00001")
    )
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        run(corpus, broken, epochs=3, **LSTM)
    assert (
        f"{newest.path}.data-00000-of-00001 is damaged (its sha256 is not the "
        f"one in ckpt-{newest.step}.json): resuming from {before.path}"
    ) in caplog.messages
    assert f"Resuming after epoch 1 of the run in {broken}" in caplog.messages
    trained_runs.assert_same_end(tmp_path / "unbroken", broken)
    # Curves have no duplicate points.
    events = event_accumulator.EventAccumulator(str(broken / "tensorboard"))
    events.Reload()
    for tag in events.Tags()["tensors"]:
        if tag.startswith(("dev", "loss/", "training/")):
            steps = [event.step for event in events.Tensors(tag)]
            assert len(steps) == 3, tag
            assert steps == sorted(set(steps)), tag


def test_changed_corpus_is_refused_before_training(corpus, tmp_path):
    other = shutil.copytree(corpus, tmp_path / "corpus")
    for path in sorted(other.rglob("*")):
        if path.is_file():
            before = path.read_bytes()
            damages.DAMAGES["flipped"](path)
            with pytest.raises(ValueError, match=re.escape(str(path))):
                run(str(other), tmp_path / "run")
            path.write_bytes(before)
    assert not (tmp_path / "run").exists()


def test_model_learns_a_learnable_corpus(corpus, tmp_path):
    results = run(
        corpus,
        tmp_path,
        sharing="fully_shared",
        orthogonality_weight=0.0,
        adversarial_weight=0.0,
        unlabeled=False,
        pooling="max",
        epochs=12,
        learning_rate=0.02,
    )
    average = results["average"]
    assert average["main"]["test"]["accuracy"] > 0.9
    assert average["majority"]["test"]["accuracy"] < 0.65


def test_patience_ends_training_and_best_epoch_is_evaluated(corpus, tmp_path):
    # With this learning rate dev soon stops improving.
    results = run(corpus, tmp_path, epochs=40, patience=2, learning_rate=0.05)
    history = history_lib.read_history(str(tmp_path))
    scores = [line["dev"]["average"] for line in history]
    losses = [
        sum(task["loss"] for task in line["dev"]["tasks"].values())
        for line in history
    ]
    best = int(np.lexsort((losses, np.negative(scores)))[0])
    assert len(scores) == best + 1 + 2 < 40
    assert results["best_epoch"] == best + 1
    assert results["average"]["main"]["dev"]["accuracy"] == pytest.approx(
        scores[best], abs=1e-12
    )


def test_pictures_can_be_left_out(unbroken, continued):
    # `assert_same_end` compares the scores.
    tags = [event_tags(folder) for folder in (unbroken.folder, continued)]
    assert (unbroken.folder / "figures").exists()
    assert not (continued / "figures").exists()
    left_out = tags[0] - tags[1]
    assert "curves/by_epoch" in left_out
    assert not {x.split("/")[0] for x in left_out} & {"test", "dev", "best"}
    assert "test/accuracy" in tags[1]


def test_early_stopping_may_follow_one_task(unbroken):
    history = history_lib.read_history(str(unbroken.folder))
    films = [line["dev"]["tasks"]["films"] for line in history]
    scores = [scores["accuracy"] for scores in films]
    assert [line["dev"]["average"] for line in history] == scores
    losses = [scores["loss"] for scores in films]
    best = np.lexsort((losses, np.negative(scores)))[0]
    assert unbroken.results["best_epoch"] == best + 1


def test_test_split_is_read_once_after_training(unbroken):
    on_test = [name for name in unbroken.predicted if "-test-" in name]
    assert len(on_test) == len(set(on_test)) == 3
    # After the dev scores of three epochs, 3 tasks each.
    assert not any("-test-" in name for name in unbroken.predicted[:9])


def test_results_agree_with_predictions(unbroken):
    folder = unbroken.folder
    path = folder / "predictions" / "films-test.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    accuracy = np.mean([line["gold"] == line["predicted"] for line in lines])
    scores = unbroken.results["tasks"]["films"]["main"]["test"]
    assert scores["accuracy"] == pytest.approx(accuracy)
    assert scores["n"] == len(lines) == 32
    for line in lines:
        best = max(line["probabilities"], key=line["probabilities"].get)
        assert best == line["predicted"]
    # The features are those of the same texts.
    with np.load(folder / "features.npz") as features:
        assert features["kind"] == "shared"
        assert features["features"].shape == (3 * 32, ALL["hidden_size"])
        films = features["task"] == "films"
        for name, column in (
            ("id", "id"),
            ("gold", "label"),
            ("predicted", "predicted"),
        ):
            expected = [line[name] for line in lines]
            assert features[column][films].tolist() == expected


def test_best_checkpoint_of_another_epoch_is_refused(
    corpus, unbroken, tmp_path
):
    folder = shutil.copytree(unbroken.folder, tmp_path / "run")
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(folder),
        **ALL | OF_UNBROKEN | {"pictures": True},
    )
    experiment = experiment_lib.Experiment(config)
    experiment.checkpoints.restore(checkpoints.LAST)
    best = experiment.state["best_epoch"]
    before = (folder / "results.json").read_bytes()
    experiment.state["best_epoch"] = 7
    experiment.checkpoints.save(checkpoints.LAST, int(experiment.trainer.step))
    with pytest.raises(
        ValueError, match=rf"is of epoch {best}, expected epoch 7 "
    ):
        experiment.evaluate()
    assert (folder / "results.json").read_bytes() == before


def test_training_starts_from_pretrained_vectors(corpus, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good1 1 2 3\nnowhere 4 5 6\nbad2 7 8 9\n")
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(tmp_path / "run"),
        **ALL
        | {
            "word_vectors": [str(vectors)],
            "train_word_vectors": False,
            "embedding_dim": 3,
            "epochs": 1,
        },
    )
    experiment = experiment_lib.Experiment(config)
    table = experiment.model.get_layer("word_embedding").table
    start = table.numpy()
    experiment.run()
    words = experiment.vocabulary.tokens
    expected = start.copy()
    expected[words.index("good1")] = [1, 2, 3]
    expected[words.index("bad2")] = [7, 8, 9]
    np.testing.assert_array_equal(table.numpy(), expected)
    recorded = tmp_path / "run" / "assets" / "word_vectors.json"
    assert json.loads(recorded.read_text()) == {
        "words": len(words),
        "sources": [{"source": str(vectors), "with_vector": 2, "dim": 3}],
    }


@pytest.mark.parametrize("with_vectors", [True, False])
def test_random_word_vectors_are_not_frozen(corpus, tmp_path, with_vectors):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good1 1 2 3\n")
    settings = {"word_vectors": [str(vectors)]} if with_vectors else {}
    with pytest.raises(
        ValueError,
        match=f"^notrain_word_vectors: word_vectors has {3 * with_vectors} of "
        "the 8 numbers of a word vector",
    ):
        run(corpus, tmp_path / "run", train_word_vectors=False, **settings)
    assert not (tmp_path / "run").exists()


def test_message_for_nan_has_a_remedy(corpus, tmp_path):
    with pytest.raises(FloatingPointError, match="learning rate is too high"):
        run(
            corpus,
            tmp_path,
            optimizer="sgd",
            learning_rate=3e38,
            warmup_steps=0,
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ("boks",)}, "no task 'boks' .did you mean books"),
        ({"main_task": "flims"}, "main_task=flims: .*did you mean films"),
        ({"task_weights": ("gams:2",)}, "no task 'gams' .did you mean games"),
        ({"tasks": ("books",)}, "adversarial_weight needs at least 2 tasks"),
        ({"word_vectors": ["/no/such/file"]}, "/no/such/file"),
        (
            {**LABEL_TRANSFER, "tasks": ("books",), "adversarial_weight": 0.0},
            "^label_transfer=semi_supervised needs at least 2 tasks, got books",
        ),
        (
            {**LABEL_TRANSFER, "tasks": ("films", "games")},
            "^main_task=books: not one of the tasks films, games",
        ),
    ],
)
def test_settings_that_do_not_fit_the_corpus_are_refused(
    corpus, tmp_path, settings, message
):
    with pytest.raises(ValueError, match=message):
        run(corpus, tmp_path, **settings)
    # The directory can be used with correct settings.
    assert not (tmp_path / "config.json").exists()


def test_task_named_like_the_label_transfer_network_is_refused(
    tmp_path, monkeypatch
):
    other = "books_label_transfer"
    monkeypatch.setitem(generated.LABELS, other, ("bad", "good"))
    corpus = generated.write_corpus(
        str(tmp_path / "corpus"),
        rows={"train": 8, "dev": 4, "test": 4, "unlabeled": 4},
        task_names=("books", other),
    )
    with pytest.raises(
        ValueError,
        match=f"^task {other} has the name of the label transfer network",
    ):
        run(corpus, tmp_path / "run", **LABEL_TRANSFER)
    assert not (tmp_path / "run" / "config.json").exists()


def test_missing_unlabeled_text_is_refused(tmp_path):
    corpus = generated.write_corpus(
        str(tmp_path / "corpus"), rows={"train": 16, "dev": 8, "test": 8}
    )
    with pytest.raises(ValueError, match="no unlabeled text: books, films"):
        run(corpus, tmp_path / "run")
    # Pseudo-labels need unlabeled text of at least one task.
    settings = {**LABEL_TRANSFER, "adversarial_weight": 0.0}
    with pytest.raises(ValueError, match="no unlabeled text: books, films"):
        run(corpus, tmp_path / "run", **settings)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
