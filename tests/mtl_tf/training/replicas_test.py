"""A training step that several replicas share."""

import pickle

import numpy as np
import pytest

from mtl_tf.training import replicas as replicas_lib
from tests.helpers import logical_devices
from tests.helpers import replica_steps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = tmp_path_factory.mktemp("replicas") / "results"
    merged = {}
    for count in (2, 4):
        process = logical_devices.run(
            count, "tests.helpers.replica_steps", str(path)
        )
        assert not process.returncode, process.stderr
        merged |= pickle.loads(path.read_bytes())
    return merged


@pytest.mark.parametrize("case", replica_steps.CASES)
def test_losses_of_50_steps_are_those_of_one_device(results, case):
    (expected, _), (actual, _) = results[case]
    assert len(actual) == len(expected) == 50
    for step, (logs, other) in enumerate(zip(actual, expected, strict=True)):
        assert logs == pytest.approx(other, rel=1e-5, abs=1e-5), f"step {step}"
    # The model has learned something meanwhile.
    totals = [logs["loss/total"] for logs in expected]
    assert np.std(totals) > 1e-2


@pytest.mark.parametrize("case", replica_steps.CASES)
def test_variables_are_those_of_one_device(results, case):
    (_, expected), (_, actual) = results[case]
    assert actual.keys() == expected.keys()
    for name, (value,) in expected.items():
        first, second = actual[name]
        np.testing.assert_array_equal(first, second, err_msg=name)
        np.testing.assert_allclose(
            first, value, rtol=1e-3, atol=1e-4, err_msg=name
        )


def test_sparse_gradients_add_up_to_the_dense_ones(results):
    expected = np.zeros([5, 2])
    for replica, rows in enumerate(replica_steps.ROWS):
        np.add.at(expected, list(rows), replica_steps.slices(replica))
    indices, values, dense = results["slices"]
    assert len(indices) == 4
    for rows, slices, total in zip(indices, values, dense, strict=True):
        assert sorted(rows) == [0, 3, 4]
        np.testing.assert_array_equal(slices, values[0])
        np.testing.assert_allclose(slices, expected[rows], rtol=1e-6)
        np.testing.assert_allclose(total, expected, rtol=1e-6)


def test_replicas_draw_different_seeds_from_equal_states(results):
    first, second, states = results["seeds"]
    # The seeds of one device.
    assert (first[0], second[0]) == ([5, 0], [5, 1])
    assert first[1] != first[0] != second[0] != second[1] != first[1]
    assert states == [[5, 2], [5, 2]]


def test_step_that_replicas_cannot_share_is_refused():
    replicas = replicas_lib.Replicas()
    replicas.check({"labeled": 3, "unlabeled": 1})
    replicas.count = 2
    replicas.check({"labeled": 4, "unlabeled": 0})
    with pytest.raises(
        ValueError, match="3 task batches of labeled texts, which 2 devices"
    ):
        replicas.check({"labeled": 3, "unlabeled": 2})
    with pytest.raises(
        ValueError, match="1 task batches of unlabeled texts, which 2 devices"
    ):
        replicas.check({"labeled": 2, "unlabeled": 1})


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
