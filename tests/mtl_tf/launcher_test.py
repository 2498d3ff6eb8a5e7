"""What a command makes of its runs, most often without training any."""

import dataclasses
import json
import os
import statistics
import sys
import threading
import time

import pytest
from absl import flags

from mtl_tf import config as config_lib
from mtl_tf import experiment
from mtl_tf import launcher
from mtl_tf import main
from mtl_tf import run_directory
from mtl_tf import tasks as tasks_lib
from tests import generated

_ROWS = {"train": 16, "dev": 4, "test": 4, "unlabeled": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    return tasks_lib.Corpus.read(data_dir)


@pytest.fixture
def config(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(tmp_path / "run"),
        units=2,
        word_width=2,
        batch_size=8,
        epochs=1,
        max_tokens=8,
    )


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """The threads asked for: they can be set once in a process."""
    asked = []
    monkeypatch.setattr(launcher.devices, "configure", asked.append)
    return asked


# Accuracies on test that a run pretends to reach.
_ACCURACIES = {"books": 0.5, "films": 0.75, "games": 0.25}


@pytest.fixture
def started(monkeypatch, corpus):
    """Configurations of the runs that are started; they only pretend to run."""
    found = []

    def run(config):
        found.append(config)
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
                "seconds": 2.0 * len(found),
                "tokens_per_second": 100.0,
            },
        )

    monkeypatch.setattr(launcher, "_run_process", run)
    return found


def read_results(config):
    return run_directory.read_results(config.run_dir)


def single_task(config, **settings):
    return dataclasses.replace(config, sharing="single_task", **settings)


def test_threads_are_set_first(config, threads):
    wrong = dataclasses.replace(config, data_dir="nowhere", threads=3)
    with pytest.raises(ValueError, match="nowhere holds no prepared corpus"):
        launcher.run(wrong)
    assert threads == [3]


def test_single_task_models_are_runs_of_their_own(config, corpus, started):
    config = single_task(
        config,
        tasks=("books", "games"),
        task_weights=("games:2",),
        stop_on="books",
        baseline_run="",
    )
    printed = launcher.run(config)
    assert started == [
        dataclasses.replace(
            config,
            tasks=(name,),
            task_weights=weights,
            stop_on="average",
            run_dir=os.path.join(config.run_dir, "tasks", name),
        )
        for name, weights in (("books", ()), ("games", ("games:2",)))
    ]
    found = read_results(config)
    assert {
        name: task["main"]["test"]["accuracy"]
        for name, task in found["tasks"].items()
    } == {"books": 0.5, "games": 0.25}
    assert found["average"]["main"]["test"]["accuracy"] == 0.375
    assert found["steps"] == 20
    assert found["seconds"] == 2 + 4
    assert found["tokens_per_second"] == pytest.approx(100)
    assert run_directory.read_config(config.run_dir)["tasks"] == [
        "books",
        "games",
    ]
    assert f"Test scores in percent ({config.run_dir})" in printed
    assert printed.splitlines()[3].endswith("  single-task")
    assert printed.splitlines()[8].split()[-1] == "37.5"


def test_a_weight_of_no_task_is_left_for_the_run_to_refuse(config, started):
    config = single_task(config, task_weights=("bookz:2",), stop_on="bookz")
    launcher.run(config)
    assert {run.task_weights for run in started} == {("bookz:2",)}
    assert {run.stop_on for run in started} == {"bookz"}


def test_seeds_are_runs_of_their_own(config, started):
    config = dataclasses.replace(
        config, tasks=("books", "films"), seed=1, seeds=3, processes=7
    )
    printed = launcher.run(config)
    started.sort(key=lambda run: run.seed)
    assert started == [
        dataclasses.replace(
            config,
            seed=seed,
            seeds=1,
            # So that 7 // 3 in each of 3 runs are not more than 7.
            processes=2,
            run_dir=os.path.join(config.run_dir, "seeds", str(seed)),
        )
        for seed in (1, 2, 3)
    ]
    found = read_results(config)
    assert found["schema"] == 1
    assert found["seeds"] == 3
    # 1/2 and 3/4, and 1, 2, 3 times 1/8 more.
    test = found["tasks"]["books"]["main"]["test"]
    assert test == {"accuracy": 0.75, "macro_f1": 0, "n": 4}
    assert found["average"]["main"]["test"]["accuracy"] == 0.875
    assert found["steps"] == 12
    # Of 1, 2, 3 the deviation is ((1 + 0 + 1) / 2) ** .5 = 1.
    deviation = found["deviation"]
    test = deviation["tasks"]["films"]["main"]["test"]
    assert test == {"accuracy": 1 / 8, "macro_f1": 0, "n": 0}
    assert deviation["average"]["main"]["test"]["accuracy"] == 1 / 8
    assert deviation["steps"] == 1
    assert "schema" not in deviation
    assert f"in percent, means of 3 seeds ({config.run_dir})" in printed
    assert [line.split() for line in printed.splitlines()[5:7]] == [
        ["books", "accuracy", "4", "75.0", "75.0"],
        ["films", "accuracy", "4", "100.0", "100.0"],
    ]


def test_seeds_go_before_tasks(config, started):
    launcher.run(single_task(config, seeds=2))
    assert [run.sharing for run in started] == ["single_task"] * 2
    assert [run.tasks for run in started] == [()] * 2


def test_a_second_call_reuses_results(config, started):
    config = single_task(config)
    printed = launcher.run(config)
    assert len(started) == 3
    assert launcher.run(config) == printed
    assert len(started) == 3
    # One run is missing: the others are kept.
    os.remove(os.path.join(config.run_dir, "results.json"))
    os.remove(os.path.join(config.run_dir, "tasks", "films", "results.json"))
    launcher.run(config)
    assert [run.tasks for run in started[3:]] == [("films",)]
    # More epochs are another matter.
    launcher.run(dataclasses.replace(config, epochs=2))
    assert len(started) == 7


def test_more_seeds_keep_those_that_there_are(config, started):
    launcher.run(dataclasses.replace(config, seeds=2))
    launcher.run(dataclasses.replace(config, seeds=3))
    assert [run.seed for run in started] == [0, 1, 2]


def test_another_run_in_the_directory_is_refused(config, started):
    config = single_task(config)
    launcher.run(config)
    with pytest.raises(ValueError, match="units: 2 -> 3"):
        launcher.run(dataclasses.replace(config, units=3))
    assert len(started) == 3


def test_a_baseline_that_is_not_there_is_missed_before_training(
    config, started, tmp_path
):
    nowhere = str(tmp_path / "nowhere")
    config = single_task(config, baseline_run=nowhere)
    with pytest.raises(ValueError, match="nowhere holds no results"):
        launcher.run(config)
    assert started == []


def test_a_baseline_stands_beside_the_scores(config, started, tmp_path):
    baseline = single_task(config, run_dir=str(tmp_path / "baseline"), seed=1)
    launcher.run(baseline)
    config = dataclasses.replace(config, seeds=2, baseline_run=baseline.run_dir)
    printed = launcher.run(config).splitlines()
    assert printed[3].split()[-2:] == ["single-task", "multi-task"]
    # 1/2 + 1/8, and the mean of 1/2 and 1/2 + 1/8.
    assert printed[5].split()[-2:] == ["62.5", "56.2"]
    # The runs of a run print for themselves, before all is there.
    assert {run.baseline_run for run in started} == {""}


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_as_many_run_at_once_as_asked_for(config, monkeypatch, processes):
    lock, running, most = threading.Lock(), [], []

    def run(config):
        with lock:
            running.append(config)
            most.append(len(running))
        time.sleep(0.05)
        with lock:
            running.remove(config)
        run_directory.write_json(
            os.path.join(config.run_dir, "results.json"),
            {"tasks": {}, "steps": 1, "seconds": 1, "tokens_per_second": 1},
        )

    monkeypatch.setattr(launcher, "_run_process", run)
    monkeypatch.setattr(launcher, "_report", lambda *_: "")
    launcher.run(single_task(config, processes=processes))
    assert len(most) == 3
    assert max(most) == processes


def test_after_an_error_no_further_run_begins(config, monkeypatch):
    begun = []

    def run(config):
        begun.append(config.tasks)
        if config.tasks == ("books",):
            raise ValueError("it failed")
        # Time to see the error: the pool may begin this run before that.
        time.sleep(0.5)

    monkeypatch.setattr(launcher, "_run_process", run)
    with pytest.raises(ValueError, match="it failed"):
        launcher.run(single_task(config))
    assert begun[0] == ("books",)
    assert ("games",) not in begun
    assert not os.path.exists(os.path.join(config.run_dir, "results.json"))


def test_the_flags_of_a_process_are_its_settings(config, monkeypatch):
    commands = []

    def call(command, **_):
        commands.append(command)
        return launcher.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(launcher.subprocess, "run", call)
    launcher._run_process(config)
    (command,) = commands
    assert command[:3] == [sys.executable, "-m", "mtl_tf.main"]
    values = flags.FlagValues()
    main.define_flags(values)
    values(["mtl_tf", *command[3:]])
    assert main.config_from_flags(values) == config


def test_a_process_that_fails_shows_the_end_of_its_log(config, monkeypatch):
    def call(command, stdout, **_):
        stdout.write("".join(f"line {n}\n" for n in range(9)))
        return launcher.subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(launcher.subprocess, "run", call)
    with pytest.raises(ValueError, match="ended with status 3") as caught:
        launcher._run_process(config)
    message = str(caught.value)
    assert os.path.join(config.run_dir, "log.txt") in message
    assert message.endswith("line 4\nline 5\nline 6\nline 7\nline 8\n")
    assert "line 3" not in message


def test_evaluate_scores_each_run_again(config, started):
    config = single_task(config, tasks=("books", "films"))
    printed = launcher.run(config)
    os.remove(os.path.join(config.run_dir, "tasks", "films", "results.json"))
    del started[:]
    again = config_lib.Config(mode="evaluate", run_dir=config.run_dir)
    assert launcher.run(again) == printed
    assert [(run.mode, run.tasks) for run in started] == [
        ("evaluate", ("books",)),
        ("evaluate", ("films",)),
    ]


def test_evaluate_needs_a_run_that_is_over(config, corpus):
    run_directory.start(config, corpus, corpus.tasks)
    again = config_lib.Config(mode="evaluate", run_dir=config.run_dir)
    with pytest.raises(ValueError, match="holds no results"):
        launcher.run(again)
    # Or the next call would think that it is.
    assert not run_directory.is_finished(config, corpus)


def test_evaluate_on_another_corpus_is_refused(
    config, corpus, started, tmp_path
):
    config = single_task(config)
    launcher.run(config)
    other = generated.write_corpus(str(tmp_path / "other"), rows=_ROWS, seed=1)
    again = config_lib.Config(
        mode="evaluate", run_dir=config.run_dir, data_dir=other
    )
    with pytest.raises(ValueError, match="or the same with other data"):
        launcher.run(again)


def test_analyze_asks_for_one_run(config, started, monkeypatch):
    config = dataclasses.replace(config, seeds=2)
    launcher.run(config)
    again = config_lib.Config(mode="analyze", run_dir=config.run_dir)
    with pytest.raises(ValueError, match=r"seeds/0, .*seeds/1: analyze one"):
        launcher.run(again)
    monkeypatch.setattr(
        launcher.analysis, "run", lambda run: f"probes of {run.config.seed}"
    )
    one = os.path.join(config.run_dir, "seeds", "1")
    again = dataclasses.replace(again, run_dir=one)
    assert launcher.run(again) == "probes of 1"


def test_single_task_models_in_processes(config, monkeypatch):
    # Bazel hands its modules over on sys.path alone.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    config = single_task(
        config, tasks=("books", "games"), processes=2, threads=1
    )
    launcher.run(config)
    merged = read_results(config)
    for name in config.tasks:
        run_dir = os.path.join(config.run_dir, "tasks", name)
        alone = run_directory.read_results(run_dir)
        assert merged["tasks"][name] == alone["tasks"][name]
        # A whole run, that can be looked at by itself.
        assert run_directory.read_config(run_dir)["tasks"] == [name]
        assert experiment.Experiment(
            dataclasses.replace(config, run_dir=run_dir, tasks=(name,))
        ).checkpoints.exists("best")
        with open(os.path.join(run_dir, "log.txt"), encoding="utf-8") as file:
            assert "tokens/s" in file.read()
    assert merged["average"]["main"]["test"]["accuracy"] == pytest.approx(
        statistics.mean(
            merged["tasks"][name]["main"]["test"]["accuracy"]
            for name in config.tasks
        )
    )
    with open(
        os.path.join(config.run_dir, "results.json"), encoding="utf-8"
    ) as file:
        assert json.load(file)["steps"] == 2 * 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
