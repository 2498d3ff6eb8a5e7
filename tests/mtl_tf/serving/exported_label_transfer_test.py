"""A run with a label transfer network, from training to its export."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import calibration
from mtl_tf.runs import prediction_files
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from mtl_tf.serving import trained_model
from mtl_tf.training import experiment
from tests.helpers import exported_run
from tests.helpers import generated
from tests.helpers import trained_runs

# The main task is of pairs.
MAIN_TASK = "books"
OUTPUTS = ("main", "label_transfer")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def corpus(folder):
    return generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 48, "dev": 24, "test": 24},
        task_names=("books", "films"),
        pairs=("books",),
        noise=0.2,
    )


@pytest.fixture(scope="module")
def run_dir(corpus, folder):
    """A run that was moved, of a shared-private model."""
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(folder / "first"),
        **exported_run.SETTINGS
        | {
            "main_task": MAIN_TASK,
            "label_transfer": "supervised",
            "output_layer": "label_embedding",
            "encoder": "bag_of_words",
            "pooling": "mean",
            # Answers that are not all sure.
            "init_range": 0.3,
            "learning_rate": 0.02,
            "epochs": 6,
            "steps_per_epoch": 6,
            # Less to trace.
            "adversarial_weight": 0.0,
        },
    )
    experiment.Experiment(config).run()
    return shutil.move(config.run_dir, str(folder / "moved"))


@pytest.fixture(scope="module")
def model(run_dir):
    return trained_model.load(run_dir)


@pytest.fixture(scope="module")
def exported(run_dir, folder):
    """An export that is calibrated, away from its run; what it says of it."""
    path = saved_model.write(run_dir, head="label_transfer", calibrated=True)
    path = shutil.move(path, str(folder / "export"))
    with open(os.path.join(path, "labels.json"), encoding="utf-8") as file:
        return path, json.load(file)


@pytest.fixture(scope="module")
def texts(corpus):
    columns = exported_run.read_texts(corpus, MAIN_TASK)
    return list(zip(columns["seq1"], columns["seq2"], strict=True))


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, str(tmp_path / "copy"))


def read_predictions(run_dir, split, output):
    task = tasks_lib.Task(MAIN_TASK, generated.LABELS[MAIN_TASK])
    return prediction_files.read(run_dir, task, split, output)


@pytest.mark.parametrize("output", OUTPUTS)
def test_loaded_model_repeats_the_predictions_of_the_run(
    run_dir, model, texts, output
):
    predictions = model.predict(MAIN_TASK, texts, output)
    expected = read_predictions(run_dir, "test", output)
    np.testing.assert_allclose(
        predictions.probabilities, expected.probabilities, atol=1e-5
    )
    assert np.ptp(predictions.probabilities[:, 0]) > 1e-3
    assert model.predict(MAIN_TASK, [], output).probabilities.shape == (0, 2)


def test_outputs_differ_and_main_is_the_default(model, texts):
    main, transfer = (
        model.predict(MAIN_TASK, texts, output).probabilities
        for output in OUTPUTS
    )
    assert abs(main - transfer).max() > 1e-2
    usual = model.predict(MAIN_TASK, texts).probabilities
    np.testing.assert_array_equal(usual, main)


@pytest.mark.parametrize("output", OUTPUTS)
def test_scores_are_those_of_the_run(corpus, run_dir, model, texts, output):
    predictions = read_predictions(run_dir, "test", output)
    labels = [generated.LABELS[MAIN_TASK][x] for x in predictions.gold]
    actual = model.evaluate(MAIN_TASK, texts, labels, output=output)
    results = run_directory.read_results(run_dir)
    expected = results["tasks"][MAIN_TASK][output]["test"]
    assert {name: actual[name] for name in expected} == pytest.approx(expected)
    correct = predictions.probabilities[np.arange(24), predictions.gold]
    assert actual["loss"] == pytest.approx(-np.log(correct).mean(), rel=1e-4)


def test_outputs(model):
    assert model.outputs("books") == OUTPUTS
    assert model.outputs("films") == ("main",)


@pytest.mark.parametrize(
    ("task", "output", "message"),
    [
        ("films", "label_transfer", "task films has no output "
         "'label_transfer', it has main; label_transfer is an output of "
         "books alone"),
        ("books", "transfer", "task books has no output 'transfer' (did you "
         "mean label_transfer?), it has main and label_transfer"),
        ("bookz", "label_transfer", "has no task 'bookz' (did you mean "
         "books?); its tasks are books, films"),
    ],
)  # fmt: skip
def test_refused_by_name(model, run_dir, task, output, message):
    message = f"^{re.escape(run_dir)}:? {re.escape(message)}$"
    with pytest.raises(ValueError, match=message):
        model.predict(task, [("", "a")], output)
    with pytest.raises(ValueError, match=message):
        model.evaluate(task, [("", "a")], ["good"], output=output)
    with pytest.raises(ValueError, match=message):
        saved_model.write(run_dir, default_task=task, head=output)


def test_a_run_without_label_transfer(corpus, tmp_path):
    run_dir = trained_runs.leave_run(corpus, tmp_path / "run")
    with pytest.raises(
        ValueError,
        match="'label_transfer', it has main: it was trained without label_t",
    ):
        trained_model.load(run_dir).predict("books", [], "label_transfer")


def test_label_transfer_before_its_phase_is_an_error(corpus, tmp_path):
    run_dir = trained_runs.leave_run(
        corpus,
        tmp_path / "run",
        main_task=MAIN_TASK,
        label_transfer="supervised",
    )
    model = trained_model.load(run_dir)
    assert model.outputs(MAIN_TASK) == ("main",)
    with pytest.raises(
        ValueError, match=r"phase that trains label_transfer has not started$"
    ):
        model.predict(MAIN_TASK, [], "label_transfer")


def test_temperatures_are_fitted_to_the_dev_predictions_of_each_output(
    run_dir, model, texts
):
    calibrated = trained_model.load(run_dir, calibrated=True)
    assert list(calibrated.temperatures) == [
        ("books", "main"),
        ("films", "main"),
        ("books", "label_transfer"),
    ]
    actual = [calibrated.temperatures[MAIN_TASK, output] for output in OUTPUTS]
    assert abs(actual[0] - actual[1]) > 0.01
    for output, temperature in zip(OUTPUTS, actual, strict=True):
        dev = read_predictions(run_dir, "dev", output)
        assert temperature == calibration.fit_temperature(
            dev.probabilities, dev.gold
        )
        np.testing.assert_allclose(
            calibrated.predict(MAIN_TASK, texts, output).probabilities,
            calibration.scale(
                model.predict(MAIN_TASK, texts, output).probabilities,
                temperature,
            ),
            atol=1e-5,
        )


def test_calibration_needs_dev_predictions_of_the_output(copy):
    os.remove(f"{copy}/predictions/books-dev-label_transfer.jsonl")
    with pytest.raises(ValueError, match=r"books-dev-label_transfer\.jsonl is"):
        trained_model.load(copy, calibrated=True)
    trained_model.load(copy)


def test_labels_file(exported, run_dir):
    _, actual = exported
    temperatures = trained_model.load(run_dir, calibrated=True).temperatures
    assert actual["serving_default"] == "serve_books_label_transfer"
    signatures = actual["signatures"]
    assert list(signatures)[:3] == [
        "serve_books",
        "serve_books_label_transfer",
        "serve_films",
    ]
    said = [
        {
            "task": MAIN_TASK,
            "output": output,
            "inputs": ["seq1", "seq2"],
            "labels": ["bad", "good"],
            "temperature": temperatures[MAIN_TASK, output],
        }
        for output in OUTPUTS
    ]
    assert list(signatures.values())[:2] == said
    assert signatures["serve_films"]["output"] == "main"


def test_both_outputs_without_this_package(
    exported, run_dir, corpus, texts, tmp_path
):
    path, said = exported
    columns = exported_run.read_texts(corpus, MAIN_TASK)
    name = "serve_books_label_transfer"
    many = {k: np.tile(x, 100) for k, x in columns.items()}
    texts = {"seq1": [b""] * 2, "seq2": [b"good1 " * 10, b"good1 " * 99]}
    predictions = exported_run.ask_a_stranger(
        tmp_path,
        path,
        [
            ("serve_books", columns),
            (name, columns),
            ("serving_default", columns),
            (name, {"seq1": [], "seq2": []}),
            (name, many),
            (name, texts),
        ],
    )
    for output, prediction in zip(OUTPUTS, predictions, strict=False):
        signature = "serve_books" if output == "main" else name
        expected = calibration.scale(
            read_predictions(run_dir, "test", output).probabilities,
            said["signatures"][signature]["temperature"],
        )
        np.testing.assert_allclose(
            prediction["probabilities"], expected, atol=1e-5
        )
        best = [[b"bad", b"good"][x] for x in expected.argmax(axis=1)]
        assert prediction["label"].tolist() == best
    transfer, default, none, tiled, diverse = predictions[1:]
    np.testing.assert_array_equal(
        default["probabilities"], transfer["probabilities"]
    )
    assert none["probabilities"].shape == (0, 2)
    np.testing.assert_allclose(
        tiled["probabilities"],
        np.tile(transfer["probabilities"], (100, 1)),
        atol=1e-5,
    )
    # The same tokens are read; the diversity features are of all of them.
    assert np.ptp(diverse["probabilities"][:, 0]) > 1e-4


def test_the_card_names_both_outputs_and_their_scores(exported, run_dir):
    path, _ = exported
    with open(os.path.join(path, "MODEL_CARD.md"), encoding="utf-8") as file:
        card = file.read()
    tasks = run_directory.read_results(run_dir)["tasks"]
    for name, output in (("", "main"), (", label transfer", "label_transfer")):
        score = 100 * tasks[MAIN_TASK][output]["test"]["accuracy"]
        (line,) = re.findall(rf"^\| books{name} \| accuracy .*", card, re.M)
        assert f" {score:.1f} |" in line
    assert 'model.signatures["serve_books_label_transfer"](' in card


@pytest.fixture
def unsaved(monkeypatch):
    return exported_run.catch_signatures(monkeypatch)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "serve_books"),
        ({"head": "label_transfer"}, "serve_books_label_transfer"),
        ({"default_task": "films"}, "serve_films"),
    ],
)
def test_serving_default(copy, unsaved, settings, name):
    saved_model.write(copy, **settings)
    (signatures,) = unsaved
    assert signatures["serving_default"] is signatures[name]
    with open(f"{copy}/export/labels.json", encoding="utf-8") as file:
        assert json.load(file)["serving_default"] == name


def test_two_signatures_of_one_name(copy, model, unsaved, monkeypatch):
    class Other(trained_model.TrainedModel):
        """It has a task that is called like the network's signature."""

        def outputs(self, name):
            return OUTPUTS if name == "books" else ("main",)

    other = Other(model.run, model.text_models, {}, "books")
    other.tasks = (
        *model.tasks,
        tasks_lib.Task("books_label_transfer", ("a", "b")),
    )
    monkeypatch.setattr(
        saved_model.trained_model, "load", lambda *_, **__: other
    )
    with pytest.raises(
        ValueError,
        match=r"^serve_books_label_transfer would be the name of two "
        "signatures, for the task books_label_transfer and for a label transf",
    ):
        saved_model.write(copy)
    assert unsaved == []


def test_export_needs_no_corpus(exported, run_dir):
    path, _ = exported
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        assert run_dir.encode() not in file.read()
    # Term counts and means are no variables, and no files.
    assert os.listdir(os.path.join(path, "assets")) == ["vocabulary.txt"]
    held = {
        name: tuple(shape)
        for name, shape in tf.train.load_checkpoint(
            os.path.join(path, "variables/variables")
        )
        .get_variable_to_shape_map()
        .items()
    }
    assert not any("diversity" in name or "counts" in name for name in held)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
