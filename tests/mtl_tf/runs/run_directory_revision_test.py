"""The revision of the source that a run records."""

import os
import shutil
import subprocess

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import versions
from tests.helpers import generated


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return tasks_lib.Corpus.read(generated.write_corpus(str(folder / "corpus")))


@pytest.fixture
def config(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir, run_dir=str(tmp_path / "run")
    )


def recorded_revision(config):
    return run_directory.read_config(config.run_dir)["git_revision"]


@pytest.fixture
def no_git_settings(monkeypatch):
    """Unsets git settings of the user and of hooks."""
    for name in os.environ:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="no git here")


def make_work_tree(folder, *, with_source):
    """Makes a git work tree with the package, which may be checked in."""

    def git(*arguments):
        names = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(
            ["git", *names, *arguments],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    package = folder / "mtl_tf"
    package.mkdir(parents=True)
    shutil.copy(versions.__file__, package)
    git("init", "-q")
    if with_source:
        git("add", ".")
    git("commit", "-q", "--allow-empty", "-m", "x")
    return package / "versions.py", git("rev-parse", "HEAD")


@needs_git
@pytest.mark.usefixtures("no_git_settings")
def test_revision_of_the_source(tmp_path, config, corpus, monkeypatch):
    source, revision = make_work_tree(tmp_path / "tree", with_source=True)
    monkeypatch.setattr(versions, "__file__", str(source))
    run_directory.start(config, corpus, corpus.tasks)
    assert recorded_revision(config) == revision
    source.write_text("changed")
    run_directory.start(config, corpus, corpus.tasks)
    assert recorded_revision(config) == f"{revision}-dirty"


@needs_git
@pytest.mark.usefixtures("no_git_settings")
def test_revision_of_another_work_tree_is_unknown(
    tmp_path, config, corpus, monkeypatch
):
    # As if the package is installed in another project.
    source, _ = make_work_tree(tmp_path / "tree", with_source=False)
    monkeypatch.setattr(versions, "__file__", str(source))
    run_directory.start(config, corpus, corpus.tasks)
    assert recorded_revision(config) == "unknown"


def test_revision_without_git_is_unknown(config, corpus, monkeypatch):
    monkeypatch.setenv("PATH", "")
    run_directory.start(config, corpus, corpus.tasks)
    assert recorded_revision(config) == "unknown"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
