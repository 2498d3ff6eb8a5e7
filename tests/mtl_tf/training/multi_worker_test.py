"""What workers need of each other, without processes."""

import signal
import types

import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.config import tf_config
from mtl_tf.training import multi_worker
from mtl_tf.training import replicas as replicas_lib


class Workers(replicas_lib.Replicas):
    """A worker of two, which gets `sent` from the chief."""

    num_workers = 2

    def __init__(self, worker=1, sent=None):
        self.worker = worker
        self._sent = sent

    def from_chief(self, compute):
        value = compute()
        return value if self.is_chief else self._sent


def fail(kind):
    raise kind(None, None, "socket closed")


@pytest.mark.parametrize("worker", [0, 1])
@pytest.mark.parametrize(
    "kind",
    [
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.DeadlineExceededError,
    ],
)
def test_error_of_a_connection_is_a_lost_worker(worker, kind):
    with (
        pytest.raises(
            multi_worker.LostWorkerError,
            match=f"to another worker is lost .{kind.__name__}.: see the",
        ),
        multi_worker.running(Workers(worker)),
    ):
        fail(kind)


def test_worker_that_was_never_reached_is_not_called_lost(monkeypatch):
    monkeypatch.setattr(
        tf.distribute,
        "MultiWorkerMirroredStrategy",
        lambda: fail(tf.errors.DeadlineExceededError),
    )
    with pytest.raises(
        multi_worker.LostWorkerError,
        match=r"another worker cannot be reached .Deadline\w+.: check that",
    ):
        multi_worker.connect(tf_config.Worker(("a:1", "b:2"), 0))


def test_worker_can_be_interrupted_once_it_has_told_its_index(
    monkeypatch, request
):
    handlers = []
    # It is ignored where tests run in the background of a shell.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(
        multi_worker.logging,
        "info",
        lambda *values: handlers.append(signal.getsignal(signal.SIGINT)),
    )
    monkeypatch.setattr(
        tf.distribute,
        "MultiWorkerMirroredStrategy",
        lambda: fail(tf.errors.UnavailableError),
    )
    with pytest.raises(multi_worker.LostWorkerError):
        multi_worker.connect(tf_config.Worker(("a:1", "b:2"), 0))
    assert handlers == [signal.SIG_DFL]


def test_other_errors_are_not():
    with (
        pytest.raises(tf.errors.ResourceExhaustedError),
        multi_worker.running(Workers()),
    ):
        fail(tf.errors.ResourceExhaustedError)
    # A process alone can lose no other.
    with (
        pytest.raises(tf.errors.UnavailableError),
        multi_worker.running(replicas_lib.Replicas()),
    ):
        fail(tf.errors.UnavailableError)


@pytest.mark.parametrize(("worker", "is_default"), [(0, False), (1, True)])
def test_only_the_chief_cleans_up_after_a_signal(worker, is_default):
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        with multi_worker.running(Workers(worker)):
            handler = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (handler is signal.SIG_DFL) == is_default


def test_workers_compare_settings_and_data():
    corpus = types.SimpleNamespace(declaration={"fingerprint": "f1"})
    config = config_lib.Config(seed=1, epochs=3, data_dir="a", run_dir="b")
    sent = {**config.to_dict(), "corpus": "f1"}
    for name in ("data_dir", "run_dir", "data_service", "threads", "progress"):
        del sent[name]
    multi_worker.check_same_run(Workers(sent=sent), config, corpus)
    multi_worker.check_same_run(Workers(0), config, corpus)
    sent |= {"epochs": 4, "corpus": "f2"}
    with pytest.raises(ValueError, match="worker 1 has other") as caught:
        multi_worker.check_same_run(Workers(sent=sent), config, corpus)
    lines = str(caught.value).splitlines()
    assert lines[1:-1] == ["  epochs: 4 -> 3", "  corpus: f2 -> f1"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
