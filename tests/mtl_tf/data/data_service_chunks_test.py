"""Datasets that a tf.data service gets: their number, and what may fail.

The service is this process: there is no dispatcher.
"""

import itertools
import threading

import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.config import distribution
from mtl_tf.data import data_service
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.training import task_splits
from tests.helpers import generated

_ADDRESS = "localhost:5050"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return tasks_lib.Corpus.read(
        generated.write_corpus(
            str(folder / "corpus"), rows={"train": 8, "dev": 4, "test": 4}
        )
    )


@pytest.fixture
def checks(monkeypatch):
    """Counts the checks of the service, which succeed."""
    made: list[config_lib.Config] = []
    monkeypatch.setattr(distribution, "check_service", made.append)
    return made


def distribute(monkeypatch, transform):
    """Replaces what distributes a dataset among the workers of a service."""
    monkeypatch.setattr(
        tf.data.experimental.service,
        "distribute",
        lambda *arguments, **named: transform,
    )


def generate(corpus):
    config = config_lib.Config(batch_size=2, data_service=_ADDRESS)
    splits = task_splits.read(corpus, corpus.tasks, config)
    return data_service.make_batches(
        [x["train"] for x in splits], [], config
    ).generate(0)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({}, [4, 8, 16, 32, 64]),
        ({"_MAX_CHUNK": 20}, [4, 8, 16, 20, 20]),
        # A step has 3 tasks with 2 rows of 8 bytes each.
        ({"_MAX_ROW_BYTES": 48 * 12}, [4, 8, 12, 12, 12]),
        ({"_MAX_ROW_BYTES": 1}, [4, 4, 4, 4, 4]),
    ],
)
def test_texts_are_sent_more_and_more_rarely(
    corpus, checks, monkeypatch, limit, expected
):
    sizes = []

    def transform(dataset):
        sizes.append(len(dataset))
        return dataset

    distribute(monkeypatch, transform)
    for name, value in {"_CHUNK": 4, **limit}.items():
        monkeypatch.setattr(data_service, name, value)
    batches = generate(corpus)
    list(itertools.islice(batches, sum(expected)))
    assert sizes == expected
    # Once before texts are read, and for each dataset.
    assert len(checks) == 6


def test_service_that_ends_between_datasets_is_an_error(corpus, monkeypatch):
    left = iter([None, None])

    def check(config):
        assert config.data_service == _ADDRESS
        if next(left, config):
            raise ValueError("nothing answers")

    monkeypatch.setattr(distribution, "check_service", check)
    monkeypatch.setattr(data_service, "_CHUNK", 4)
    distribute(monkeypatch, lambda dataset: dataset)
    batches = generate(corpus)
    assert len(list(itertools.islice(batches, 4))) == 4
    with pytest.raises(ValueError, match="nothing answers"):
        next(batches)


def test_service_that_hangs_is_an_error(corpus, checks, monkeypatch):
    monkeypatch.setattr(data_service, "_TIMEOUT_SECONDS", 0.2)
    ended = threading.Event()

    def wait(dataset):
        # As the operation that registers a dataset, which Python cannot stop.
        ended.wait(5)
        return dataset

    distribute(monkeypatch, wait)
    with pytest.raises(ValueError, match=r"it has sent nothing for 0\.2 s"):
        next(generate(corpus))
    ended.set()


@pytest.mark.parametrize(
    ("message", "reason"),
    [("no route\nat all", "UnavailableError: no route"), ("", "Unavailable")],
)
def test_error_of_the_service_tells_its_address(
    corpus, checks, monkeypatch, message, reason
):
    def fail(dataset):
        raise tf.errors.UnavailableError(None, None, message)

    distribute(monkeypatch, fail)
    with pytest.raises(
        ValueError, match=f"data_service={_ADDRESS}: {reason}.*: start its w"
    ) as caught:
        next(generate(corpus))
    assert isinstance(caught.value.__cause__, tf.errors.UnavailableError)


def test_other_errors_stay_what_they_are(corpus, checks, monkeypatch):
    cause = OSError("full")

    def fail(dataset):
        raise MemoryError("texts") from cause

    distribute(monkeypatch, fail)
    with pytest.raises(MemoryError, match="texts") as caught:
        next(generate(corpus))
    assert caught.value.__cause__ is cause


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
