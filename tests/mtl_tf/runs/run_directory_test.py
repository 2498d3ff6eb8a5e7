import dataclasses
import filecmp
import importlib.metadata
import json
import os
import pathlib
import re
import shutil

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_directory
from tests.helpers import generated

_ROWS = {"train": 8, "dev": 2, "test": 2, "unlabeled": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    return tasks_lib.Corpus.read(data_dir)


@pytest.fixture(scope="module")
def other_corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("other") / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS, seed=1)
    return tasks_lib.Corpus.read(data_dir)


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


def finish(config, corpus):
    """Makes a directory like that of a finished run."""
    start(config, corpus)
    path = os.path.join(config.run_dir, run_directory.RESULTS_FILE)
    run_directory.write_json(path, {"schema": 1})


def read(config, *names):
    path = os.path.join(config.run_dir, *names)
    with open(path, encoding="utf-8") as file:
        return json.load(file) if path.endswith(".json") else file.read()


def test_start_records_the_run(config, corpus):
    start(config, corpus)
    record = read(config, "config.json")
    assert record["schema"] == 1
    assert config_lib.Config.from_dict(record["config"]) == config
    assert record["config"]["seed"] == 0
    assert record["tasks"] == ["books", "films"]
    assert record["corpus"] == "generated"
    assert record["data"] == corpus.declaration["files"]
    assert "records/books-train-00000-of-00001.tfrecord" in record["data"]
    for package in ("tensorflow", "tensorflow-text", "keras", "numpy"):
        installed = importlib.metadata.version(package)
        assert record["versions"][package] == installed
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d{4}", record["started"])
    assert run_directory.read_config(config.run_dir) == record


def test_start_copies_the_files_that_a_model_needs(config, corpus):
    start(config, corpus)
    with open(
        os.path.join(corpus.data_dir, "vocabulary.txt"), encoding="utf-8"
    ) as file:
        assert read(config, "assets", "vocabulary.txt") == file.read()
    # The declaration has all tasks of the corpus.
    assert read(config, "assets", "corpus.json") == corpus.declaration
    assets = os.path.join(config.run_dir, "assets")
    name = "term_counts.json"
    assert filecmp.cmpfiles(assets, corpus.data_dir, [name])[0] == [name]


def test_corpus_without_its_files_is_refused(config, corpus, tmp_path):
    empty = dataclasses.replace(corpus, data_dir=str(tmp_path))
    with pytest.raises(ValueError, match=r"vocabulary.txt is missing: prepare"):
        start(config, empty)
    assert not os.path.exists(config.run_dir)


def test_corpus_of_another_tokenizer_is_refused(config, corpus):
    older = {**corpus.declaration, "tokenizer_version": 1}
    with pytest.raises(
        ValueError,
        match="by version 2 of the tokenizer, got version 1: prepare the",
    ):
        start(config, dataclasses.replace(corpus, declaration=older))
    assert not os.path.exists(config.run_dir)


def test_read_returns_the_started_run(config, corpus):
    start(config, corpus)
    run = run_directory.Run.read(config.run_dir)
    assert run.run_dir == config.run_dir
    assert run.config == config
    assert run.record == read(config, "config.json")
    assert run.tasks == corpus.select(["books", "films"])
    assert run.corpus.tasks == corpus.tasks
    assert run.corpus.declaration == corpus.declaration
    assert run.parts == {}
    with open(run.vocabulary_path, encoding="utf-8") as file:
        assert file.read() == read(config, "assets", "vocabulary.txt")


def test_run_on_all_tasks_is_read(config, corpus):
    start(dataclasses.replace(config, tasks=()), corpus)
    run = run_directory.Run.read(config.run_dir)
    assert run.config.tasks == ()
    assert run.tasks == corpus.tasks


def test_moved_run_is_read_at_its_new_path(config, corpus, tmp_path):
    start(dataclasses.replace(config, num_runs=2), corpus)
    moved = str(tmp_path / "moved")
    os.rename(config.run_dir, moved)
    run = run_directory.Run.read(moved)
    assert run.config == dataclasses.replace(config, num_runs=2, run_dir=moved)
    # The file is unchanged.
    assert run.record["config"]["run_dir"] == config.run_dir
    assert run.parts["1"] == os.path.join(moved, "seeds", "1")
    assert os.path.exists(run.vocabulary_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "holds no run: config.json is missing"),
        ("config.json", "{", r"run/config.json: not JSON: .*line 1"),
        ("config.json", b"\xff", r"run/config.json: not JSON: "),
        ("config.json", "{}", r"config.json: 'config' is missing: put back a"),
        ("config.json", "[]", r"config.json: 'config' is missing"),
        (
            "config.json",
            '{"config": {}, "tasks": [], "corpus": "x"}',
            r"config.json: 'fingerprint' is missing",
        ),
        (
            "assets/corpus.json",
            None,
            r"assets/corpus.json is missing: put back",
        ),
        ("assets/corpus.json", "[", r"assets/corpus.json was changed after it"),
        ("assets/vocabulary.txt", None, r"vocabulary.txt is missing: put back"),
    ],
)
def test_damaged_files_are_refused(config, corpus, name, content, message):
    start(config, corpus)
    path = pathlib.Path(config.run_dir, name)
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        run_directory.Run.read(config.run_dir)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"hidden_siz": 7},
            r"no setting 'hidden_siz' \(did you mean hidden_size",
        ),
        ({"hidden_size": 0}, r"hidden_size=0: expected a number above 0"),
        (
            {"hidden_size": "7"},
            r"hidden_size='7': expected an integer, got str",
        ),
    ],
)
def test_unknown_settings_are_refused(config, corpus, change, message):
    finish(config, corpus)
    record = read(config, "config.json")
    record["config"] |= change
    run_directory.write_config(config.run_dir, record)
    message = rf"run/config.json: .*{message}"
    with pytest.raises(ValueError, match=message):
        run_directory.Run.read(config.run_dir)
    with pytest.raises(ValueError, match=message):
        run_directory.check(config, corpus)
    with pytest.raises(ValueError, match=message):
        run_directory.is_finished(config, corpus)


def test_task_missing_in_the_corpus_is_refused(config, corpus):
    start(config, corpus)
    record = read(config, "config.json")
    record["tasks"] = ["books", "movies"]
    run_directory.write_config(config.run_dir, record)
    with pytest.raises(ValueError, match="generated has no task 'movies'"):
        run_directory.Run.read(config.run_dir)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, []),
        ({"sharing": "fully_shared"}, []),
        ({"seed": 5, "num_runs": 3}, ["seeds/5", "seeds/6", "seeds/7"]),
        ({"sharing": "single_task"}, ["tasks/books", "tasks/films"]),
        # Each seed has single-task models as parts.
        ({"sharing": "single_task", "num_runs": 2}, ["seeds/0", "seeds/1"]),
    ],
    ids=str,
)
def test_part_dirs(config, corpus, settings, parts):
    config = dataclasses.replace(config, **settings)
    tasks = corpus.select(config.tasks)
    assert run_directory.part_dirs(config, tasks) == {
        part.partition("/")[2]: os.path.join(config.run_dir, part)
        for part in parts
    }


def test_single_task_run_on_one_task_has_no_parts(config, corpus):
    config = dataclasses.replace(config, sharing="single_task")
    assert run_directory.part_dirs(config, corpus.tasks[:1]) == {}


def test_run_with_other_settings_is_refused(config, corpus):
    start(config, corpus)
    before = read(config, "config.json")
    other = dataclasses.replace(config, hidden_size=8, tasks=("books",))
    with pytest.raises(ValueError, match="other settings") as caught:
        start(other, corpus)
    assert str(caught.value).splitlines() == [
        f"{config.run_dir} holds a run with other settings (saved -> given):",
        "  tasks: ('books', 'films') -> ('books',)",
        "  hidden_size: 7 -> 8",
        "Give the saved settings to continue this run, or another run_dir for "
        "a new one.",
    ]
    # Nothing has changed.
    assert read(config, "config.json") == before
    assert run_directory.Run.read(config.run_dir).config == config


def test_run_on_another_corpus_is_refused(config, corpus, other_corpus):
    start(config, corpus)
    other = dataclasses.replace(config, data_dir=other_corpus.data_dir)
    with pytest.raises(ValueError, match="holds other data") as caught:
        start(other, other_corpus)
    assert str(caught.value) == (
        f"{other_corpus.data_dir} holds other data than the run in "
        f"{config.run_dir} was made with: prepare the corpus as it was, or "
        "give the data_dir that holds it (for a new run, another run_dir)"
    )
    # With other differences it is one of them.
    other = dataclasses.replace(other, hidden_size=8)
    with pytest.raises(ValueError, match="other settings") as caught:
        start(other, other_corpus)
    assert str(caught.value).splitlines()[1:3] == [
        "  hidden_size: 7 -> 8",
        "  corpus: another one, or other data",
    ]


@pytest.mark.parametrize("inside", [".", "run", "records/run", "../corpus/x"])
def test_run_in_a_corpus_directory_is_refused(config, corpus, inside):
    run_dir = os.path.join(corpus.data_dir, inside)
    before = sorted(os.listdir(corpus.data_dir))
    with pytest.raises(ValueError, match="a corpus directory holds nothing el"):
        start(dataclasses.replace(config, run_dir=run_dir), corpus)
    assert sorted(os.listdir(corpus.data_dir)) == before


def test_run_next_to_its_corpus_is_allowed(config, corpus):
    neighbor = dataclasses.replace(config, run_dir=corpus.data_dir + "_run")
    start(neighbor, corpus)
    assert run_directory.Run.read(neighbor.run_dir).config == neighbor


@pytest.mark.parametrize("below", ["", "run", "some/run"])
def test_file_as_run_directory_is_refused(config, corpus, tmp_path, below):
    file = tmp_path / "file.txt"
    file.write_text("mine")
    config = dataclasses.replace(config, run_dir=os.path.join(file, below))
    with pytest.raises(ValueError, match=r"file.txt is a file: give a direc"):
        start(config, corpus)
    assert file.read_text() == "mine"


def test_corpus_may_be_moved(config, corpus, tmp_path):
    start(config, corpus)
    moved = shutil.copytree(corpus.data_dir, tmp_path / "moved")
    other = dataclasses.replace(config, data_dir=str(moved))
    start(other, tasks_lib.Corpus.read(str(moved)))
    assert read(config, "config.json")["config"]["data_dir"] == str(moved)


@pytest.mark.parametrize(
    "change",
    [{"epochs": 30}, {"threads": 1}, {"log_every": 1}, {"progress": False}],
    ids=str,
)
def test_settings_that_may_differ(config, corpus, change):
    start(config, corpus)
    start(dataclasses.replace(config, **change), corpus)
    saved = read(config, "config.json")["config"]
    assert {name: saved[name] for name in change} == change


def test_results_of_a_shorter_run_are_removed(config, corpus):
    finish(config, corpus)
    longer = dataclasses.replace(config, epochs=config.epochs + 1)
    start(longer, corpus)
    assert not os.path.exists(os.path.join(config.run_dir, "results.json"))


def test_fewer_epochs_than_a_finished_run_are_refused(config, corpus):
    shorter = dataclasses.replace(config, epochs=config.epochs - 1)
    # An unfinished run may end earlier than planned.
    start(config, corpus)
    start(shorter, corpus)
    finish(config, corpus)
    with pytest.raises(ValueError, match="epochs: 20 -> 19, but the run has"):
        start(shorter, corpus)
    assert read(config, "results.json") == {"schema": 1}


def test_is_finished(config, corpus, other_corpus):
    assert not run_directory.is_finished(config, corpus)
    start(config, corpus)
    assert not run_directory.is_finished(config, corpus)
    finish(config, corpus)
    assert run_directory.is_finished(config, corpus)
    assert not run_directory.is_finished(config, other_corpus)
    for change, finished in (
        ({"threads": 3}, True),
        ({"progress": False}, True),
        ({"epochs": 21}, False),
        ({"num_runs": 2}, False),
        ({"hidden_size": 8}, False),
    ):
        other = dataclasses.replace(config, **change)
        assert run_directory.is_finished(other, corpus) == finished, change


def test_check_allows_a_new_directory_and_the_same_run(config, corpus):
    run_directory.check(config, corpus)
    assert not os.path.exists(config.run_dir)
    finish(config, corpus)
    run_directory.check(config, corpus)
    # It does not change files.
    assert read(config, "results.json") == {"schema": 1}
    with pytest.raises(ValueError, match="hidden_size: 7 -> 9"):
        run_directory.check(dataclasses.replace(config, hidden_size=9), corpus)


def test_directory_without_a_run(tmp_path):
    with pytest.raises(ValueError, match=r"holds no run: config.json is miss"):
        run_directory.read_config(str(tmp_path))
    with pytest.raises(ValueError, match=r"results.json is missing; a run wri"):
        run_directory.read_results(str(tmp_path))
    assert not run_directory.has_ended(str(tmp_path))
    for content, message in (("{]", "not JSON: "), ("{}", "'schema' is miss")):
        (tmp_path / "results.json").write_text(content)
        checksum_file.write(str(tmp_path), "results.json", content)
        with pytest.raises(ValueError, match=f"results.json: {message}"):
            run_directory.read_results(str(tmp_path))
    assert run_directory.has_ended(str(tmp_path))


def test_write_json_writes_all_or_nothing(tmp_path):
    path = str(tmp_path / "new" / "file.json")
    run_directory.write_json(path, {"a": "ä"})
    with open(path, encoding="utf-8") as file:
        assert file.read() == '{\n  "a": "ä"\n}\n'
    # Fails in the middle of writing.
    with pytest.raises(TypeError):
        run_directory.write_json(path, {"a": 1, "b": object()})
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {"a": "ä"}
    run_directory.write_json(path, {})
    assert os.listdir(tmp_path / "new") == ["file.json"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
