"""Runs of two worker processes, unbroken and with workers that are killed."""

import re
import signal
import sys
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory
from tests.helpers import generated
from tests.helpers import logical_devices
from tests.helpers import preloaded_python
from tests.helpers import same_scores
from tests.helpers import trained_runs
from tests.helpers import worker_processes

pytestmark = pytest.mark.slow

_FLAGS = (
    *("--encoder=bag_of_words", "--pooling=mean", "--embedding_dim=4"),
    *(
        "--hidden_size=4",
        "--batch_size=8",
        "--optimizer=adagrad",
        "--learning_rate=0.05",
    ),
    *("--adversarial_weight=0.1", "--orthogonality_weight=0.01"),
    *("--unlabeled", "--ema_decay=0.5", "--patience=0", "--seed=3"),
    *("--nopictures", "--noprogress", "--noreport", "--noexport"),
    *("--label_transfer=supervised", "--main_task=films"),
    # Two phases of 27 steps, each in TensorBoard.
    *("--steps_per_epoch=9", "--epochs=3", "--threads=1", "--log_every=1"),
)
_EPOCHS = 6
_WORKERS = "multi_worker"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(
        str(folder / "corpus"), task_names=("books", "films")
    )


def command(corpus, run_dir, distribution):
    return (
        "mtl_tf.main",
        *_FLAGS,
        f"--data_dir={corpus}",
        f"--run_dir={run_dir}",
        f"--distribution={distribution}",
    )


@pytest.fixture(scope="module")
def one_device(corpus, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("one_device") / "run"
    process = preloaded_python.run(*command(corpus, run_dir, "one_device"))
    assert not process.returncode, process.stderr
    return run_dir


@pytest.fixture(scope="module")
def unbroken(corpus, tmp_path_factory):
    """A run of two workers, and what they printed."""
    folder = tmp_path_factory.mktemp("unbroken")
    workers = worker_processes.run(
        folder / "output", *command(corpus, folder / "run", _WORKERS)
    )
    return folder / "run", workers


def wait_for_epoch(run_dir, epoch, processes):
    """Waits until a run has written an epoch, and is not at its end."""
    end = time.monotonic() + 60
    while len(history_lib.read_history(str(run_dir))) < epoch:
        assert time.monotonic() < end
        assert all(process.poll() is None for process in processes)
        time.sleep(0.005)


@pytest.fixture(scope="module")
def broken(corpus, tmp_path_factory):
    """A run each of whose workers is killed once, and what they printed."""
    folder = tmp_path_factory.mktemp("broken")
    run_dir = folder / "run"
    arguments = command(corpus, run_dir, _WORKERS)
    with worker_processes.cluster(folder / "output") as workers:
        processes = [
            workers.start(index, *arguments, python=sys.executable)
            for index in (0, 1)
        ]
        for victim, epoch in ((1, 1), (0, 4)):
            wait_for_epoch(run_dir, epoch, processes)
            processes[victim].kill()
            assert processes[victim].wait() == -signal.SIGKILL
            assert not run_directory.has_ended(str(run_dir))
            assert len(history_lib.read_history(str(run_dir))) < _EPOCHS
            processes[victim] = workers.start(
                victim, *arguments, python=sys.executable
            )
        workers.check(processes)
    return run_dir, workers


def scalars(run_dir):
    """Reads the curves of a run, steps and values by name."""
    events = event_accumulator.EventAccumulator(
        str(run_dir / "tensorboard"),
        size_guidance={event_accumulator.TENSORS: 0},
    )
    events.Reload()
    return {
        tag: [
            (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
        if tag.startswith(("loss/", "discriminator/", "training/tokens"))
    }


def test_losses_of_all_steps_are_those_of_one_device(one_device, unbroken):
    expected, actual = scalars(one_device), scalars(unbroken[0])
    for name in ("loss/total", "loss/adversarial", "loss/orthogonality"):
        steps, values = zip(*expected[name], strict=True)
        assert steps == tuple(range(1, 55))
        assert np.ptp(values) > 1e-4
    for name in expected.keys() - {"training/tokens_per_second"}:
        np.testing.assert_allclose(
            actual[name], expected[name], rtol=1e-5, atol=1e-5, err_msg=name
        )


def test_scores_are_those_of_one_device(one_device, unbroken):
    same_scores.check(unbroken[0], one_device, _EPOCHS)


def test_only_the_chief_writes_and_prints(unbroken):
    run_dir, workers = unbroken
    by_chief, by_other = (
        [x for x in workers.changes(index) if x.startswith(str(run_dir))]
        for index in (0, 1)
    )
    assert f"{run_dir}/history.jsonl" in by_chief
    assert by_other == []
    # TensorFlow writes events itself, a file of training and one of the end.
    assert len(list(run_dir.glob("tensorboard/events*"))) == 2
    assert "Test scores in percent" in workers.output(0)
    assert "this is worker 0" in workers.errors(0)
    assert workers.output(1) == workers.errors(1) == ""


def test_run_goes_on_after_a_worker_was_killed(unbroken, broken):
    run_dir, workers = broken
    trained_runs.assert_same_end(run_dir, unbroken[0])
    for index in (0, 1):
        # Each has survived the other once.
        assert "connection to another worker is lost" in workers.errors(index)
    assert "Resuming after epoch" in workers.errors(0)
    assert "Traceback" not in workers.errors(0) + workers.errors(1)
    assert workers.output(1) == ""
    assert not (run_dir / "lock").exists()


def terminate(run_dir, epoch, processes):
    """Terminates a process after an epoch; the others cannot go on."""
    wait_for_epoch(run_dir, epoch, processes)
    processes[0].send_signal(signal.SIGTERM)
    assert processes[0].wait(20) == 143
    for process in processes:
        process.kill()
        process.wait()


def test_terminated_run_goes_on_with_another_distribution(
    corpus, one_device, tmp_path
):
    run_dir = tmp_path / "run"
    with worker_processes.cluster(tmp_path / "output") as workers:
        terminate(
            run_dir,
            1,
            [workers.start(0, *command(corpus, run_dir, "one_device"))],
        )
        terminate(
            run_dir,
            4,
            [
                workers.start(index, *command(corpus, run_dir, _WORKERS))
                for index in (0, 1)
            ],
        )
        for line in (
            "Resuming after epoch ",
            "mtl_tf: interrupted (SIGTERM): the same command continues "
            "training after epoch ",
        ):
            assert line in workers.errors(0)
    assert not (run_dir / "lock").exists()
    process = logical_devices.run(2, *command(corpus, run_dir, "mirrored"))
    assert not process.returncode, process.stderr
    assert re.search("Resuming after epoch [45] ", process.stderr)
    same_scores.check(run_dir, one_device, _EPOCHS)


def test_worker_with_other_settings_is_refused(corpus, tmp_path):
    with worker_processes.cluster(tmp_path / "output") as workers:
        workers.start(0, *command(corpus, tmp_path / "run", _WORKERS))
        other = workers.start(
            1, *command(corpus, tmp_path / "run", _WORKERS), "--ema_decay=0.25"
        )
        assert other.wait(60) == 1
        assert workers.errors(1) == (
            "mtl_tf: worker 1 has other settings or data than worker 0 (worker "
            "0 -> this one):\n  ema_decay: 0.5 -> 0.25\nGive the same settings "
            "to all workers.\n"
        )
    assert not (tmp_path / "run" / "config.json").exists()


def test_worker_that_waits_for_another_can_be_interrupted(corpus, tmp_path):
    with worker_processes.cluster(tmp_path / "output") as workers:
        alone = workers.start(0, *command(corpus, tmp_path / "run", _WORKERS))
        end = time.monotonic() + 60
        while "this is worker 0" not in workers.errors(0):
            assert time.monotonic() < end
            time.sleep(0.1)
        # It waits by now, or ends before: signals have their default actions.
        time.sleep(1)
        assert alone.poll() is None
        alone.send_signal(signal.SIGINT)
        assert alone.wait(60) == -signal.SIGINT


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
