"""Locations of a new run, and files in its directory."""

import json
import os
import pathlib

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.runs import run_directory
from tests.helpers import generated

_ROWS = {"train": 8, "dev": 2, "test": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir, run_dir=str(tmp_path / "some" / "run")
    )


def start(config, corpus):
    run_directory.start(config, corpus, corpus.select(config.tasks))


def test_link_to_results_is_kept(config, corpus, tmp_path):
    start(config, corpus)
    target = tmp_path / "elsewhere.json"
    target.write_text('{"schema": 1}')
    link = pathlib.Path(config.run_dir, run_directory.RESULTS_FILE)
    link.symlink_to(target)
    # A resumed run removes the results.
    start(config, corpus)
    assert not run_directory.has_ended(config.run_dir)
    run_directory.write_json(str(link), {"schema": 1, "tasks": {}})
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"schema": 1, "tasks": {}}


@pytest.mark.parametrize("name", ["lock", "log.txt", ".DS_Store"])
def test_files_that_a_new_run_allows(config, corpus, name):
    os.makedirs(config.run_dir)
    pathlib.Path(config.run_dir, name).touch()
    start(config, corpus)


def test_directory_with_other_files_is_refused(config, corpus):
    path = pathlib.Path(config.run_dir, "predictions", "mine.txt")
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(ValueError, match="holds predictions, but no run"):
        start(config, corpus)
    assert path.read_text() == "mine"
    assert os.listdir(config.run_dir) == ["predictions"]


def test_run_interrupted_during_its_start_can_be_started(
    config, corpus, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_directory.shutil, "copy", stop)
        with pytest.raises(KeyboardInterrupt):
            start(config, corpus)
    start(config, corpus)
    assert run_directory.Run.read(config.run_dir).config == config


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
