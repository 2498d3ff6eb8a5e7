"""One or several runs, mostly without training."""

import dataclasses
import os
import shutil

import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from mtl_tf.utils import run_lock
from tests.helpers import generated
from tests.helpers import launcher_runs

_ROWS = {"train": 16, "dev": 4, "test": 4, "unlabeled": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return launcher_runs.make_config(corpus, tmp_path)


# Test accuracies of the fake runs.
_ACCURACIES = {"books": 0.5, "films": 0.75, "games": 0.25}


@pytest.fixture
def started(monkeypatch, corpus):
    """Modes and settings of fake runs, which write results at once."""
    runs = []
    # They write no predictions.
    monkeypatch.setattr(launcher.ensemble, "add", lambda *_: None)

    def run(mode, config, workers):
        del workers
        runs.append((mode, config))
        tasks = corpus.select(config.tasks)
        run_directory.start(config, corpus, tasks)
        by_task = {}
        for task in tasks:
            accuracy = _ACCURACIES[task.name] + config.seed / 8
            scores = {"accuracy": accuracy, "macro_f1": 0.0, "n": 4}
            by_split = {"dev": scores, "test": scores}
            by_task[task.name] = {"main": by_split, "majority": by_split}
        launcher.results.write(
            config.run_dir,
            {
                "schema": 1,
                "tasks": by_task,
                "average": launcher.results.averages(by_task),
                "best_epoch": 1,
                "steps": 10 + config.seed,
                "seconds": 2.0 * len(runs),
                "tokens_per_second": 100.0,
            },
        )

    monkeypatch.setattr(run_pool, "_run", run)
    return runs


def read_results(config):
    return run_directory.read_results(config.run_dir)


def single_task(config, **settings):
    return dataclasses.replace(config, sharing="single_task", **settings)


def test_single_task_models_are_separate_runs(config, corpus, started):
    config = single_task(
        config,
        tasks=("books", "games"),
        task_weights=("games:2",),
        main_task="books",
    )
    merged = launcher.train(config)
    assert started == [
        (
            "train",
            dataclasses.replace(
                config,
                tasks=(name,),
                task_weights=weights,
                main_task="",
                run_dir=os.path.join(config.run_dir, "tasks", name),
            ),
        )
        for name, weights in (("books", ()), ("games", ("games:2",)))
    ]
    assert merged == read_results(config)
    assert {
        name: task["main"]["test"]["accuracy"]
        for name, task in merged["tasks"].items()
    } == {"books": 0.5, "games": 0.25}
    assert merged["average"]["main"]["test"]["accuracy"] == 0.375
    assert merged["steps"] == 20
    assert merged["seconds"] == 2 + 4
    assert merged["tokens_per_second"] == pytest.approx(100)
    assert run_directory.read_config(config.run_dir)["tasks"] == [
        "books",
        "games",
    ]


def test_weight_of_an_unknown_task_is_kept_for_the_run(config, started):
    config = single_task(config, task_weights=("bookz:2",), main_task="bookz")
    launcher.train(config)
    assert {run.task_weights for _, run in started} == {("bookz:2",)}
    assert {run.main_task for _, run in started} == {"bookz"}


def test_seeds_are_separate_runs(config, started):
    config = dataclasses.replace(
        config, tasks=("books", "films"), seed=1, num_runs=3
    )
    merged = launcher.train(config, processes=7)
    started.sort(key=lambda run: run[1].seed)
    assert started == [
        (
            "train",
            dataclasses.replace(
                config,
                seed=seed,
                num_runs=1,
                run_dir=os.path.join(config.run_dir, "seeds", str(seed)),
            ),
        )
        for seed in (1, 2, 3)
    ]
    assert merged == read_results(config)
    assert merged["schema"] == 1
    assert merged["num_runs"] == 3
    # 1/2 and 3/4, and 1, 2, 3 times 1/8 more.
    test = merged["tasks"]["books"]["main"]["test"]
    assert test == {"accuracy": 0.75, "macro_f1": 0, "n": 4}
    assert merged["average"]["main"]["test"]["accuracy"] == 0.875
    assert merged["steps"] == 12
    # The deviation of 1, 2, 3 is ((1 + 0 + 1) / 2) ** .5 = 1.
    deviation = merged["deviation"]
    test = deviation["tasks"]["films"]["main"]["test"]
    assert test == {"accuracy": 1 / 8, "macro_f1": 0, "n": 0}
    assert deviation["average"]["main"]["test"]["accuracy"] == 1 / 8
    assert deviation["steps"] == 1
    assert "schema" not in deviation


@pytest.mark.parametrize(
    "settings", [{"num_runs": 2}, {"sharing": "single_task"}]
)
def test_warnings_name_their_run(config, started, settings):
    config = dataclasses.replace(config, **settings)
    assert "warnings" not in launcher.train(config)
    part = started[1][1].run_dir
    merged = run_directory.read_results(part) | {"warnings": ["it is bad"]}
    launcher.results.write(part, merged)
    os.remove(os.path.join(config.run_dir, "results.json"))
    assert launcher.train(config)["warnings"] == [
        f"{os.path.relpath(part, config.run_dir)}: it is bad"
    ]


def test_parts_are_seeds_before_tasks(config, started):
    merged = launcher.train(single_task(config, num_runs=2))
    # The runs that have no parts share the processes.
    assert [
        os.path.relpath(run.run_dir, config.run_dir) for _, run in started
    ] == [
        os.path.join("seeds", seed, "tasks", task)
        for seed in "01"
        for task in ("books", "films", "games")
    ]
    for seed in "01":
        part = os.path.join(config.run_dir, "seeds", seed)
        scores = run_directory.read_results(part)["average"]["main"]["test"]
        assert scores["accuracy"] == 0.5 + int(seed) / 8
    assert merged["average"]["main"]["test"]["accuracy"] == 0.5 + 1 / 16


def test_many_runs_are_trained_once(config, started):
    configs = [
        dataclasses.replace(
            config, run_dir=f"{config.run_dir}/{name}", **settings
        )
        for name, settings in {
            "one": {"seed": 3},
            "several": {"sharing": "single_task"},
            "two": {"tasks": ("books",)},
        }.items()
    ]
    first = launcher.train_all(configs[:2], processes=3)
    # The runs are simultaneous: they start in any order.
    assert {run.run_dir for _, run in started} == {
        configs[0].run_dir,
        *(
            f"{configs[1].run_dir}/tasks/{x}"
            for x in ("books", "films", "games")
        ),
    }
    assert len(started) == 4
    del started[:]
    again = launcher.train_all(configs)
    assert again[:2] == first
    assert [run.run_dir for _, run in started] == [configs[2].run_dir]
    assert again == [read_results(x) for x in configs]
    accuracies = [x["average"]["main"]["test"]["accuracy"] for x in again]
    assert accuracies == [0.5 + 3 / 8, 0.5, 0.5]


def test_all_runs_are_checked_before_the_first_is_trained(config, started):
    run_dir = os.path.join(config.run_dir, "foreign")
    os.makedirs(os.path.join(run_dir, "mine"))
    other = dataclasses.replace(config, run_dir=run_dir)
    config = dataclasses.replace(config, run_dir=f"{config.run_dir}/run")
    with pytest.raises(ValueError, match="holds mine, but no run"):
        launcher.train_all([config, other])
    assert not started


def test_second_call_reuses_results(config, started):
    config = single_task(config)
    merged = launcher.train(config)
    assert len(started) == 3
    assert launcher.train(config) == merged
    assert len(started) == 3
    # One run is missing: the others are kept.
    os.remove(os.path.join(config.run_dir, "results.json"))
    os.remove(os.path.join(config.run_dir, "tasks", "films", "results.json"))
    launcher.train(config)
    assert [run.tasks for _, run in started[3:]] == [("films",)]
    # A missing part is noticed although there are merged results.
    os.remove(os.path.join(config.run_dir, "tasks", "games", "results.json"))
    assert launcher.train(config)["tasks"] == merged["tasks"]
    assert [run.tasks for _, run in started[4:]] == [("games",)]
    # With more epochs all runs are trained again.
    launcher.train(dataclasses.replace(config, epochs=2))
    assert len(started) == 8


def test_damaged_part_is_found_before_any_is_trained(config, corpus, started):
    config = single_task(config)
    run_directory.start(config, corpus, corpus.tasks)
    before = sorted(os.listdir(config.run_dir))
    part = os.path.join(config.run_dir, "tasks", "games")
    run_directory.start(
        dataclasses.replace(config, run_dir=part, tasks=("games",)),
        corpus,
        corpus.select(["games"]),
    )
    history = os.path.join(part, "history.jsonl")
    with open(history, "w", encoding="utf-8") as file:
        file.write('{"epoch": 1, "step": 1}\n')
    with pytest.raises(
        ValueError, match=f"games/checkpoints/last holds no .*{history} holds"
    ):
        launcher.train(config)
    assert started == []
    assert sorted(os.listdir(config.run_dir)) == sorted([*before, "tasks"])


def test_corpus_prepared_again_during_training_is_refused(
    config, started, tmp_path, monkeypatch
):
    data_dir = str(tmp_path / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    config = single_task(config, data_dir=data_dir)
    run = run_pool._run

    def run_and_prepare(*arguments):
        run(*arguments)
        if len(started) == 2:
            shutil.rmtree(data_dir)
            generated.write_corpus(data_dir, rows=_ROWS, seed=1)

    monkeypatch.setattr(run_pool, "_run", run_and_prepare)
    with pytest.raises(ValueError, match="was prepared again with other data"):
        launcher.train(config)
    assert [run.tasks for _, run in started] == [("books",), ("films",)]
    assert not run_directory.has_ended(config.run_dir)


def test_more_seeds_keep_existing_ones(config, started):
    launcher.train(dataclasses.replace(config, num_runs=2))
    launcher.train(dataclasses.replace(config, num_runs=3))
    assert [run.seed for _, run in started] == [0, 1, 2]


def test_other_run_in_the_directory_is_refused(config, started):
    config = single_task(config)
    launcher.train(config)
    with pytest.raises(ValueError, match="hidden_size: 2 -> 3"):
        launcher.train(dataclasses.replace(config, hidden_size=3))
    assert len(started) == 3


def test_evaluate_scores_each_run_again(config, started):
    config = single_task(config, tasks=("books", "films"))
    merged = launcher.train(config)
    run_dirs = [run.run_dir for _, run in started]
    # Lost results are computed again.
    os.remove(os.path.join(run_dirs[1], "results.json"))
    run_directory.write_json(
        os.path.join(config.run_dir, "results.json"), {"schema": 1}
    )
    del started[:]
    again = launcher.evaluate(config, processes=5)
    assert again["tasks"] == merged["tasks"]
    assert read_results(config) == again
    started.sort(key=lambda run: run[1].run_dir)
    assert [(mode, run.tasks, run.run_dir) for mode, run in started] == [
        ("evaluate", ("books",), run_dirs[0]),
        ("evaluate", ("films",), run_dirs[1]),
    ]


def test_evaluate_needs_a_finished_run(config, corpus):
    run_directory.start(config, corpus, corpus.tasks)
    with pytest.raises(ValueError, match="holds no results"):
        launcher.evaluate(config)
    # It must not pass for finished afterwards.
    assert not run_directory.is_finished(config, corpus)


def test_evaluate_on_another_corpus_is_refused(config, started, tmp_path):
    config = single_task(config)
    launcher.train(config)
    del started[:]
    other = generated.write_corpus(str(tmp_path / "other"), rows=_ROWS, seed=1)
    with pytest.raises(ValueError, match="holds other data than the run"):
        launcher.evaluate(dataclasses.replace(config, data_dir=other))
    assert started == []


def test_single_run_is_trained_in_this_process(config, started, monkeypatch):
    calls = []

    class Experiment:
        def __init__(self, config, replicas=None):
            assert replicas is None or replicas.count == 1
            calls.append(config)

        def run(self):
            return "trained"

        def evaluate(self):
            return "evaluated"

    monkeypatch.setattr(launcher.experiment, "Experiment", Experiment)
    assert launcher.train(config) == "trained"
    # So is a single-task run on one task.
    one_task = single_task(config, tasks=("books",))
    assert launcher.train(one_task) == "trained"
    assert calls == [config, one_task]
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.start(config, corpus, corpus.tasks)
    launcher.results.write(config.run_dir, {"schema": 1})
    assert launcher.evaluate(config) == "evaluated"
    # The run has ended: there is nothing to do.
    assert launcher.train(config) == {"schema": 1}
    assert calls == [config, one_task, config]
    assert started == []


def test_run_in_use_by_another_process_is_refused(config, started):
    # The lock also works within a process.
    with run_lock.hold(config.run_dir):
        message = f"run is in use by process {os.getpid()} on .*: wait for it"
        with pytest.raises(ValueError, match=message):
            launcher.train(single_task(config))
        assert os.listdir(config.run_dir) == ["lock"]
    merged = launcher.train(single_task(config))
    # Each part has its own lock.
    assert len(started) == 3
    with (
        run_lock.hold(config.run_dir),
        pytest.raises(ValueError, match="run is in use by process"),
    ):
        launcher.evaluate(single_task(config))
    assert read_results(config) == merged


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
