"""The child processes of a run with parts."""

import concurrent.futures
import dataclasses
import errno
import json
import os
import threading
import time

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from tests.helpers import generated
from tests.helpers import launcher_runs

_ROWS = {"train": 16, "dev": 4, "test": 4, "unlabeled": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return launcher_runs.make_config(corpus, tmp_path)


def single_task(config, **settings):
    return dataclasses.replace(config, sharing="single_task", **settings)


@pytest.fixture
def diverging(config, corpus, monkeypatch):
    """Two runs with three parts each; a part of the first diverges."""

    def run(mode, config, workers):
        del mode, workers
        if config.run_dir.endswith("first/tasks/films"):
            raise FloatingPointError("the loss is nan")
        run_directory.start(config, corpus, corpus.select(config.tasks))
        by_task = {
            name: {
                output: {"dev": scores, "test": scores}
                for output in ("main", "majority")
            }
            for name in config.tasks
            for scores in [{"accuracy": 0.5, "macro_f1": 0.5, "n": 4}]
        }
        launcher.results.write(
            config.run_dir,
            {
                "schema": 1,
                "tasks": by_task,
                "steps": 1,
                "seconds": 1.0,
                "tokens_per_second": 1.0,
            },
        )

    monkeypatch.setattr(run_pool, "_run", run)
    return [
        single_task(config, run_dir=f"{config.run_dir}/{name}")
        for name in ("first", "second")
    ]


def test_other_runs_continue_if_one_diverges(diverging):
    first, second = launcher.train_all(diverging, allow_divergence=True)
    assert first is None
    assert second == run_directory.read_results(diverging[1].run_dir)
    assert not run_directory.has_ended(diverging[0].run_dir)


def test_divergence_ends_all_runs_by_default(diverging):
    with pytest.raises(FloatingPointError, match="nan"):
        launcher.train_all(diverging)
    assert not run_directory.has_ended(diverging[1].run_dir)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_number_of_simultaneous_processes(
    config, corpus, monkeypatch, processes
):
    lock, running, counts = threading.Lock(), [], []
    # The first runs wait for each other.
    together = threading.Barrier(processes)

    def run(mode, config, workers):
        del workers
        assert mode == "train"
        with lock:
            running.append(config)
            counts.append(len(running))
            index = len(counts)
        if index <= processes:
            together.wait(600)
        time.sleep(0.05)  # A superfluous run would start now.
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

    monkeypatch.setattr(run_pool, "_run", run)
    launcher.train(single_task(config), processes)
    assert len(counts) == 3
    assert max(counts) == processes


def test_no_further_run_starts_after_an_error(config, monkeypatch):
    started, canceled = [], threading.Event()

    class Pool(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            if cancel_futures:
                canceled.set()
            super().shutdown(wait=wait)

    def run(mode, config, workers):
        del mode, workers
        started.append(config.tasks)
        if config.tasks == ("books",):
            raise ValueError("it failed")
        canceled.wait(60)  # This run may start before the error is noticed.

    monkeypatch.setattr(concurrent.futures, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(run_pool, "_run", run)
    with pytest.raises(ValueError, match="it failed"):
        launcher.train(single_task(config))
    assert started[0] == ("books",)
    assert ("games",) not in started
    assert not os.path.exists(os.path.join(config.run_dir, "results.json"))


class Workers:
    """Fake workers."""

    def __init__(self, status, output=""):
        self.jobs = []
        self._status = status
        self._output = output

    def run(self, job, log):
        self.jobs.append(job)
        with open(log, "a", encoding="utf-8") as file:
            file.write(self._output)
        return self._status


def test_worker_gets_mode_and_settings(config):
    workers = Workers(0)
    run_pool._run("evaluate", config, workers)
    (job,) = json.loads(json.dumps(workers.jobs))
    assert job["mode"] == "evaluate"
    assert config_lib.Config.from_dict(job["config"]) == config


def test_failure_on_a_full_disk_is_reported(config, monkeypatch):
    def refuse(folder):
        raise OSError(errno.ENOSPC, "No space left on device", folder)

    monkeypatch.setattr(run_pool.files, "check_space", refuse)
    # The log may have had no space for the error.
    with pytest.raises(OSError, match="No space left") as caught:
        run_pool._run("train", config, Workers(1))
    assert caught.value.filename == config.run_dir


def test_foreign_files_among_the_parts_are_kept(config):
    config = dataclasses.replace(config, num_runs=2)
    foreign = os.path.join(
        config.run_dir, "seeds", "0", "figures", "foreign.png"
    )
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.start(config, corpus, corpus.select(config.tasks))
    os.makedirs(foreign)
    with pytest.raises(ValueError, match="0 holds figures, but no run"):
        launcher.train(config)
    assert os.path.exists(foreign)


def test_failure_shows_the_end_of_the_log(config):
    workers = Workers(3, "".join(f"line {n}\n" for n in range(9)))
    with pytest.raises(ValueError, match="ended with status 3") as caught:
        run_pool._run("train", config, workers)
    message = str(caught.value)
    assert os.path.join(config.run_dir, "log.txt") in message
    assert message.endswith("line 4\nline 5\nline 6\nline 7\nline 8\n")
    assert "line 3" not in message


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
