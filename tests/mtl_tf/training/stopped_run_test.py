"""Runs that are stopped by a signal or a full disk, and resumed."""

import os
import pathlib
import signal

import pytest

from mtl_tf.cli import modes
from mtl_tf.serving import batch_prediction
from mtl_tf.training import trainer
from tests.helpers import command_line
from tests.helpers import full_disk
from tests.helpers import generated
from tests.helpers import trained_runs

_ROWS = {"train": 24, "dev": 6, "test": 6, "unlabeled": 6}
_TASKS = ("books", "games")
# 2 tasks of 24 rows, batches of 8: 3 steps per epoch.
_SETTINGS = (
    "--sharing=fully_shared",
    "--encoder=bag_of_words",
    "--pooling=mean",
    "--embedding_dim=4",
    "--nopictures",
    "--batch_size=8",
    "--max_tokens=12",
    "--word_dropout=0.1",
    "--epochs=3",
    "--noreport",
    "--noexport",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    return generated.write_corpus(data_dir, rows=_ROWS, task_names=_TASKS)


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    """Threads can only be set once in a process."""
    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)


def train(monkeypatch, corpus, run_dir, *arguments):
    return command_line.call(
        monkeypatch,
        f"--data_dir={corpus}",
        f"--run_dir={run_dir}",
        *_SETTINGS,
        *arguments,
    )


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory):
    """A run that is not stopped, behind a link."""
    run_dir = tmp_path_factory.mktemp("unbroken") / "run"
    (run_dir.parent / "disk").mkdir()
    run_dir.symlink_to("disk/new")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modes.devices, "configure", lambda threads: None)
        assert train(patch, corpus, run_dir) == 0
    return run_dir


def test_link_to_a_run_directory_is_kept(unbroken):
    assert unbroken.is_symlink()
    assert (unbroken.parent / "disk" / "new" / "results.json").exists()


def stop_after(monkeypatch, owner, name, count, signal_number):
    """Makes a function send a signal to this process at its count-th call."""
    function, calls = getattr(owner, name), []

    def call(*args, **kwargs):
        calls.append(name)
        result = function(*args, **kwargs)
        if len(calls) == count:
            os.kill(os.getpid(), signal_number)
        return result

    monkeypatch.setattr(owner, name, call)
    return calls


@pytest.mark.parametrize(
    ("step", "signal_number", "status", "message"),
    [
        (
            # The second step of the third epoch.
            8,
            signal.SIGTERM,
            143,
            "mtl_tf: interrupted (SIGTERM): the same command continues "
            "training after epoch 2",
        ),
        (
            2,
            signal.SIGINT,
            130,
            "mtl_tf: interrupted (SIGINT): no epoch has ended; the same "
            "command starts again",
        ),
    ],
)
def test_signal_during_training(
    corpus,
    unbroken,
    tmp_path,
    monkeypatch,
    capsys,
    step,
    signal_number,
    status,
    message,
):
    run_dir = tmp_path / "run"
    # Background processes of a shell ignore an interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        steps = stop_after(
            patch, trainer.Trainer, "train_step", step, signal_number
        )
        assert train(patch, corpus, run_dir) == status
    # It stops at once.
    assert len(steps) == step
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == message
    assert "Traceback" not in printed.err
    assert not (run_dir / "lock").exists()
    assert train(monkeypatch, corpus, run_dir) == 0
    trained_runs.assert_same_end(run_dir, unbroken)


def test_signal_during_prediction(unbroken, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch_prediction, "BATCH_ROWS", 2)
    texts = tmp_path / "texts.txt"
    texts.write_text("one\ntwo\nthree\nfour\nfive\n")
    output = tmp_path / "answers.jsonl"
    output.write_text("from before")
    arguments = (
        "--mode=predict",
        f"--run_dir={unbroken}",
        "--task=books",
        f"--input={texts}",
        f"--output={output}",
    )
    with monkeypatch.context() as patch:
        stop_after(patch, batch_prediction, "_predict", 2, signal.SIGTERM)
        assert command_line.call(patch, *arguments) == 143
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"mtl_tf: interrupted (SIGTERM): {output} is unchanged; run the same "
        "command again"
    )
    assert output.read_text() == "from before"
    assert sorted(os.listdir(tmp_path)) == ["answers.jsonl", "texts.txt"]
    assert command_line.call(monkeypatch, *arguments) == 0
    assert len(output.read_text().splitlines()) == 5


def test_full_disk(corpus, unbroken, tmp_path, monkeypatch, capsys):
    size = sum(
        path.stat().st_size
        for path in pathlib.Path(unbroken, "checkpoints").rglob("*")
    )
    with full_disk.small(tmp_path / "disk", "1m") as disk:
        run_dir = disk / "run"
        filler = disk / "filler"
        # Space for small files, and for one of the two checkpoints.
        filler.write_bytes(bytes((1 << 20) - 60_000 - size * 3 // 4))
        assert train(monkeypatch, corpus, run_dir) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.splitlines()[-1] == (
            f"mtl_tf: no space left in {run_dir}: free some, then run the "
            "same command again"
        )
        assert "memory" not in printed.err
        assert "Traceback" not in printed.err
        filler.unlink()
        assert train(monkeypatch, corpus, run_dir) == 0
        trained_runs.assert_same_end(run_dir, unbroken)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
