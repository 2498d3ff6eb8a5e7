import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import pooling
from tests.helpers import packed

TASK_BATCHES, SEQ_LEN, BATCH, WIDTH = 2, 4, 3, 2
LENGTHS = np.array([[4, 1, 3], [2, 4, 1]], np.int32)


@pytest.fixture
def states():
    """Unpacked token features, NaN beyond the end of a text."""
    random = np.random.default_rng(0)
    values = random.normal(size=(TASK_BATCHES, SEQ_LEN, BATCH, WIDTH))
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        values[task_batch, LENGTHS[task_batch, text] :, text] = np.nan
    return values.astype(np.float32)


def by_text(states, function):
    """Maps (task batch, states of a text) to [task_batches, batch, ...]."""
    return np.array(
        [
            [
                function(
                    task_batch,
                    states[task_batch, : LENGTHS[task_batch, text], text],
                )
                for text in range(BATCH)
            ]
            for task_batch in range(TASK_BATCHES)
        ]
    )


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (pooling.Pooling("max"), lambda _, tokens: tokens.max(axis=0)),
        (pooling.Pooling("mean"), lambda _, tokens: tokens.mean(axis=0)),
    ],
    ids=["max", "mean"],
)
def test_pools_over_the_tokens_of_each_text(states, layer, function):
    np.testing.assert_allclose(
        layer(packed.pack(states, LENGTHS), LENGTHS),
        by_text(states, function),
        rtol=1e-6,
    )


def test_maximum_may_be_negative():
    layer = pooling.Pooling("max")
    # Three steps; beyond the end of the first text there is a zero.
    states = tf.constant([[[-9.0], [-4.0]], [[-7.0], [-5.0]], [[0.0], [-6.0]]])
    np.testing.assert_array_equal(
        layer(states, tf.constant([[2, 3]])), [[[-7.0], [-4.0]]]
    )


def test_attention_equation(states):
    layer = pooling.AttentionPooling(2, init_range=1.0, seed=0)
    task_ids = np.array([1, 0])
    actual = layer(packed.pack(states, LENGTHS), LENGTHS, task_ids)
    kernel, bias, query = (weight.numpy() for weight in layer.weights)

    def attend(task_batch, tokens):
        r = task_ids[task_batch]
        logits = []
        for s_t in tokens:
            u_t = np.tanh(s_t @ kernel[r] + bias[r])
            logits.append(np.exp(u_t @ query[r]))
        shares = np.array(logits) / sum(logits)
        return sum(a_t * s_t for a_t, s_t in zip(shares, tokens, strict=True))

    np.testing.assert_allclose(actual, by_text(states, attend), rtol=1e-5)


@pytest.mark.parametrize("kind", ["max", "mean", "attention"])
def test_no_gradient_beyond_the_end_of_a_text(states, kind):
    if kind == "attention":
        layer, task_ids_arguments = (
            pooling.AttentionPooling(2),
            [np.array([0, 1])],
        )
    else:
        layer, task_ids_arguments = pooling.Pooling(kind), []
    states = tf.constant(states)
    with tf.GradientTape() as tape:
        tape.watch(states)
        features = layer(
            packed.pack(states, LENGTHS), LENGTHS, *task_ids_arguments
        )
        loss = tf.reduce_sum(features**2)
    gradient = tape.gradient(loss, states).numpy()
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        end = LENGTHS[task_batch, text]
        assert not gradient[task_batch, end:, text].any()
        assert gradient[task_batch, end - 1, text].any() or kind == "max"


def test_unknown_kind_is_rejected():
    with pytest.raises(ValueError, match="expected max or mean, got 'median'"):
        pooling.Pooling("median")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
