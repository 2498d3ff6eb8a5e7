"""One or several runs, most often without training any."""

import concurrent.futures
import dataclasses
import errno
import os
import shutil
import sys
import threading
import time

import pytest

from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import launcher
from mtl_tf.utils import run_lock
from tests.helpers import command_line
from tests.helpers import generated

# What a part of a run is told.
_PART = command_lib.Command(mode="train", report=False, export=False)
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
        hidden_size=2,
        embedding_dim=2,
        batch_size=8,
        epochs=1,
        max_tokens=8,
    )


# Accuracies on test that a run pretends to reach.
_ACCURACIES = {"books": 0.5, "films": 0.75, "games": 0.25}


@pytest.fixture
def started(monkeypatch, corpus):
    """Commands and settings of runs; they only pretend to run."""
    found = []

    def run(command, config, children):
        del children
        found.append((command, config))
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


def test_single_task_models_are_runs_of_their_own(config, corpus, started):
    config = single_task(
        config,
        tasks=("books", "games"),
        task_weights=("games:2",),
        main_task="books",
    )
    found = launcher.train(config)
    assert started == [
        (
            _PART,
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
    assert found == read_results(config)
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


def test_a_weight_of_no_task_is_left_for_the_run_to_refuse(config, started):
    config = single_task(config, task_weights=("bookz:2",), main_task="bookz")
    launcher.train(config)
    assert {run.task_weights for _, run in started} == {("bookz:2",)}
    assert {run.main_task for _, run in started} == {"bookz"}


def test_seeds_are_runs_of_their_own(config, started):
    config = dataclasses.replace(
        config, tasks=("books", "films"), seed=1, num_runs=3
    )
    found = launcher.train(config, processes=7)
    started.sort(key=lambda run: run[1].seed)
    assert started == [
        (
            # So that 7 // 3 in each of 3 runs are not more than 7.
            dataclasses.replace(_PART, processes=2),
            dataclasses.replace(
                config,
                seed=seed,
                num_runs=1,
                run_dir=os.path.join(config.run_dir, "seeds", str(seed)),
            ),
        )
        for seed in (1, 2, 3)
    ]
    assert found == read_results(config)
    assert found["schema"] == 1
    assert found["num_runs"] == 3
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


@pytest.mark.parametrize(
    "settings", [{"num_runs": 2}, {"sharing": "single_task"}]
)
def test_warnings_name_the_run_that_they_are_of(config, started, settings):
    config = dataclasses.replace(config, **settings)
    assert "warnings" not in launcher.train(config)
    part = started[1][1].run_dir
    found = run_directory.read_results(part) | {"warnings": ["it is bad"]}
    launcher.results.write(part, found)
    os.remove(os.path.join(config.run_dir, "results.json"))
    assert launcher.train(config)["warnings"] == [f"{part}: it is bad"]


def test_seeds_go_before_tasks(config, started):
    launcher.train(single_task(config, num_runs=2))
    assert [run.sharing for _, run in started] == ["single_task"] * 2
    assert [run.tasks for _, run in started] == [()] * 2


def test_a_second_call_reuses_results(config, started):
    config = single_task(config)
    found = launcher.train(config)
    assert len(started) == 3
    assert launcher.train(config) == found
    assert len(started) == 3
    # One run is missing: the others are kept.
    os.remove(os.path.join(config.run_dir, "results.json"))
    os.remove(os.path.join(config.run_dir, "tasks", "films", "results.json"))
    launcher.train(config)
    assert [run.tasks for _, run in started[3:]] == [("films",)]
    # The whole knows that it lacks one.
    os.remove(os.path.join(config.run_dir, "tasks", "games", "results.json"))
    assert launcher.train(config)["tasks"] == found["tasks"]
    assert [run.tasks for _, run in started[4:]] == [("games",)]
    # More epochs are another matter.
    launcher.train(dataclasses.replace(config, epochs=2))
    assert len(started) == 8


def test_a_part_that_cannot_go_on_is_found_before_any_is_trained(
    config, corpus, started
):
    config = single_task(config)
    run_directory.start(config, corpus, corpus.tasks)
    begun = sorted(os.listdir(config.run_dir))
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
    assert sorted(os.listdir(config.run_dir)) == sorted([*begun, "tasks"])


def test_a_corpus_that_is_prepared_again_meanwhile(
    config, started, tmp_path, monkeypatch
):
    data_dir = str(tmp_path / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    config = single_task(config, data_dir=data_dir)
    run = launcher._run_process

    def run_and_prepare(*arguments):
        run(*arguments)
        if len(started) == 2:
            shutil.rmtree(data_dir)
            generated.write_corpus(data_dir, rows=_ROWS, seed=1)

    monkeypatch.setattr(launcher, "_run_process", run_and_prepare)
    with pytest.raises(ValueError, match="was prepared again with other data"):
        launcher.train(config)
    assert [run.tasks for _, run in started] == [("books",), ("films",)]
    assert not run_directory.has_ended(config.run_dir)


def test_more_seeds_keep_those_that_there_are(config, started):
    launcher.train(dataclasses.replace(config, num_runs=2))
    launcher.train(dataclasses.replace(config, num_runs=3))
    assert [run.seed for _, run in started] == [0, 1, 2]


def test_another_run_in_the_directory_is_refused(config, started):
    config = single_task(config)
    launcher.train(config)
    with pytest.raises(ValueError, match="hidden_size: 2 -> 3"):
        launcher.train(dataclasses.replace(config, hidden_size=3))
    assert len(started) == 3


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_as_many_run_at_once_as_asked_for(
    config, corpus, monkeypatch, processes
):
    lock, running, most = threading.Lock(), [], []
    # The first runs wait for each other, however late they begin.
    together = threading.Barrier(processes)

    def run(command, config, children):
        del children
        assert command == _PART
        with lock:
            running.append(config)
            most.append(len(running))
            number = len(most)
        if number <= processes:
            together.wait(600)
        time.sleep(0.05)  # Time for one too many to begin.
        with lock:
            running.remove(config)
        run_directory.start(config, corpus, corpus.select(config.tasks))
        launcher.results.write(
            config.run_dir,
            {
                "schema": 1,
                "tasks": {},
                "steps": 1,
                "seconds": 1,
                "tokens_per_second": 1,
            },
        )

    monkeypatch.setattr(launcher, "_run_process", run)
    launcher.train(single_task(config), processes)
    assert len(most) == 3
    assert max(most) == processes


def test_after_an_error_no_further_run_begins(config, monkeypatch):
    begun, canceled = [], threading.Event()

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            if cancel_futures:
                canceled.set()
            super().shutdown(wait=wait)

    def run(command, config, children):
        del command, children
        begun.append(config.tasks)
        if config.tasks == ("books",):
            raise ValueError("it failed")
        canceled.wait(60)  # It may begin before the error is seen.

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(launcher, "_run_process", run)
    with pytest.raises(ValueError, match="it failed"):
        launcher.train(single_task(config))
    assert begun[0] == ("books",)
    assert ("games",) not in begun
    assert not os.path.exists(os.path.join(config.run_dir, "results.json"))


class Children:
    """Processes that do not run."""

    def __init__(self, status, says=""):
        self.calls = []
        self._status = status
        self._says = says

    def run(self, arguments, output):
        self.calls.append(arguments)
        output.write(self._says)
        return self._status


def test_the_flags_of_a_process_are_its_settings(config):
    children = Children(0)
    command = command_lib.Command(mode="evaluate", processes=3, export=False)
    launcher._run_process(command, config, children)
    (arguments,) = children.calls
    assert arguments[:3] == [sys.executable, "-m", "mtl_tf.main"]
    assert command_line.parse(arguments[3:]) == (command, config)


def test_a_process_that_fails_on_a_full_disk(config, monkeypatch):
    def refuse(folder):
        raise OSError(errno.ENOSPC, "No space left on device", folder)

    monkeypatch.setattr(launcher.files, "check_space", refuse)
    # Its log may have had no space for the reason.
    with pytest.raises(OSError, match="No space left") as caught:
        launcher._run_process(command_lib.Command(), config, Children(1))
    assert caught.value.filename == config.run_dir


def test_files_of_others_among_the_parts_are_kept(config):
    config = dataclasses.replace(config, num_runs=2)
    mine = os.path.join(config.run_dir, "seeds", "0", "figures", "mine.png")
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.start(config, corpus, corpus.select(config.tasks))
    os.makedirs(mine)
    with pytest.raises(ValueError, match="0 holds figures, but no run"):
        launcher.train(config)
    assert os.path.exists(mine)


def test_a_process_that_fails_shows_the_end_of_its_log(config):
    children = Children(3, "".join(f"line {n}\n" for n in range(9)))
    with pytest.raises(ValueError, match="ended with status 3") as caught:
        launcher._run_process(_PART, config, children)
    message = str(caught.value)
    assert os.path.join(config.run_dir, "log.txt") in message
    assert message.endswith("line 4\nline 5\nline 6\nline 7\nline 8\n")
    assert "line 3" not in message


def test_evaluate_scores_each_run_again(config, started):
    config = single_task(config, tasks=("books", "films"))
    found = launcher.train(config)
    run_dirs = [run.run_dir for _, run in started]
    # Also one whose results are lost.
    os.remove(os.path.join(run_dirs[1], "results.json"))
    run_directory.write_json(
        os.path.join(config.run_dir, "results.json"), {"schema": 1}
    )
    del started[:]
    again = launcher.evaluate(config, processes=5)
    assert again["tasks"] == found["tasks"]
    assert read_results(config) == again
    started.sort(key=lambda run: run[1].run_dir)
    assert [
        (command.mode, command.processes, run.tasks, run.run_dir)
        for command, run in started
    ] == [
        ("evaluate", 2, ("books",), run_dirs[0]),
        ("evaluate", 2, ("films",), run_dirs[1]),
    ]


def test_evaluate_needs_a_run_that_is_over(config, corpus):
    run_directory.start(config, corpus, corpus.tasks)
    with pytest.raises(ValueError, match="holds no results"):
        launcher.evaluate(config)
    # Or the next call would think that it is.
    assert not run_directory.is_finished(config, corpus)


def test_evaluate_on_another_corpus_is_refused(config, started, tmp_path):
    config = single_task(config)
    launcher.train(config)
    del started[:]
    other = generated.write_corpus(str(tmp_path / "other"), rows=_ROWS, seed=1)
    with pytest.raises(ValueError, match="holds other data than the run"):
        launcher.evaluate(dataclasses.replace(config, data_dir=other))
    assert started == []


def test_a_run_by_itself_is_no_process(config, started, monkeypatch):
    calls = []

    class Experiment:
        def __init__(self, config):
            calls.append(config)

        def run(self):
            return "trained"

        def evaluate(self):
            return "evaluated"

    monkeypatch.setattr(launcher.experiment, "Experiment", Experiment)
    assert launcher.train(config) == "trained"
    # A single task is one as well.
    alone = single_task(config, tasks=("books",))
    assert launcher.train(alone) == "trained"
    assert calls == [config, alone]
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.start(config, corpus, corpus.tasks)
    launcher.results.write(config.run_dir, {"schema": 1})
    assert launcher.evaluate(config) == "evaluated"
    # It is over: there is nothing to do.
    assert launcher.train(config) == {"schema": 1}
    assert calls == [config, alone, config]
    assert started == []


def test_a_run_that_another_process_has_is_left_alone(config, started):
    # A lock is one's own even within a process.
    with run_lock.hold(config.run_dir):
        message = f"run is in use by process {os.getpid()} on .*: wait for it"
        with pytest.raises(ValueError, match=message):
            launcher.train(single_task(config))
        assert os.listdir(config.run_dir) == ["lock"]
    found = launcher.train(single_task(config))
    # Parts have locks of their own.
    assert len(started) == 3
    with (
        run_lock.hold(config.run_dir),
        pytest.raises(ValueError, match="run is in use by process"),
    ):
        launcher.evaluate(single_task(config))
    assert read_results(config) == found


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
