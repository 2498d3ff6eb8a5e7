import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import gather_task_batches
from mtl_tf.layers import lstm
from tests.helpers import packed

LENGTHS = np.array([[3, 2], [1, 1], [1, 5], [2, 4]], np.int32)
GROUPS, BATCH = LENGTHS.shape
WIDTH = 3
some = pytest.mark.parametrize(
    "groups", [[0, 1, 2, 3], [3], [2, 1], [1, 3, 3, 0, 1]], ids=str
)


@pytest.fixture
def features():
    """Token features by group, of which some lie beyond the ends."""
    random = np.random.default_rng(0)
    shape = (GROUPS, LENGTHS.max(), BATCH, WIDTH)
    return random.normal(size=shape).astype(np.float32)


@some
def test_groups_are_those_that_were_asked_for(features, groups):
    got = gather_task_batches.GatherTaskBatches()(
        packed.pack(features, LENGTHS), LENGTHS, np.array(groups)
    )
    # Every row, so that none is left over either.
    wanted = packed.pack(features[groups], LENGTHS[groups])
    np.testing.assert_array_equal(got, wanted)


@some
def test_the_gradient_adds_up_what_each_copy_gets(features, groups):
    layer, lengths = gather_task_batches.GatherTaskBatches(), LENGTHS[groups]
    weight = np.random.default_rng(1).normal(
        size=(len(groups), lengths.max(), BATCH, WIDTH)
    )
    features = tf.constant(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        taken = layer(packed.pack(features, LENGTHS), LENGTHS, np.array(groups))
        loss = tf.reduce_sum(packed.unpack(taken, lengths) * weight)
    wanted = np.zeros(features.shape)
    for copy, group in enumerate(groups):
        for text, length in enumerate(LENGTHS[group]):
            wanted[group, :length, text] += weight[copy, :length, text]
    np.testing.assert_allclose(tape.gradient(loss, features), wanted, atol=1e-6)


def test_a_reader_reads_taken_groups_as_it_would_read_them_there(features):
    groups = np.array([3, 1, 3])
    rows = packed.pack(features, LENGTHS)
    layer = lstm.PerTaskLSTM(2, num_tasks=1, init_range=1.0, seed=0)
    there = packed.unpack(layer(rows, LENGTHS, np.zeros(GROUPS, int)), LENGTHS)
    taken = gather_task_batches.GatherTaskBatches()(rows, LENGTHS, groups)
    got = layer(taken, LENGTHS[groups], np.zeros(len(groups), int))
    got = packed.unpack(got, LENGTHS[groups])
    wanted = tf.gather(there, groups)[:, : got.shape[1]]
    np.testing.assert_allclose(got, wanted, atol=1e-6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
