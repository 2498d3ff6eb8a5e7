"""Calls from Python, with values as users have them at hand."""

import json
import os
import pathlib
import re

import numpy as np
import pytest

import mtl_tf
from mtl_tf.data import tasks as tasks_lib
from tests.helpers import generated

_ROWS = {"train": 16, "dev": 6, "test": 6}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(str(folder / "corpus"), rows=_ROWS)


def make_config(corpus, run_dir):
    """Settings as NumPy, lists and paths."""
    return mtl_tf.Config(
        data_dir=pathlib.Path(corpus),
        run_dir=pathlib.Path(run_dir),
        tasks=["books", "films"],
        encoder="bag_of_words",
        pooling="max",
        hidden_size=np.int64(3),
        embedding_dim=np.int32(4),
        learning_rate=np.float32(0.25),
        label_bias=np.bool_(False),
        batch_size=8,
        epochs=1,
        progress=False,
    )


@pytest.fixture(scope="module")
def run_dir(corpus, tmp_path_factory):
    """A run, the same call made twice."""
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    results = mtl_tf.train(make_config(corpus, run_dir))
    # It is the same run: its results are there.
    assert mtl_tf.train(make_config(corpus, run_dir)) == results
    return run_dir


def test_config_of_numpy_scalars_lists_and_paths(corpus, run_dir):
    record = json.loads((run_dir / "config.json").read_text("utf-8"))
    settings = record["config"]
    assert settings["data_dir"] == str(corpus)
    assert settings["tasks"] == ["books", "films"]
    assert (settings["hidden_size"], settings["learning_rate"]) == (3, 0.25)
    assert mtl_tf.evaluate(make_config(corpus, run_dir))["tasks"].keys() == {
        "books",
        "films",
    }


def test_model_accepts_numpy_and_pandas_texts(run_dir):
    model = mtl_tf.load(run_dir)
    texts, labels = ["good1 x", "bad2 y"], ["good", "bad"]
    expected = model.predict("books", texts).probabilities
    for given in (tuple(texts), np.array(texts), np.array(texts, object)):
        actual = model.predict("books", given).probabilities
        np.testing.assert_array_equal(actual, expected)
        np.testing.assert_array_equal(model.encode(given), model.encode(texts))
    scores = model.evaluate("books", texts, labels)
    assert model.evaluate("books", np.array(texts), np.array(labels)) == scores
    with pytest.raises(ValueError, match=r"labels\[0\].*'1'.*'bad', 'good'"):
        model.evaluate("books", texts, [1, 0])
    with pytest.raises(
        ValueError, match=r"expected a list of texts, got dict$"
    ):
        model.predict("books", dict(zip(texts, labels, strict=True)))
    with pytest.raises(ValueError, match="has no task 3; its tasks are books"):
        model.predict(3, texts)


def test_a_run_in_the_home_directory(run_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(run_dir.parent))
    assert mtl_tf.load("~/run").run.run_dir == str(run_dir)


@pytest.mark.parametrize(
    ("run_dir", "message"),
    [
        ("nowhere", "nowhere holds no run: config.json is missing"),
        (pathlib.Path("nowhere"), "nowhere holds no run: config.json is"),
        (__file__, f"{__file__} holds no run: config.json is missing"),
        ("", "expected a run directory, got an empty path"),
        (None, "run_dir=None: expected a path, got NoneType"),
        (3, "run_dir=3: expected a path, got int"),
    ],
)
def test_load_refuses_other_directories(run_dir, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        mtl_tf.load(run_dir)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 2.5}, "epochs=2.5: expected an integer, got float"),
        (
            {"hidden_size": True},
            "hidden_size=True: expected an integer, got bool",
        ),
        (
            {"hidden_size": "16"},
            "hidden_size='16': expected an integer, got str",
        ),
        ({"tasks": "books"}, "tasks='books': expected a list of strings"),
        ({"run_dir": None}, "run_dir=None: expected a path, got NoneType"),
        (
            {"task_weights": {"books": 2}},
            "task_weights={'books': 2}: expected a list of strings, got dict",
        ),
        ({"data_dir": ""}, "data_dir is missing in the config"),
        ({"run_dir": ""}, "run_dir is missing in the config"),
        ({"tasks": ["bookz"]}, "corpus generated has no task 'bookz' (did"),
        ({"main_task": "games"}, "main_task=games: not one of the tasks"),
    ],
)
@pytest.mark.parametrize("call", [mtl_tf.train, mtl_tf.evaluate])
def test_refused_call_leaves_no_files(corpus, tmp_path, call, changes, message):
    settings = make_config(corpus, tmp_path / "run").to_dict()
    if call is mtl_tf.evaluate and changes.keys() & {"tasks", "main_task"}:
        # It looks for results first, once the settings are right.
        is_list = isinstance(changes.get("tasks", []), list)
        message = f"{tmp_path / 'run'} holds no" if is_list else message
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call(mtl_tf.Config(**settings | changes))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", [mtl_tf.train, mtl_tf.evaluate])
def test_calls_without_a_config_or_processes(corpus, tmp_path, call):
    config = make_config(corpus, tmp_path / "run")
    with pytest.raises(
        ValueError, match=r"^config: expected a mtl_tf\.Config, got dict$"
    ):
        call(config.to_dict())
    with pytest.raises(
        ValueError, match=r"^processes=0: expected a number above 0$"
    ):
        call(config, processes=0)
    assert os.listdir(tmp_path) == []


def test_a_task_may_list_its_labels():
    assert mtl_tf.Task("books", ["bad", "good"]) == tasks_lib.Task(
        "books", ("bad", "good")
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
