"""Runs with a tf.data service: those without it."""

import signal
import time

import pytest

from mtl_tf.runs import history as history_lib
from tests.helpers import generated
from tests.helpers import preloaded_python
from tests.helpers import service_processes
from tests.helpers import trained_runs
from tests.helpers import worker_processes

pytestmark = pytest.mark.slow

_FLAGS = (
    *("--encoder=bag_of_words", "--pooling=mean", "--embedding_dim=4"),
    *("--sharing=fully_shared", "--adversarial_weight=0.1", "--unlabeled"),
    *("--batch_size=8", "--optimizer=adagrad", "--learning_rate=0.05"),
    *("--epochs=5", "--steps_per_epoch=10", "--patience=0", "--threads=1"),
    *("--nopictures", "--noprogress", "--noreport", "--noexport"),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(
        str(folder / "corpus"), task_names=("books", "films")
    )


def command(corpus, run_dir, *flags):
    return (
        "mtl_tf.main",
        *_FLAGS,
        f"--data_dir={corpus}",
        f"--run_dir={run_dir}",
        *flags,
    )


@pytest.fixture(scope="module")
def without_service(corpus, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("without") / "run"
    process = preloaded_python.run(*command(corpus, run_dir))
    assert not process.returncode, process.stderr
    return run_dir


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with service_processes.service(tmp_path_factory.mktemp("service")) as made:
        yield made


def test_run_that_resumes_ends_as_one_without_service(
    corpus, without_service, service, tmp_path
):
    run_dir = tmp_path / "run"
    arguments = command(corpus, run_dir, f"--data_service={service.address}")
    with worker_processes.cluster(tmp_path / "output", 1) as processes:
        first = processes.start(0, *arguments)
        end = time.monotonic() + 60
        while len(history_lib.read_history(str(run_dir))) < 2:
            assert first.poll() is None, processes.errors(0)
            assert time.monotonic() < end
            time.sleep(0.005)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 143, processes.errors(0)
        processes.check([processes.start(0, *arguments)])
        assert "Resuming after epoch" in processes.errors(0)
    trained_runs.assert_same_end(run_dir, without_service)


def test_workers_with_a_service_train_as_one_device(
    corpus, without_service, service, tmp_path
):
    run_dir = tmp_path / "run"
    worker_processes.run(
        tmp_path / "output",
        *command(
            corpus,
            run_dir,
            f"--data_service={service.address}",
            "--distribution=multi_worker",
        ),
    )
    for line, other in zip(
        history_lib.read_history(str(run_dir)),
        history_lib.read_history(str(without_service)),
        strict=True,
    ):
        assert line["terms"] == pytest.approx(
            other["terms"], rel=1e-5, abs=1e-5
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
