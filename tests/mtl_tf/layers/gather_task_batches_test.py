import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import lstm
from tests.helpers import packed

LENGTHS = np.array([[3, 2], [1, 1], [1, 5], [2, 4]], np.int32)
TASK_BATCHES, BATCH = LENGTHS.shape
WIDTH = 3
some = pytest.mark.parametrize(
    "indices", [[0, 1, 2, 3], [3], [2, 1], [1, 3, 3, 0, 1]], ids=str
)


@pytest.fixture
def features():
    """Unpacked token features, some of them beyond the end of a text."""
    random = np.random.default_rng(0)
    shape = (TASK_BATCHES, LENGTHS.max(), BATCH, WIDTH)
    return random.normal(size=shape).astype(np.float32)


@some
def test_gathers_the_task_batches_of_the_indices(features, indices):
    actual = gather_task_batches.GatherTaskBatches()(
        packed.pack(features, LENGTHS), LENGTHS, np.array(indices)
    )
    expected = packed.pack(features[indices], LENGTHS[indices])
    np.testing.assert_array_equal(actual, expected)


@some
def test_gradient_of_repeated_task_batches_is_a_sum(features, indices):
    layer, lengths = gather_task_batches.GatherTaskBatches(), LENGTHS[indices]
    weight = np.random.default_rng(1).normal(
        size=(len(indices), lengths.max(), BATCH, WIDTH)
    )
    features = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        gathered = layer(
            packed.pack(features, LENGTHS), LENGTHS, np.array(indices)
        )
        loss = tf.reduce_sum(packed.unpack(gathered, lengths) * weight)
    expected = np.zeros(features.shape)
    for copy, task_batch in enumerate(indices):
        for text, length in enumerate(LENGTHS[task_batch]):
            expected[task_batch, :length, text] += weight[copy, :length, text]
    np.testing.assert_allclose(
        tape.gradient(loss, features), expected, atol=1e-6
    )


def test_lstm_states_are_equal_before_and_after_gathering(features):
    indices = np.array([3, 1, 3])
    rows = packed.pack(features, LENGTHS)
    layer = lstm.PerTaskLSTM(2, num_tasks=1, init_range=1.0, seed=0)
    states = packed.unpack(
        layer(rows, LENGTHS, np.zeros(TASK_BATCHES, int)), LENGTHS
    )
    gathered = gather_task_batches.GatherTaskBatches()(rows, LENGTHS, indices)
    actual = layer(gathered, LENGTHS[indices], np.zeros(len(indices), int))
    actual = packed.unpack(actual, LENGTHS[indices])
    expected = tf.gather(states, indices)[:, : actual.shape[1]]
    np.testing.assert_allclose(actual, expected, atol=1e-6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
