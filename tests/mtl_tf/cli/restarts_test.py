"""Restarts of a worker: their pauses, and when it gives up."""

import pytest

from mtl_tf.cli import modes
from mtl_tf.cli import restarts
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.training import multi_worker
from mtl_tf.utils import entry_point

_LOST = multi_worker.LostWorkerError("a worker is lost: all must start again")


class Restarted(BaseException):
    """Ends a process in the place of what executes the next one."""


@pytest.fixture
def pauses(monkeypatch):
    """The pauses before the restarts of a run, each of which is counted."""
    made: list[float] = []

    def restart():
        raise Restarted

    monkeypatch.delenv("MTL_TF_RESTARTS", raising=False)
    monkeypatch.setattr(restarts.time, "sleep", made.append)
    monkeypatch.setattr(entry_point, "restart", restart)
    return made


def restart(count):
    for _ in range(count):
        with pytest.raises(Restarted):
            restarts.after(_LOST, "run")


def test_worker_pauses_longer_and_gives_up(pauses, monkeypatch):
    monkeypatch.setattr(restarts.checkpoints, "last_step", lambda run_dir: 7)
    restart(5)
    assert pauses == [1, 2, 4, 8, 16]
    with pytest.raises(
        ValueError,
        match=r"all must start again\. This worker gives up: the run has no "
        "new checkpoint after 5 restarts",
    ):
        restarts.after(_LOST, "run")


def test_new_checkpoint_begins_the_count_again(pauses, monkeypatch):
    for step in (3, 6, 9):
        monkeypatch.setattr(
            restarts.checkpoints, "last_step", lambda run_dir, step=step: step
        )
        restart(4)
    assert pauses == [1, 2, 4, 8] * 3


def test_run_that_cannot_be_read_has_no_checkpoint(pauses, monkeypatch):
    def fail(run_dir):
        raise OSError(run_dir)

    monkeypatch.setattr(restarts.checkpoints, "last_step", fail)
    restart(2)
    assert pauses == [1, 2]


def test_command_restarts_after_a_lost_worker(pauses, monkeypatch, tmp_path):
    def fail(config, processes):
        raise _LOST

    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)
    monkeypatch.setattr(modes.launcher, "train", fail)
    config = config_lib.Config(run_dir=str(tmp_path / "run"))
    with pytest.raises(Restarted):
        modes.run(command_lib.Command(export=False), config, {})
    assert pauses == [1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
