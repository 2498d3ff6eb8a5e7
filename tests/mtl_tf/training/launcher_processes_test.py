"""Runs in separate processes, signals and locks."""

import dataclasses
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import run_directory
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from mtl_tf.utils import run_lock
from tests.helpers import generated
from tests.helpers import launcher_runs
from tests.helpers import preloaded_python

_ROWS = {"train": 16, "dev": 4, "test": 4, "unlabeled": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return launcher_runs.make_config(corpus, tmp_path)


def test_run_locks_its_directory(config, monkeypatch):
    class Experiment:
        def __init__(self, config, replicas=None):
            del replicas
            self._config = config

        def run(self):
            with run_lock.hold(self._config.run_dir):
                pass

        evaluate = run

    monkeypatch.setattr(launcher.experiment, "Experiment", Experiment)
    with pytest.raises(ValueError, match="is in use by process"):
        launcher.train(config)
    # Nothing was written.
    assert not os.path.exists(config.run_dir)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    run_directory.start(config, corpus, corpus.tasks)
    launcher.results.write(config.run_dir, {"schema": 1})
    with pytest.raises(ValueError, match="is in use by process"):
        launcher.evaluate(config)


# Two of three runs at a time; each only prints its process id and waits.
# Interrupts are handled as in a terminal: background processes ignore them.
_PARENT = """
import signal, sys
from mtl_tf.config import config
from mtl_tf.training import launcher
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.executable, data_dir, run_dir = sys.argv[1:]
launcher.train(
    config.Config(data_dir=data_dir, run_dir=run_dir, num_runs=3), processes=2
)
"""
_CHILD = """#!/bin/sh
echo $$ >&2
exec sleep 600
"""


def wait_for(condition, process):
    """Waits for a condition while a process runs."""
    while not condition():
        assert process.poll() is None, "the process has ended"
        time.sleep(0.1)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("signal_number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -2)]
)
def test_signal_ends_child_processes(config, tmp_path, signal_number, status):
    stub = tmp_path / "child"
    stub.write_text(_CHILD)
    stub.chmod(0o755)
    run_dir = pathlib.Path(config.run_dir)
    parent = subprocess.Popen(
        [
            preloaded_python.executable(),
            "-c",
            _PARENT,
            stub,
            config.data_dir,
            run_dir,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        # Hides the traceback of the interrupt.
        stderr=subprocess.DEVNULL,
    )
    try:
        logs = [run_dir / "seeds" / seed / "log.txt" for seed in "01"]
        wait_for(
            lambda: all(x.exists() and x.read_text() for x in logs), parent
        )
        children = [int(log.read_text()) for log in logs]
        assert all(map(is_alive, children))
        parent.send_signal(signal_number)
        # Sooner than its children would end.
        assert parent.wait(300) == status
    finally:
        parent.kill()
        parent.wait()
    assert not any(map(is_alive, children))
    assert not (run_dir / "seeds" / "2").exists()
    assert not (run_dir / "lock").exists()


# The same by the command.
_COMMAND = """
import signal, sys
from mtl_tf import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.executable, data_dir, run_dir = sys.argv[1:]
sys.argv[1:] = [
    f"--data_dir={data_dir}", f"--run_dir={run_dir}", "--num_runs=3",
    "--processes=2", "--noreport", "--noexport",
]
main.run()
"""


@pytest.mark.parametrize(
    ("signal_number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_signal_ends_the_command(config, tmp_path, signal_number, status):
    stub = tmp_path / "child"
    stub.write_text(_CHILD)
    stub.chmod(0o755)
    run_dir = pathlib.Path(config.run_dir)
    parent = subprocess.Popen(
        [
            preloaded_python.executable(),
            "-c",
            _COMMAND,
            stub,
            config.data_dir,
            run_dir,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        logs = [run_dir / "seeds" / seed / "log.txt" for seed in "01"]
        wait_for(
            lambda: all(x.exists() and x.read_text() for x in logs), parent
        )
        children = [int(log.read_text()) for log in logs]
        parent.send_signal(signal_number)
        _, printed = parent.communicate(timeout=30)
    finally:
        parent.kill()
        parent.wait()
    assert parent.returncode == status
    assert printed.splitlines()[-1] == (
        f"mtl_tf: interrupted ({signal_number.name}): 0 of 3 runs have ended; "
        "the same command continues with the others"
    )
    assert "Traceback" not in printed
    assert not any(map(is_alive, children))
    assert not (run_dir / "lock").exists()


def test_single_task_models_in_processes(config, monkeypatch):
    # Bazel passes its modules on sys.path only.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    config = dataclasses.replace(
        config, sharing="single_task", tasks=("books", "games"), threads=1
    )
    merged = launcher.train(config, processes=2)
    assert merged == run_directory.read_results(config.run_dir)
    for name in config.tasks:
        run_dir = os.path.join(config.run_dir, "tasks", name)
        single = run_directory.read_results(run_dir)
        assert merged["tasks"][name] == single["tasks"][name]
        # Each part is a complete run.
        assert run_directory.read_config(run_dir)["tasks"] == [name]
        experiment.Experiment(
            dataclasses.replace(config, run_dir=run_dir, tasks=(name,))
        ).evaluate()
        assert checkpoint_files.find(run_dir, "best")
        with open(os.path.join(run_dir, "log.txt"), encoding="utf-8") as file:
            assert "tokens/s" in file.read()
        # Only the run with all parts has them.
        assert not os.path.exists(os.path.join(run_dir, "report.html"))
        assert not os.path.exists(os.path.join(run_dir, "export"))
    assert merged["average"]["main"]["test"]["accuracy"] == pytest.approx(
        statistics.mean(
            merged["tasks"][name]["main"]["test"]["accuracy"]
            for name in config.tasks
        )
    )
    assert merged["steps"] == 2 * 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
