import contextlib

import numpy as np
import pytest

from benchmarks import corpora
from benchmarks import worker

FAKE = "tests.benchmarks.fake_contender"
FORGETFUL = "tests.benchmarks.forgetful_contender"


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """Three steps of two groups of two texts."""
    path = str(tmp_path_factory.mktemp("batches") / "batches.npz")
    batch = {
        "token_ids": np.ones((2, 2, 5), np.int32),
        "lengths": np.array([[5, 3], [2, 1]], np.int32),
        "task_ids": np.array([0, 1], np.int32),
    }
    corpora.write_batches(path, [batch] * 3)
    return path


@pytest.fixture
def start():
    """Starts workers, which end with the test."""
    with contextlib.ExitStack() as stack:

        def start(module):
            started = worker.Worker(module, "the fake one")
            stack.callback(started.close)
            return started

        yield start


def test_an_epoch_is_measured(start, batches):
    fake = start(FAKE)
    # Three steps of 0.02 seconds; its start and imports are not counted.
    assert fake.build({}, "fast", batches) == pytest.approx(0.06)
    epoch = fake.epoch(batches)
    assert epoch.seconds == pytest.approx(0.06)
    assert epoch.tokens == 3 * 11
    # The first group is as long as its longest text, 5, the second 2.
    assert epoch.computed == 3 * (2 * 5 + 2 * 2)
    # Losses count steps: 4, 5 and 6 after those of the build.
    assert epoch.loss == 5
    assert epoch.tokens_per_second == 33 / epoch.seconds
    assert 100 < epoch.peak_mb < 400


def test_workers_wait_for_each_other(start, batches):
    slow, fast = start(FAKE), start(FAKE)
    slow.build({}, "slow", batches)
    fast.build({}, "fast", batches)
    for _ in range(2):
        assert slow.epoch(batches).seconds == pytest.approx(0.6)
        assert fast.epoch(batches).seconds == pytest.approx(0.06)


def test_failure_of_the_process_is_reported(start, batches, capfd):
    fake = start(FAKE)
    with pytest.raises(RuntimeError, match=r"the fake one: .* status 1"):
        fake.build({"model": "such model"}, "broken", batches)
    assert "there is no such model" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="status 1"):
        fake.epoch(batches)


def test_missing_module_is_an_error(start, batches):
    with pytest.raises(RuntimeError, match="status 1"):
        start("benchmarks.no_such_module").build({}, "", batches)


def test_epoch_must_train_all_tokens(start, batches, capfd):
    forgetful = start(FORGETFUL)
    forgetful.build({}, "", batches)
    with pytest.raises(RuntimeError):
        forgetful.epoch(batches)
    assert "has 33 tokens, 32 were trained" in capfd.readouterr().err


def test_close_ends_the_process(start, batches):
    fake = start(FAKE)
    fake.close()
    with pytest.raises(ValueError, match="closed file"):
        fake.epoch(batches)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
