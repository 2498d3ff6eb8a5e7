"""The revision of the source that a run keeps."""

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


def kept_revision(config):
    return run_directory.read_config(config.run_dir)["git_revision"]


@pytest.fixture
def no_git_settings(monkeypatch):
    """Neither of the user nor, where tests run in a hook, of a repository."""
    for name in os.environ:
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


needs_git = pytest.mark.skipif(not shutil.which("git"), reason="no git here")


def work_tree(folder, *, with_source):
    """A git work tree, in which the package lies or is checked in."""

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
def test_the_revision_of_the_source(tmp_path, config, corpus, monkeypatch):
    source, revision = work_tree(tmp_path / "tree", with_source=True)
    monkeypatch.setattr(versions, "__file__", str(source))
    run_directory.start(config, corpus, corpus.tasks)
    assert kept_revision(config) == revision
    source.write_text("changed")
    run_directory.start(config, corpus, corpus.tasks)
    assert kept_revision(config) == f"{revision}-dirty"


@needs_git
@pytest.mark.usefixtures("no_git_settings")
def test_a_work_tree_that_is_not_ours(tmp_path, config, corpus, monkeypatch):
    # As when the package is installed below somebody's own project.
    source, _ = work_tree(tmp_path / "tree", with_source=False)
    monkeypatch.setattr(versions, "__file__", str(source))
    run_directory.start(config, corpus, corpus.tasks)
    assert kept_revision(config) == "unknown"


def test_no_git(config, corpus, monkeypatch):
    monkeypatch.setenv("PATH", "")
    run_directory.start(config, corpus, corpus.tasks)
    assert kept_revision(config) == "unknown"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
