"""What can be done with a run that cannot be written to."""

import os

import pytest

from mtl_tf.cli import modes
from mtl_tf.runs import run_directory
from mtl_tf.runs import score_table
from mtl_tf.training import experiment
from mtl_tf.training import launcher
from mtl_tf.training import run_pool
from tests.helpers import command_line
from tests.helpers import full_disk
from tests.helpers import generated

_ROWS = {"train": 16, "dev": 6, "test": 6, "unlabeled": 6}
_SETTINGS = (
    "--sharing=fully_shared",
    "--encoder=bag_of_words",
    "--pooling=mean",
    "--embedding_dim=4",
    "--batch_size=8",
    "--nopictures",
    "--epochs=1",
    "--noreport",
    "--noexport",
)


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    """They can be set once in a process."""
    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    return generated.write_corpus(
        data_dir, rows=_ROWS, task_names=("books", "games")
    )


def run_all_here(mode, configs, corpus, processes):
    """Several runs in this process."""
    del mode, corpus, processes
    for config in configs:
        experiment.Experiment(config).run()


@pytest.fixture(scope="module", params=[1, 2], ids=["run", "two_seeds"])
def run_dir(request, corpus, tmp_path_factory):
    """A run, and one of two seeds, that have ended."""
    run_dir = tmp_path_factory.mktemp("read_only") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes.devices, "configure", lambda threads: None)
        patch.setattr(run_pool, "run_all", run_all_here)
        arguments = (f"--data_dir={corpus}", f"--run_dir={run_dir}")
        seeds = f"--num_runs={request.param}"
        assert command_line.call(patch, *arguments, *_SETTINGS, seeds) == 0
    return run_dir


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_evaluate_prints_its_table(run_dir, monkeypatch, capsys):
    before = contents(run_dir)
    expected = score_table.table(
        run_directory.read_results(str(run_dir)),
        run_directory.Run.read(str(run_dir)).tasks,
        "multi-task",
    )
    warnings = []
    monkeypatch.setattr(
        launcher.logging, "warning", lambda *x: warnings.append(x[0] % x[1:])
    )
    with full_disk.read_only(run_dir):
        arguments = ("--mode=evaluate", f"--run_dir={run_dir}")
        assert command_line.call(monkeypatch, *arguments) == 0
    # Scored again: the same numbers.
    assert expected in capsys.readouterr().out
    (warning,) = [x for x in warnings if "is written" in x]
    assert warning.startswith(f"Nothing is written: {run_dir} ")
    assert contents(run_dir) == before


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--mode=export"], "copy the run to a writable directory"),
        (["--mode=analyze"], "copy the run to a writable directory"),
        (["--mode=report"], "choose another path for the page: --output=FILE"),
        (["--epochs=2", *_SETTINGS[:6]], "give another run_dir"),
    ],
)
def test_modes_that_write_refuse_a_read_only_run(
    corpus, run_dir, monkeypatch, capsys, arguments, advice
):
    before = contents(run_dir)
    flags = (f"--data_dir={corpus}", f"--run_dir={run_dir}")
    if len(run_directory.Run.read(str(run_dir)).parts) == 2:
        flags += ("--num_runs=2",)
    with full_disk.read_only(run_dir):
        status = command_line.call(monkeypatch, *flags, *arguments)
    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    (line,) = printed.err.splitlines()
    assert line.startswith(f"mtl_tf: run_dir={run_dir}: {run_dir} ")
    assert advice in line
    assert contents(run_dir) == before


def test_page_is_written_to_output(run_dir, tmp_path, monkeypatch):
    page = tmp_path / "pages" / "page.html"
    with full_disk.read_only(run_dir):
        arguments = (f"--run_dir={run_dir}", f"--output={page}")
        assert command_line.call(monkeypatch, "--mode=report", *arguments) == 0
    assert "<title>" in page.read_text()
    # Nothing else is written.
    assert os.listdir(page.parent) == ["page.html"]


def test_an_output_that_cannot_be_written(
    run_dir, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "answers"
    folder.mkdir()
    (tmp_path / "texts.txt").write_text("one\n")
    with full_disk.read_only(folder):
        status = command_line.call(
            monkeypatch,
            "--mode=predict",
            f"--run_dir={run_dir}",
            "--task=books",
            f"--input={tmp_path / 'texts.txt'}",
            f"--output={folder / 'answers.jsonl'}",
        )
    assert status == 1
    assert capsys.readouterr().err.startswith(
        f"mtl_tf: --output={folder}/answers.jsonl: {folder} "
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
