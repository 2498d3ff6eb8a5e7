"""Runs and settings that a warm start refuses."""

import dataclasses
import os
import shutil

import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from mtl_tf.training import warm_start
from tests.helpers import generated
from tests.helpers import trained_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("warm_start")


@pytest.fixture(scope="module")
def corpus(folder):
    rows = {"train": 16, "dev": 4, "test": 4}
    return generated.write_corpus(str(folder / "corpus"), rows=rows)


@pytest.fixture(scope="module")
def trained(folder, corpus):
    tasks = ("books", "games")
    return trained_runs.leave_run(corpus, folder / "trained", tasks=tasks)


@pytest.fixture(scope="module")
def single(folder, corpus):
    return trained_runs.leave_single_task_run(
        corpus, folder / "single", ("books", "games")
    )


@pytest.fixture
def declared(corpus):
    return tasks_lib.Corpus.read(corpus)


@pytest.fixture
def config(corpus, trained, tmp_path):
    return trained_runs.make_config(corpus, tmp_path / "new", init_from=trained)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"hidden_size": 3, "encoder": "bilstm", "embedding_dim": 7},
            r"its model differs \(trained -> this run\):\n"
            r"  encoder: lstm -> bilstm\n  hidden_size: 4 -> 3\n"
            r"  embedding_dim: 5 -> 7$",
        ),
        ({"pooling": "max"}, r"this run\):\n  pooling: last -> max$"),
        (
            {"encoder": "stacked_lstm", "num_layers": 3},
            r"this run\):\n  encoder: lstm -> stacked_lstm\n"
            r"  num_layers: 2 -> 3$",
        ),
        (
            {"tasks": ("books",), **trained_runs.SINGLE_TASK},
            r"sharing: shared_private -> single_task: .* in common; "
            "single_task starts only from single_task,",
        ),
        ({"init_from": "{new}"}, "a run can't start from itself"),
        ({"init_from": "{new}/../new"}, "a run can't start from itself"),
        ({"init_from": "{corpus}"}, "holds no run: config.json is missing"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_unsuitable_run_is_refused_before_anything_is_written(
    config, settings, message
):
    paths = {"new": config.run_dir, "corpus": config.data_dir}
    source = settings.get("init_from", config.init_from).format(**paths)
    config = dataclasses.replace(config, **settings | {"init_from": source})
    refused = experiment.Experiment(config)
    with pytest.raises(ValueError, match=message) as caught:
        refused.run()
    assert str(caught.value).startswith(f"init_from={source}: ")
    assert not os.path.exists(config.run_dir)


def test_num_layers_only_matters_to_stacked_lstms(config, declared):
    warm_start.check(dataclasses.replace(config, num_layers=3), declared.tasks)


def test_single_task_run_has_no_shared_encoder(config, single, declared):
    config = dataclasses.replace(
        config, init_from=single, sharing="fully_shared"
    )
    with pytest.raises(
        ValueError, match="sharing: single_task -> fully_shared: these models"
    ):
        warm_start.check(config, declared.tasks)


def test_unknown_task_of_a_single_task_run_is_refused(config, single, declared):
    config = dataclasses.replace(
        config, init_from=single, **trained_runs.SINGLE_TASK
    )
    task = dataclasses.replace(declared.tasks[0], name="bookz")
    with pytest.raises(ValueError, match=r"'bookz' \(did you mean books\?\)"):
        warm_start.check(config, [task])


def test_all_tasks_are_checked_before_the_first_is_trained(
    config, single, monkeypatch
):
    started = []
    monkeypatch.setattr(
        run_pool, "_run", lambda _, config, __: started.append(config)
    )
    monkeypatch.setattr(launcher, "_merge", lambda *_: {})
    config = dataclasses.replace(
        config, init_from=single, **trained_runs.SINGLE_TASK
    )
    for num_runs in (1, 2):
        with pytest.raises(
            ValueError,
            match=r"init_from=\S+: it has no model of the task 'films'; its "
            "tasks are books, games",
        ):
            launcher.train(dataclasses.replace(config, num_runs=num_runs))
    assert not started
    assert not os.path.exists(config.run_dir)
    config = dataclasses.replace(config, tasks=("games", "books"))
    launcher.train(config)
    assert [run.tasks for run in started] == [("books",), ("games",)]
    # All parts start from the same run.
    assert {run.init_from for run in started} == {single}
    # A resumed run does not need it.
    monkeypatch.setattr(warm_start, "check", None)
    launcher.train(config)
    assert len(started) == 4


def test_run_of_other_seeds_is_refused(config, declared, tmp_path):
    several = dataclasses.replace(
        config,
        run_dir=str(tmp_path / "several"),
        seed=3,
        num_runs=2,
        init_from="",
    )
    run_directory.start(several, declared, declared.tasks)
    config = dataclasses.replace(config, init_from=several.run_dir)
    with pytest.raises(
        ValueError,
        match=r"several runs, and none of seed=0: choose one of "
        r"\S+/seeds/3, \S+/seeds/4$",
    ):
        warm_start.check(config, declared.tasks)


def test_run_without_best_checkpoint_is_refused(config, declared, tmp_path):
    unfinished = dataclasses.replace(
        config, run_dir=str(tmp_path / "unfinished"), init_from=""
    )
    run_directory.start(unfinished, declared, declared.tasks)
    config = dataclasses.replace(config, init_from=unfinished.run_dir)
    with pytest.raises(
        ValueError, match=r"init_from=.*checkpoints/best holds no checkpoint"
    ):
        warm_start.check(config, declared.tasks)


def test_task_without_common_labels_is_refused(config, declared):
    tasks = [
        dataclasses.replace(task, labels=("left", "right"))
        for task in declared.tasks
    ]
    with pytest.raises(
        ValueError,
        match=r"labels of books were \['bad', 'good'\] and are "
        r"\['left', 'right'\] now: none is the same",
    ):
        warm_start.check(config, tasks)
    # The task films is new, and games has one label in common.
    games = dataclasses.replace(tasks[2], labels=("left", "no"))
    warm_start.check(config, [declared.tasks[0], tasks[1], games])


def test_vocabulary_without_common_words_is_refused(config, declared, tmp_path):
    other = str(tmp_path / "other")
    shutil.copytree(config.data_dir, other)
    config = dataclasses.replace(config, data_dir=other)
    words = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "foreign")
    )
    words.write(os.path.join(other, vocabulary_lib.VOCABULARY_FILE))
    with pytest.raises(ValueError, match="has no word in common with this"):
        warm_start.check(config, declared.tasks)
    # One common word is enough.
    words = vocabulary_lib.Vocabulary(
        (*vocabulary_lib.SPECIAL_TOKENS, "foreign", "good1")
    )
    words.write(os.path.join(other, vocabulary_lib.VOCABULARY_FILE))
    warm_start.check(config, declared.tasks)


def test_weight_of_another_shape_is_refused(config, monkeypatch):
    # As if a setting that changes shapes was not compared.
    read = warm_start.checkpoints.read
    path = "encoder/private_encoder/lstm_0/kernel"

    def read_other(*arguments):
        saved = read(*arguments)
        saved.parts["model"][path] = saved.parts["model"][path][:, :1]
        return saved

    monkeypatch.setattr(warm_start.checkpoints, "read", read_other)
    with pytest.raises(
        ValueError,
        match=rf"{path}: expected shape \[3, 5, 16\], got \[2, 1, 16\]",
    ):
        experiment.Experiment(config).run()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
