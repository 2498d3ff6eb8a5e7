"""Batches of a tf.data service: those that are made without it."""

import dataclasses
import itertools
import socket

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import data_service
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import training_batches
from mtl_tf.training import task_splits
from tests.helpers import generated
from tests.helpers import service_processes

pytestmark = pytest.mark.slow

_UNLABELED = {"unlabeled": True, "adversarial_weight": 0.1}
# Settings, and whether unlabeled texts have pseudo-labels.
_CASES = {
    "joint": ({}, False),
    "alternating": ({"update": "alternating"}, False),
    "unlabeled": ({**_UNLABELED, "sampling_exponent": 1.0}, False),
    "pseudo_labels": (_UNLABELED, True),
    # Too few tokens for most texts.
    "truncated": ({"max_tokens": 6}, False),
    "pairs": (
        {"encoder": "conditional_bilstm", "max_tokens": 6, **_UNLABELED},
        False,
    ),
    "diversity": (
        {"label_transfer": "supervised", "main_task": "books", **_UNLABELED},
        False,
    ),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return tasks_lib.Corpus.read(
        generated.write_corpus(
            str(folder / "corpus"),
            rows={"train": 40, "dev": 4, "test": 4, "unlabeled": 30},
            pairs=("films",),
        )
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    with service_processes.service(folder) as made:
        yield made


def make(corpus, address, settings, pseudo_labels=False, *worker):
    """Makes training batches of a service; of none without an address."""
    config = config_lib.Config(
        **{"batch_size": 4, "seed": 5, **settings}, data_service=address
    )
    splits = task_splits.read(corpus, corpus.tasks, config)
    unlabeled = [x["unlabeled"] for x in splits if "unlabeled" in x]
    if pseudo_labels:
        random = np.random.default_rng(0)
        unlabeled = [
            dataclasses.replace(
                x, pseudo_labels=random.random([len(x), 3], np.float32)
            )
            for x in unlabeled
        ]
    return data_service.make_batches(
        [x["train"] for x in splits], unlabeled, config, *worker
    )


def take(batches, count, first_step=0):
    return list(itertools.islice(batches.generate(first_step), count))


def assert_equal(batch, other):
    assert batch.keys() == other.keys()
    for name, value in other.items():
        if isinstance(value, dict):
            assert_equal(batch[name], value)
        else:
            assert batch[name].dtype == value.dtype, name
            np.testing.assert_array_equal(batch[name], value, err_msg=name)


def forbid(monkeypatch):
    """Makes this process unable to make batches."""

    def fail(selection):
        raise AssertionError(selection)

    monkeypatch.setattr(training_batches.Selection, "make_batch", fail)


@pytest.mark.parametrize("case", _CASES)
def test_batches_and_their_order_are_those_without_service(
    corpus, service, monkeypatch, case
):
    expected = take(make(corpus, "", *_CASES[case]), 40, 3)
    # Several datasets.
    monkeypatch.setattr(data_service, "_CHUNK", 16)
    forbid(monkeypatch)
    actual = take(make(corpus, service.address, *_CASES[case]), 40, 3)
    for batch, other in zip(actual, expected, strict=True):
        assert_equal(batch, other)
    assert len({batch["token_ids"].tobytes() for batch in actual}) > 30


def test_worker_gets_its_own_texts(corpus, service, monkeypatch):
    arguments = (_UNLABELED, False, 1, 3)
    expected = take(make(corpus, "", *arguments), 20)
    forbid(monkeypatch)
    actual = take(make(corpus, service.address, *arguments), 20)
    for batch, other in zip(actual, expected, strict=True):
        assert_equal(batch, other)
        assert len(batch["task_ids"]) == 3
        assert len(batch["lengths"]) == 1


def test_order_is_restored_and_lost_batches_are_made_here(corpus, monkeypatch):
    batches = make(corpus, "", {})
    chunk = list(itertools.islice(batches.select(0), 200))
    expected = take(batches, 200)
    made = []
    make_batch = training_batches.Selection.make_batch

    def recording(selection):
        made.append(selection)
        return make_batch(selection)

    monkeypatch.setattr(training_batches.Selection, "make_batch", recording)
    # Of three workers, which are out of step, one has lost 60 to 65.
    order = sorted(range(200), key=lambda index: index + 7 * (index % 3))
    pairs = ((x, expected[x]) for x in order if not 60 <= x < 66)
    actual = list(data_service._in_order(chunk, pairs))
    for batch, other in zip(actual, expected, strict=True):
        assert_equal(batch, other)
    assert [x is y for x, y in zip(made, chunk[60:66], strict=True)] == [
        True
    ] * 6


def test_batches_stay_the_same_if_a_worker_ends(corpus, tmp_path, monkeypatch):
    made = []
    make_batch = training_batches.Selection.make_batch
    expected = take(make(corpus, "", {}), 2000)
    monkeypatch.setattr(data_service, "_CHUNK", 700)
    monkeypatch.setattr(
        training_batches.Selection,
        "make_batch",
        lambda selection: made.append(selection) or make_batch(selection),
    )
    with service_processes.service(tmp_path) as several:
        batches = make(corpus, several.address, {}).generate(0)
        actual = list(itertools.islice(batches, 300))
        several.workers[0].terminate()
        several.workers[0].wait(20)
        actual += itertools.islice(batches, 400)
        del made[:]
        # Those of the next dataset come from the other worker.
        actual += itertools.islice(batches, 1300)
    for batch, other in zip(actual, expected, strict=True):
        assert_equal(batch, other)
    assert len(made) < 100


def test_service_without_workers_is_an_error(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(data_service, "_TIMEOUT_SECONDS", 2)
    with service_processes.service(tmp_path, num_workers=0) as empty:
        batches = make(corpus, empty.address, {}).generate(0)
        with pytest.raises(
            ValueError,
            match=f"data_service={empty.address}: it has sent nothing for 2 s: "
            "start its workers, python -m mtl_tf.data.service_process "
            f"--dispatcher={empty.address}, or continue the run without "
            "data_service",
        ):
            next(batches)


def test_texts_that_are_too_large_are_refused(corpus, service, monkeypatch):
    monkeypatch.setattr(data_service, "_MAX_BYTES", 3 << 10)
    batches = make(corpus, service.address, {}).generate(0)
    with pytest.raises(ValueError, match="data_service gets all training tex"):
        next(batches)


def test_service_that_cannot_be_reached_is_refused(corpus):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    # Evaluation makes no batches.
    batches = make(corpus, address, {}).generate(0)
    with pytest.raises(
        ValueError,
        match=f"data_service={address}: nothing answers at {address} .*: start "
        "a dispatcher there, python -m mtl_tf.data.service_process",
    ):
        next(batches)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
