import copy as copy_lib
import dataclasses
import json
import os
import re
import shutil

import numpy as np
import pytest
from absl import logging
from sklearn import metrics as sklearn_metrics

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.metrics import calibration
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from tests.helpers import generated

_SETTINGS = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "hidden_size": 4,
    "embedding_dim": 4,
    "pictures": False,
    "batch_size": 8,
    # Answers differ, and are not all sure.
    "init_range": 1.0,
    "learning_rate": 0.05,
    "epochs": 12,
    "max_tokens": 10,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.write_corpus(
        str(tmp_path_factory.mktemp("generated") / "corpus"),
        rows={"train": 48, "dev": 24, "test": 24},
        task_names=("books", "films"),
        pairs=("books",),
        noise=0.2,
    )


def train(corpus, run_dir, **settings):
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **_SETTINGS | settings
    )
    with pytest.MonkeyPatch.context() as patch:
        # In this process: starting others takes longer than the runs.
        patch.setattr(
            run_pool,
            "run_all",
            lambda mode, configs, corpus, processes: [
                experiment.Experiment(config).run() for config in configs
            ],
        )
        launcher.train(config)
    return config.run_dir


@pytest.fixture(scope="module")
def run_dir(corpus, tmp_path_factory):
    """A run that was moved, and whose corpus is not where it was."""
    folder = tmp_path_factory.mktemp("run")
    copy = shutil.copytree(corpus, folder / "corpus")
    trained = train(str(copy), folder / "run")
    shutil.rmtree(copy)
    return shutil.move(trained, str(folder / "moved"))


@pytest.fixture(scope="module")
def single_task_run(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("single")
    return train(corpus, folder / "run", sharing="single_task")


@pytest.fixture(scope="module")
def model(run_dir):
    return trained_model.load(run_dir)


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, str(tmp_path / "copy"))


def read_texts(corpus, task, split="test"):
    """Texts as `predict` wants them, and their labels."""
    rows = list(records.read_rows(corpus, task, split))
    texts = [(r.seq1, r.seq2) if task == "books" else r.seq2 for r in rows]
    return texts, [row.label for row in rows]


def read_predictions(run_dir, task, split="test"):
    path = os.path.join(run_dir, "predictions", f"{task}-{split}.jsonl")
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("task", ["books", "films"])
def test_loaded_model_repeats_predictions(corpus, run_dir, model, task):
    texts, _ = read_texts(corpus, task)
    predictions = model.predict(task, texts)
    expected = read_predictions(run_dir, task)
    assert len(predictions) == len(expected) == 24
    assert predictions.labels == [line["predicted"] for line in expected]
    assert len(set(predictions.labels)) > 1
    for prediction, line in zip(predictions, expected, strict=True):
        assert prediction["task"] == task
        assert prediction["predicted"] == line["predicted"]
        assert prediction["probabilities"] == pytest.approx(
            line["probabilities"], abs=2e-6
        )
        assert list(prediction["probabilities"]) == list(generated.LABELS[task])


def test_pairs_with_seq2_alone_are_single_texts(corpus, tmp_path):
    run_dir = train(corpus, tmp_path / "run", sequences="seq2", epochs=1)
    model = trained_model.load(run_dir)
    assert [task.pair for task in model.tasks] == [False, False]
    pairs, _ = read_texts(corpus, "books")
    predictions = model.predict("books", [seq2 for _, seq2 in pairs])
    for prediction, line in zip(
        predictions, read_predictions(run_dir, "books"), strict=True
    ):
        assert prediction["probabilities"] == pytest.approx(
            line["probabilities"], abs=2e-6
        )
    with pytest.raises(ValueError, match="a single text for task books"):
        model.predict("books", pairs)


def test_each_single_task_model_predicts_its_task(corpus, single_task_run):
    model = trained_model.load(single_task_run)
    assert [task.name for task in model.tasks] == ["books", "films"]
    for task in ("books", "films"):
        texts, _ = read_texts(corpus, task)
        part = os.path.join(single_task_run, "tasks", task)
        expected = read_predictions(part, task)
        for row, line in zip(model.predict(task, texts), expected, strict=True):
            assert row["probabilities"] == pytest.approx(
                line["probabilities"], abs=2e-6
            )
    with pytest.raises(ValueError, match="single-task model: it has no shared"):
        model.encode(["good1"])


def test_features_are_those_of_the_run(corpus, run_dir, model):
    saved = np.load(os.path.join(run_dir, "features.npz"))
    texts, _ = read_texts(corpus, "films")
    keys = [row.id for row in records.read_rows(corpus, "films", "test")]
    rows = saved["task"] == "films"
    assert saved["id"][rows].tolist() == keys
    np.testing.assert_allclose(
        model.encode(texts), saved["features"][rows], atol=1e-6
    )


def test_evaluate(corpus, run_dir, model):
    texts, labels = read_texts(corpus, "films")
    actual = model.evaluate("films", texts, labels)
    lines = read_predictions(run_dir, "films")
    predicted = [line["predicted"] for line in lines]
    assert actual == {
        "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
        "macro_f1": pytest.approx(
            sklearn_metrics.f1_score(labels, predicted, average="macro")
        ),
        "loss": pytest.approx(
            np.mean(
                [-np.log(line["probabilities"][line["gold"]]) for line in lines]
            ),
            rel=1e-4,
        ),
        "n": 24,
    }
    assert 0 < actual["accuracy"] < 1


def by_topic(model):
    """The model, with a metric by topic for films."""
    declared = tuple(
        dataclasses.replace(task, metric="macro_mae_by_topic")
        if task.name == "films"
        else task
        for task in model.tasks
    )
    other = copy_lib.copy(model)
    other.tasks = declared
    return other


def test_evaluate_by_topic(corpus, model):
    texts, labels = read_texts(corpus, "films")
    groups = [f"topic {row % 5}" for row in range(len(texts))]
    actual = by_topic(model).evaluate("films", texts, labels, groups)
    indices = generated.LABELS["films"].index
    errors = [
        abs(indices(gold) - indices(prediction))
        for gold, prediction in zip(
            labels, model.predict("films", texts).labels, strict=True
        )
    ]
    topics = [
        [
            np.mean(
                [
                    error
                    for error, label, group in zip(
                        errors, labels, groups, strict=True
                    )
                    if (label, group) == (gold, topic)
                ]
            )
            for gold in set(labels)
            if (gold, topic) in set(zip(labels, groups, strict=True))
        ]
        for topic in set(groups)
    ]
    assert actual["macro_mae_by_topic"] == pytest.approx(
        np.mean([np.mean(by_label) for by_label in topics])
    )
    assert actual["macro_mae"] > 0


def test_missing_groups_are_refused(corpus, model):
    texts, labels = read_texts(corpus, "films")
    with pytest.raises(ValueError, match="row 0 has no group, which the"):
        by_topic(model).evaluate("films", texts, labels)
    with pytest.raises(ValueError, match=r"24 texts, but 1 group$"):
        model.evaluate("films", texts, labels, ["x"])


def test_calibrated_probabilities(corpus, run_dir, model):
    calibrated = trained_model.load(run_dir, calibrated=True)
    assert model.temperatures == {}
    assert list(calibrated.temperatures) == [
        ("books", "main"),
        ("films", "main"),
    ]
    for task in ("books", "films"):
        dev = read_predictions(run_dir, task, "dev")
        labels = generated.LABELS[task]
        temperature = calibration.fit_temperature(
            np.array([list(line["probabilities"].values()) for line in dev]),
            np.array([labels.index(line["gold"]) for line in dev]),
        )
        actual = calibrated.temperatures[task, "main"]
        assert actual == pytest.approx(temperature)
        assert abs(temperature - 1) > 0.05
        texts, _ = read_texts(corpus, task)
        plain = model.predict(task, texts)
        actual = calibrated.predict(task, texts)
        assert actual.labels == plain.labels
        np.testing.assert_allclose(
            actual.probabilities,
            calibration.scale(plain.probabilities, temperature),
            atol=1e-5,
        )


def test_calibration_needs_predictions_on_dev(copy):
    os.remove(os.path.join(copy, "predictions", "films-dev.jsonl"))
    with pytest.raises(ValueError, match=r"films-dev.jsonl is missing"):
        trained_model.load(copy, calibrated=True)
    trained_model.load(copy)


def test_texts_of_any_kind(model):
    texts = ["", " ", "\x00", "\ud83d alone", b"\xff", "good1 " * 100, "日本"]
    actual = model.predict("films", texts).probabilities
    assert actual.shape == (7, 3)
    np.testing.assert_allclose(actual.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(actual[0], actual[1])
    # No more than max_tokens are read.
    cut = model.predict("films", ["good1 " * 10]).probabilities
    np.testing.assert_allclose(actual[5], cut[0], atol=1e-6)


def test_no_texts(model):
    predictions = model.predict("films", [])
    assert predictions.probabilities.shape == (0, 3)
    assert (list(predictions), predictions.labels, len(predictions)) == (
        [],
        [],
        0,
    )
    assert model.encode([]).shape == (0, 4)
    with pytest.raises(ValueError, match="at least one row"):
        model.evaluate("films", [], [])


def test_encode_takes_texts_and_pairs(corpus, model):
    pairs, _ = read_texts(corpus, "books")
    texts = [seq2 for _, seq2 in pairs]
    alone, together = model.encode(texts), model.encode(pairs)
    assert abs(alone - together).max(axis=1).min() > 1e-4
    # A pair without seq1 is a text.
    empty = model.encode([("", text) for text in texts])
    np.testing.assert_array_equal(empty, alone)


@pytest.mark.parametrize(
    ("task", "texts", "message"),
    [
        ("flims", ["a"], "has no task 'flims' (did you mean films?); its tasks "
         "are books, films"),
        ("films", "a text", "expected a list of texts, got one text"),
        ("films", ["a", ("b", "c")], "texts[1]: expected a single text "
         "for task films, got ('b', 'c')"),
        ("books", ["a"], "texts[0]: expected a pair (seq1, seq2) for task "
         "books, got 'a'"),
        ("books", [("a", "b"), ("a", "b", "c")], "texts[1]: expected a text or "
         "a pair (seq1, seq2), got ('a', 'b', 'c')"),
        ("films", ["a", 5], "texts[1]: expected a text or a pair (seq1, seq2), "
         "got 5"),
        ("books", [("a", None)], "texts[0]: expected a text or a pair"),
    ],
)  # fmt: skip
def test_predict_refuses_invalid_arguments(model, task, texts, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        model.predict(task, texts)


def test_evaluate_refuses_invalid_arguments(model):
    with pytest.raises(ValueError, match=r"2 texts, but 1 label$"):
        model.evaluate("films", ["a", "b"], ["fair"])
    with pytest.raises(
        ValueError,
        match=r"labels\[0\]: .* no label 'grate' .did you mean great",
    ):
        model.evaluate("films", ["a"], ["grate"])


def test_unfinished_run_is_loaded_with_a_warning(copy, caplog):
    trained_model.load(copy)
    assert caplog.messages == []
    os.remove(os.path.join(copy, run_directory.RESULTS_FILE))
    with caplog.at_level("WARNING", logger=logging.get_absl_logger().name):
        trained_model.load(copy)
    assert caplog.messages == [
        f"{copy}: training has not ended; using its best checkpoint so far"
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
