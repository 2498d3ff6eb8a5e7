import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import pooling
from tests.helpers import packed

GROUPS, TIME, BATCH, WIDTH = 2, 4, 3, 2
LENGTHS = np.array([[4, 1, 3], [2, 4, 1]], np.int32)


@pytest.fixture
def states():
    """Token features; what lies beyond the end of a text is not a number."""
    random = np.random.default_rng(0)
    values = random.normal(size=(GROUPS, TIME, BATCH, WIDTH))
    for group, text in np.ndindex(GROUPS, BATCH):
        values[group, LENGTHS[group, text] :, text] = np.nan
    return values.astype(np.float32)


def by_text(states, function):
    """[groups, batch, ...]: `function(group, states of the text's tokens)`."""
    return np.array(
        [
            [
                function(group, states[group, : LENGTHS[group, text], text])
                for text in range(BATCH)
            ]
            for group in range(GROUPS)
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


def test_the_maximum_may_be_far_below_zero():
    layer = pooling.Pooling("max")
    # Of three tokens; beyond the end of the first text stands a zero.
    states = tf.constant([[[-9.0], [-4.0]], [[-7.0], [-5.0]], [[0.0], [-6.0]]])
    np.testing.assert_array_equal(
        layer(states, tf.constant([[2, 3]])), [[[-7.0], [-4.0]]]
    )


def test_attention_by_its_equation(states):
    layer = pooling.AttentionPooling(2, init_range=1.0, seed=0)
    task_ids = np.array([1, 0])
    got = layer(packed.pack(states, LENGTHS), LENGTHS, task_ids)
    kernel, bias, query = (weight.numpy() for weight in layer.weights)

    def attend(group, tokens):
        r = task_ids[group]
        scores = []
        for s_t in tokens:
            u_t = np.tanh(s_t @ kernel[r] + bias[r])
            scores.append(np.exp(u_t @ query[r]))
        shares = np.array(scores) / sum(scores)
        return sum(a_t * s_t for a_t, s_t in zip(shares, tokens, strict=True))

    np.testing.assert_allclose(got, by_text(states, attend), rtol=1e-5)


@pytest.mark.parametrize("kind", ["max", "mean", "attention"])
def test_no_gradient_beyond_the_end(states, kind):
    if kind == "attention":
        layer, more = pooling.AttentionPooling(2), [np.array([0, 1])]
    else:
        layer, more = pooling.Pooling(kind), []
    states = tf.constant(states)
    with tf.GradientTape() as tape:
        tape.watch(states)
        features = layer(packed.pack(states, LENGTHS), LENGTHS, *more)
        loss = tf.reduce_sum(features**2)
    gradient = tape.gradient(loss, states).numpy()
    for group, text in np.ndindex(GROUPS, BATCH):
        end = LENGTHS[group, text]
        assert not gradient[group, end:, text].any()
        assert gradient[group, end - 1, text].any() or kind == "max"


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="kind: max or mean, got 'median'"):
        pooling.Pooling("median")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
