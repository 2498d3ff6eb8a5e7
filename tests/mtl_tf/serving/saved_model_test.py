import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from mtl_tf.serving import trained_model
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from mtl_tf.utils import checksums
from tests.helpers import exported_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def corpus(folder):
    return exported_run.write_corpus(str(folder))


@pytest.fixture(scope="module")
def expected(corpus, folder):
    """What the evaluation says of test, by task; see `train_and_move`."""
    return exported_run.train_and_move(corpus, str(folder))


@pytest.fixture(scope="module")
def moved(expected, folder):
    return str(folder / "moved")


@pytest.fixture(scope="module")
def run_dir(expected, folder):
    return str(folder / "run")


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, str(tmp_path / "copy"))


@pytest.fixture
def unsaved(monkeypatch):
    return exported_run.catch_signatures(monkeypatch)


def test_run_of_another_tokenizer_is_not_exported(copy):
    path = os.path.join(copy, "assets", "corpus.json")
    with open(path, encoding="utf-8") as file:
        declaration = json.load(file)
    declaration["tokenizer_version"] = 1
    run_directory.write_json(path, checksums.sign(declaration))
    record = run_directory.read_config(copy)
    record["assets"]["corpus.json"] = checksums.sha256(path)
    run_directory.write_config(copy, record)
    with pytest.raises(
        ValueError,
        match="copy: expected texts tokenized by version 2 of the tokenizer, "
        "got version 1: prepare the corpus again, and train",
    ):
        saved_model.write(copy)


def test_labels_file(moved):
    with open(os.path.join(moved, "labels.json"), encoding="utf-8") as file:
        actual = json.load(file)
    assert actual == {
        "schema": 1,
        "serving_default": "serve_films",
        "signatures": {
            "serve_books": {
                "task": "books",
                "output": "main",
                "inputs": ["seq1", "seq2"],
                "labels": ["bad", "good"],
            },
            "serve_films": {
                "task": "films",
                "output": "main",
                "inputs": ["text"],
                "labels": ["poor", "fair", "great"],
            },
            "encode": {"inputs": ["text"], "width": 3},
            "encode_pairs": {"inputs": ["seq1", "seq2"], "width": 3},
        },
    }


def test_export_has_the_model_alone(moved, run_dir, folder):
    reader = tf.train.load_checkpoint(
        os.path.join(moved, "variables/variables")
    )
    held = {
        name: shape
        for name, shape in reader.get_variable_to_shape_map().items()
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH"
    }
    best = tf.train.load_checkpoint(
        tf.train.latest_checkpoint(os.path.join(run_dir, "checkpoints/best"))
    )
    trained = {
        name: shape
        for name, shape in best.get_variable_to_shape_map().items()
        if name.startswith("model/") and "seed" not in name
    }
    assert sorted(held.values()) == sorted(trained.values())
    with open(os.path.join(moved, "saved_model.pb"), "rb") as file:
        graph = file.read()
    for word in (str(folder), "discriminator", "adam", "seed_generator"):
        assert word.encode() not in graph, word
    with open(os.path.join(moved, "assets/vocabulary.txt"), "rb") as file:
        vocabulary = file.read()
    with open(os.path.join(run_dir, "assets/vocabulary.txt"), "rb") as file:
        assert file.read() == vocabulary
    card = os.path.join(moved, "MODEL_CARD.md")
    with open(card, encoding="utf-8") as file:
        assert f"{sum(map(np.prod, held.values())):,} weights" in file.read()


def test_default_task(copy, unsaved):
    record = run_directory.read_config(copy)

    def default():
        signatures = unsaved[-1]
        (name,) = (
            name
            for name, function in signatures.items()
            if function is signatures["serving_default"]
            and name != "serving_default"
        )
        with open(os.path.join(copy, "export/labels.json")) as file:
            assert json.load(file)["serving_default"] == name
        return name

    saved_model.write(copy)
    assert default() == "serve_films"
    saved_model.write(copy, default_task="books")
    assert default() == "serve_books"
    record["config"]["main_task"] = ""
    run_directory.write_config(copy, record)
    saved_model.write(copy)
    assert default() == "serve_books"
    with pytest.raises(ValueError, match=r"no task 'boks' .did you mean books"):
        saved_model.write(copy, default_task="boks")


def test_export_is_replaced_atomically(copy, unsaved, monkeypatch):
    saved_model.write(copy)
    # One of an older export.
    stray = os.path.join(copy, "export", "fingerprint.pb")
    with open(stray, "w"):
        pass
    saved_model.write(copy)
    kept = ["MODEL_CARD.md", "labels.json"]
    assert sorted(os.listdir(os.path.join(copy, "export"))) == kept
    before = sorted(os.listdir(copy))

    def full(path, value):
        raise OSError("no space left")

    monkeypatch.setattr(saved_model.run_directory, "write_json", full)
    with pytest.raises(OSError, match="no space left"):
        saved_model.write(copy)
    assert sorted(os.listdir(os.path.join(copy, "export"))) == kept
    assert sorted(os.listdir(copy)) == before


def test_a_calibrated_export(copy, corpus, moved):
    path = saved_model.write(copy, calibrated=True)
    with open(os.path.join(path, "labels.json"), encoding="utf-8") as file:
        temperatures = {
            output["task"]: output["temperature"]
            for output in json.load(file)["signatures"].values()
            if "task" in output
        }
    model = trained_model.load(copy, calibrated=True)
    assert temperatures == {
        task: temperature
        for (task, _), temperature in model.temperatures.items()
    }
    assert list(temperatures) == ["books", "films"]
    texts = exported_run.read_texts(corpus, "films")
    calibrated = tf.saved_model.load(path).signatures["serve_films"]
    actual = exported_run.call(calibrated, **texts)
    plain = exported_run.call(
        tf.saved_model.load(moved).signatures["serve_films"], **texts
    )
    assert actual["label"].numpy().tolist() == plain["label"].numpy().tolist()
    # softmax(log p / T) = p ** (1 / T), normalized.
    scaled = plain["probabilities"].numpy() ** (1 / temperatures["films"])
    scaled /= scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(actual["probabilities"], scaled, atol=1e-5)


def test_a_model_for_each_task(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(
        run_pool,
        "run_all",
        lambda mode, configs, corpus, processes: [
            experiment_lib.Experiment(config).run() for config in configs
        ],
    )
    config = config_lib.Config(
        data_dir=corpus,
        run_dir=str(tmp_path / "run"),
        **exported_run.SETTINGS
        | {
            "sharing": "single_task",
            "adversarial_weight": 0.0,
            "encoder": "bag_of_words",
            "pooling": "mean",
        },
    )
    launcher.train(config)
    path = saved_model.write(config.run_dir)
    # One vocabulary, though there are two models.
    assert os.listdir(os.path.join(path, "assets")) == ["vocabulary.txt"]
    shutil.move(path, tmp_path / "moved")
    model = trained_model.load(config.run_dir)
    expected = {}
    for task in ("books", "films"):
        texts = exported_run.read_texts(corpus, task)
        first = texts.get("seq1", [b""] * 24)
        text_model, task_id = model.text_models[task]
        expected[task] = text_model.classify(
            task_id, first, texts.get("seq2", texts.get("text"))
        )
    shutil.rmtree(config.run_dir)
    served = tf.saved_model.load(str(tmp_path / "moved")).signatures
    assert set(served) == {"serve_books", "serve_films", "serving_default"}
    for task, probabilities in expected.items():
        actual = exported_run.call(
            served[f"serve_{task}"], **exported_run.read_texts(corpus, task)
        )
        np.testing.assert_allclose(
            actual["probabilities"], probabilities, atol=1e-6
        )


def test_unfinished_run_is_not_exported(copy):
    os.remove(os.path.join(copy, run_directory.RESULTS_FILE))
    with pytest.raises(ValueError, match=r"writes it at its end"):
        saved_model.write(copy)
    assert not os.path.exists(os.path.join(copy, "export"))


def test_an_export_behind_a_link(copy, tmp_path):
    target = tmp_path / "disk" / "model"
    target.mkdir(parents=True)
    link = tmp_path / "copy" / "export"
    link.symlink_to(target)
    assert saved_model.write(copy) == str(link)
    assert link.is_symlink()
    assert os.listdir(tmp_path / "disk") == ["model"]
    actual = {
        str(path.relative_to(target))
        for path in target.rglob("*")
        if path.is_file()
    }
    assert actual == {
        "MODEL_CARD.md",
        "assets/vocabulary.txt",
        "fingerprint.pb",
        "labels.json",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    # An export may be replaced, and nothing else.
    saved_model.check_replaceable(copy)
    extra = link / "assets.extra" / "tf_serving_warmup_requests"
    extra.parent.mkdir()
    extra.touch()
    with pytest.raises(ValueError, match=r"contains assets\.extra/tf_serving_"):
        saved_model.check_replaceable(copy)
    extra.unlink()
    (link / "labels.json").write_text("[]")
    with pytest.raises(ValueError, match="which is not part of an export"):
        saved_model.check_replaceable(copy)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
