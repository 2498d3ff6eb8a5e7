"""What each mode asks of others, without training anything."""

import dataclasses
import os

import pytest
from absl import logging

from mtl_tf.cli import modes
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.runs import results
from mtl_tf.runs import run_directory
from mtl_tf.studies import result
from tests.helpers import generated

_ROWS = {"train": 8, "dev": 2, "test": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture
def config(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(tmp_path / "run"),
        tasks=("books", "films"),
        hidden_size=7,
    )


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """The threads asked for: they can be set once in a process."""
    counts = []
    monkeypatch.setattr(modes.devices, "configure", counts.append)
    return counts


@pytest.fixture(autouse=True)
def launched(monkeypatch, corpus):
    """What the launcher was asked for; it only pretends to do it."""
    calls = []

    def pretend(mode):
        def launch(config, processes):
            calls.append((mode, config, processes))
            if mode == "train":
                write_run(config, corpus)
            return run_directory.read_results(config.run_dir)

        return launch

    for mode in ("train", "evaluate"):
        monkeypatch.setattr(modes.launcher, mode, pretend(mode))
    return calls


def write_run(config, corpus):
    """Leaves what a run leaves that has ended."""
    tasks = corpus.select(config.tasks)
    run_directory.start(config, corpus, tasks)
    by_task = {}
    for index, task in enumerate(tasks):
        right = {"accuracy": 0.5 + index / 4, "macro_f1": 0.0, "n": 1200}
        most = {"accuracy": 0.25, "macro_f1": 0.0, "n": 1200}
        by_task[task.name] = {
            "main": {"dev": right, "test": right},
            "majority": {"dev": most, "test": most},
        }
    results.write(
        config.run_dir,
        {
            "schema": 1,
            "tasks": by_task,
            "average": results.averages(by_task),
        },
    )


def run(config, mode="train", **command):
    # What is made of a run that has ended has tests of its own.
    command = {"report": False, "export": False, **command}
    return modes.run(command_lib.Command(mode=mode, **command), config, {})


def lines(printed):
    return [" ".join(line.split()) for line in printed.split("\n")]


def test_train_prints_the_table(config, launched):
    printed = run(config, processes=3)
    assert launched == [("train", config, 3)]
    assert lines(printed) == [
        "",
        f"Test scores in percent ({config.run_dir})",
        "",
        "task metric test majority multi-task",
        "-" * len(printed.split("\n")[3]),
        "books accuracy 1200 25.0 50.0",
        "films accuracy 1200 25.0 75.0",
        "-" * len(printed.split("\n")[3]),
        "average accuracy 25.0 62.5",
        "",
    ]


def test_warnings_follow_the_table(config):
    table = run(config)
    actual = run_directory.read_results(config.run_dir)
    actual["warnings"] = ["books: all went wrong", "films: this, too"]
    results.write(config.run_dir, actual)
    assert run(config, mode="evaluate") == (
        f"{table}\nWarning: books: all went wrong\nWarning: films: this, too\n"
    )


def test_heading_describes_the_scores(config):
    config = dataclasses.replace(config, sharing="single_task", num_runs=3)
    actual = lines(run(config))
    assert actual[1] == (
        f"Test scores in percent, means of 3 seeds ({config.run_dir})"
    )
    assert actual[3] == "task metric test majority single-task"


@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_baseline_is_a_column_of_the_table(config, corpus, tmp_path, mode):
    write_run(config, corpus)
    baseline = dataclasses.replace(
        config, run_dir=str(tmp_path / "baseline"), tasks=("films",)
    )
    write_run(baseline, corpus)
    actual = lines(run(config, mode, baseline_run=baseline.run_dir))
    assert actual[3] == "task metric test majority single-task multi-task"
    assert actual[5] == "books accuracy 1200 25.0 - 50.0"
    assert actual[6] == "films accuracy 1200 25.0 50.0 75.0"


@pytest.mark.parametrize("mode", ["train", "evaluate"])
def test_missing_baseline_is_reported_before_training(
    config, corpus, launched, tmp_path, mode
):
    write_run(config, corpus)
    nowhere = str(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="nowhere holds no results"):
        run(config, mode, baseline_run=nowhere)
    assert launched == []


def test_evaluate_takes_the_settings_of_the_run(
    config, corpus, launched, tmp_path
):
    write_run(config, corpus)
    moved = str(tmp_path / "moved")
    os.rename(config.run_dir, moved)
    # Of the flags, those of a model do not count here.
    options = config_lib.Config(
        run_dir=moved, hidden_size=9, num_runs=2, threads=3
    )
    printed = run(options, "evaluate", processes=2)
    expected = dataclasses.replace(config, run_dir=moved, threads=3)
    assert launched == [("evaluate", expected, 2)]
    assert f"Test scores in percent ({moved})" in printed
    # The corpus may have been moved as well.
    run(dataclasses.replace(options, data_dir="elsewhere"), "evaluate")
    expected = dataclasses.replace(expected, data_dir="elsewhere")
    assert launched[1:] == [("evaluate", expected, 1)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("train", 2), ("evaluate", 2), ("analyze", 2), ("evaluate", 0)],
)
def test_threads_are_those_of_the_command(
    config, corpus, threads, monkeypatch, mode, expected
):
    write_run(dataclasses.replace(config, threads=5), corpus)
    monkeypatch.setattr(modes.experiment, "Experiment", lambda x: x)
    monkeypatch.setattr(modes.analysis, "run", lambda x: str(x.threads))
    printed = run(dataclasses.replace(config, threads=expected), mode)
    assert threads == [expected]
    if mode == "analyze":
        assert printed == str(expected)


def test_threads_are_set_before_anything_else(config, threads, monkeypatch):
    # TensorFlow takes them only before its first op.
    def fail(config, processes):
        raise ValueError(f"{config}, {processes}")

    monkeypatch.setattr(modes.launcher, "train", fail)
    with pytest.raises(ValueError, match="hidden_size=7"):
        run(config)
    assert threads == [0]


def test_analyze_takes_one_run(config, corpus, monkeypatch):
    several = dataclasses.replace(config, num_runs=2)
    write_run(several, corpus)
    part = dataclasses.replace(
        config, seed=1, run_dir=os.path.join(config.run_dir, "seeds", "1")
    )
    write_run(part, corpus)
    with pytest.raises(
        ValueError, match=r"analyze one of .*seeds/0, .*seeds/1"
    ):
        run(several, "analyze")
    monkeypatch.setattr(modes.experiment, "Experiment", lambda x: x)
    monkeypatch.setattr(modes.analysis, "run", lambda x: f"probes of {x}")
    options = config_lib.Config(run_dir=part.run_dir)
    assert run(options, "analyze") == f"probes of {part}"


def test_leave_one_out_has_the_tasks_and_processes_of_the_command(
    config, monkeypatch
):
    calls = []
    study = result.Result([], "table")
    monkeypatch.setattr(
        modes.leave_one_out, "run", lambda *args: calls.append(args) or study
    )
    printed = run(config, "leave_one_out", held_out=("books",), processes=2)
    assert printed == "table"
    assert calls == [(config, ("books",), 2)]


def test_only_the_chief_logs_information_while_it_trains(config, monkeypatch):
    before = logging.get_verbosity()
    levels = []

    def record(*arguments):
        levels.append(logging.get_verbosity())
        return {}

    # It logs the devices.
    monkeypatch.setattr(modes.devices, "configure", record)
    monkeypatch.setattr(modes.launcher, "train", record)
    monkeypatch.setattr(modes.tf_config, "is_chief", lambda x: x == "mirrored")
    monkeypatch.setattr(modes, "_table", lambda *arguments: "table")
    try:
        logging.set_verbosity(logging.INFO)
        for value in ("mirrored", "multi_worker"):
            run(dataclasses.replace(config, distribution=value))
            assert logging.get_verbosity() == logging.INFO
    finally:
        logging.set_verbosity(before)
    assert levels == [logging.INFO] * 2 + [logging.WARNING] * 2


@pytest.mark.parametrize("mode", ["evaluate", "analyze"])
def test_untrained_run_is_an_error(config, launched, mode):
    with pytest.raises(
        ValueError, match=r"run holds no run: config\.json is mi"
    ):
        run(config, mode)
    assert launched == []
    assert not os.path.exists(config.run_dir)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
