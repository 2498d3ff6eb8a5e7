"""Changed files of a run and of its corpus."""

import dataclasses
import os
import pathlib
import shutil

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from tests.helpers import generated

_REMEDY = "put back a copy of the file, or train again in another run_dir"
_ROWS = {"train": 8, "dev": 2, "test": 2, "unlabeled": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(tmp_path / "some" / "run"),
        tasks=("books", "films"),
        hidden_size=7,
    )


def start(config, corpus):
    run_directory.start(config, corpus, corpus.select(config.tasks))


def replace(old, new):
    def change(content):
        assert old in content
        return content.replace(old, new, 1)

    return change


def swap_lines(content):
    lines = content.splitlines(keepends=True)
    lines[-1], lines[-2] = lines[-2], lines[-1]
    return b"".join(lines)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", replace(b'"max_tokens": 400', b'"max_tokens": 300')),
        ("config.json", replace(b'"checksum"', b'"chexksum"')),
        ("config.json", replace(b'"assets"', b'"asse7s"')),
        ("assets/vocabulary.txt", swap_lines),
        ("assets/term_counts.json", lambda content: content[:-1] + b"\1"),
        ("assets/corpus.json", replace(b'"no"', b'"not"')),
        ("assets/corpus.json", replace(b" ", b"  ")),
    ],
)
def test_changed_files_of_a_run_are_refused(config, corpus, name, change):
    start(config, corpus)
    path = pathlib.Path(config.run_dir, name)
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    with pytest.raises(ValueError, match=rf"{name}(:| was)") as caught:
        run_directory.Run.read(config.run_dir)
    assert str(caught.value) in (
        f"{path} was changed after it was written: its checksum does not match "
        f"its content: {_REMEDY}",
        f"{path} was changed after it was written: its sha256 is not the one "
        f"in config.json: {_REMEDY}",
        f"{path}: 'checksum' is missing: {_REMEDY}",
        f"{path}: 'assets' is missing: {_REMEDY}",
    )
    # A resumed run copies its assets from the corpus again.
    if name != "config.json":
        start(config, corpus)
        assert path.read_bytes() == before
    else:
        with pytest.raises(ValueError, match=r"config\.json"):
            start(config, corpus)


@pytest.mark.parametrize("name", ["vocabulary.txt", "term_counts.json"])
def test_changed_corpus_is_refused(config, corpus, tmp_path, name):
    folder = tmp_path / "changed"
    shutil.copytree(corpus.data_dir, folder)
    changed = tasks_lib.Corpus.read(str(folder))
    path = folder / name
    path.write_bytes(swap_lines(path.read_bytes() + b"a\nb\n"))
    with pytest.raises(ValueError, match=rf"{name} was changed .*corpus.json"):
        start(config, changed)
    assert not os.path.exists(config.run_dir)


def test_corpus_with_other_words_is_refused(config, corpus):
    start(config, corpus)
    files = corpus.declaration["files"] | {"vocabulary.txt": "c0ffee"}
    other = dataclasses.replace(
        corpus, declaration=corpus.declaration | {"files": files}
    )
    with pytest.raises(ValueError, match="holds other data than the run"):
        run_directory.check(config, other)


def test_leftovers_of_interrupted_writes_are_removed(config, corpus):
    start(config, corpus)
    run_dir = pathlib.Path(config.run_dir)
    for name in (".config.json.7.part", "assets/.x.7.part", "x.txt"):
        (run_dir / name).write_text("")
    start(config, corpus)
    assert sorted(os.listdir(run_dir)) == ["assets", "config.json", "x.txt"]
    assert sorted(os.listdir(run_dir / "assets")) == [
        "corpus.json",
        "term_counts.json",
        "vocabulary.txt",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
