"""What is refused before TensorFlow is imported; of a run, from its files."""

import dataclasses
import os
import re

import pytest

from mtl_tf.cli import preflight
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import results
from mtl_tf.runs import run_directory
from tests.helpers import generated

_ROWS = {"train": 8, "dev": 2, "test": 2}
_MODEL = {"encoder": "bag_of_words", "pooling": "max", "hidden_size": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    return tasks_lib.Corpus.read(data_dir)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, corpus):
    """Settings of a run that has ended, as far as small files tell."""
    config = config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(tmp_path_factory.mktemp("runs") / "trained"),
        tasks=("books", "films"),
        **_MODEL,
    )
    run_directory.start(config, corpus, corpus.select(config.tasks))
    results.write(config.run_dir, {"schema": 1})
    return config


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("a text\n")
    return tmp_path


def check(trained, command=(), **changes):
    command = command_lib.Command(**dict(command))
    preflight.check(command, dataclasses.replace(trained, **changes), {})


# What a mode cannot do without.
_NEEDED = {
    "compare": {"models": ("single_task",)},
    "sweep": {"search_space": "space.toml"},
}


@pytest.mark.parametrize(
    "mode", ["train", "evaluate", "export", "analyze", *command_lib.STUDIES]
)
def test_run_dir_is_required(trained, mode):
    with pytest.raises(ValueError, match=r"^--run_dir is missing$"):
        check(trained, {"mode": mode, **_NEEDED.get(mode, {})}, run_dir="")


@pytest.mark.parametrize("mode", ["train", *command_lib.STUDIES])
def test_data_dir_is_required(trained, mode):
    with pytest.raises(ValueError, match=r"^--data_dir is missing$"):
        check(trained, {"mode": mode, **_NEEDED.get(mode, {})}, data_dir="")


_PREDICT = {"mode": "predict", "task": "books", "input": "texts.txt"}


@pytest.mark.parametrize(
    ("command", "changes", "message"),
    [
        ({}, {"data_dir": "nowhere"}, "nowhere holds no prepared corpus"),
        (
            {},
            {"tasks": ("bookz",)},
            "corpus generated has no task 'bookz' (did you mean books?)",
        ),
        ({}, {"hidden_size": 3}, "RUN holds a run with other settings"),
        (
            {},
            {"run_dir": "new", "main_task": "bookz"},
            "main_task=bookz: not one of the tasks books, films (did you",
        ),
        (
            {},
            {"run_dir": "new", "word_vectors": ["v.txt"]},
            "there are no word vectors v.txt",
        ),
        (
            {},
            {"run_dir": "new", "word_vectors": ["package:glove"]},
            "there are no word vectors 'package:glove'",
        ),
        (
            {},
            {"run_dir": "new", "init_from": "nowhere"},
            "init_from=nowhere: nowhere holds no run: config.json is missing",
        ),
        (
            {"baseline_run": "nowhere"},
            {"run_dir": "new"},
            "nowhere holds no results",
        ),
        (_PREDICT, {"run_dir": "new"}, "new holds no run: config.json is"),
        (
            {**_PREDICT, "task": "bookz"},
            {},
            "RUN has no task 'bookz' (did you mean books?)",
        ),
        (
            {**_PREDICT, "input": "nowhere.txt"},
            {},
            "there is no file nowhere.txt",
        ),
        (
            {"mode": "evaluate"},
            {"data_dir": "nowhere"},
            "nowhere holds no prepared corpus",
        ),
        (
            {"mode": "report", "runs": ("nowhere", "new")},
            {"run_dir": ""},
            "nowhere holds no run: config.json is missing",
        ),
    ],
)
def test_invalid_commands_are_refused(
    trained, folder, command, changes, message
):
    message = message.replace("RUN", trained.run_dir)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        check(trained, command, **changes)
    assert os.listdir(folder) == ["texts.txt"]


@pytest.mark.parametrize(
    ("command", "changes"),
    [
        ({}, {}),
        ({}, {"run_dir": "new"}),
        (_PREDICT, {}),
        ({**_PREDICT, "input": "-"}, {}),
        ({"mode": "evaluate"}, {"data_dir": ""}),
        ({"mode": "evaluate", "task": "films", "input": "texts.txt"}, {}),
        ({"mode": "export", "task": "films"}, {}),
        ({"mode": "analyze"}, {}),
    ],
)
def test_valid_commands_are_accepted(trained, folder, command, changes):
    check(trained, command, **changes)
    assert os.listdir(folder) == ["texts.txt"]


def test_a_run_with_its_baseline_and_runs_to_compare(trained):
    check(trained, {"baseline_run": trained.run_dir}, run_dir="new")
    both = (trained.run_dir, trained.run_dir)
    check(trained, {"mode": "report", "runs": both}, run_dir="")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
