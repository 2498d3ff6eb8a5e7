import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import label_embedding
from mtl_tf.layers import softmax_head

# Rows of L: 0-1 are task 0's, 2-5 task 1's, 6-8 task 2's.
LABEL_COUNTS = (2, 4, 3)
WIDTH = 5
READERS = [1, 0, 2, 0]


def make(**kwargs):
    layer = label_embedding.LabelEmbedding(
        LABEL_COUNTS, init_range=1.0, seed=0, **kwargs
    )
    layer.build((None, None, WIDTH))
    return layer


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(4, 3, WIDTH)).astype(np.float32)


def rows_of(task):
    first = sum(LABEL_COUNTS[:task])
    return slice(first, first + LABEL_COUNTS[task])


def by_the_equations(table, bias, h, task):
    """Eq. 4 and 5 over all labels, those of other tasks masked out."""
    padded = np.zeros((len(table), len(h)))
    padded[:, : table.shape[1]] = table
    logits = padded @ h + bias
    of_task = np.zeros(len(table), bool)
    of_task[rows_of(task)] = True
    e = np.where(of_task, np.exp(logits), 0)
    p = e / e.sum()
    return p[of_task], p @ table


@pytest.mark.parametrize("width", [0, 3, WIDTH])
@pytest.mark.parametrize("use_bias", [False, True])
def test_equations_4_and_5(features, width, use_bias):
    layer = make(embedding_dim=width, use_bias=use_bias)
    assert layer.table.shape == (9, width or WIDTH)
    bias = np.zeros(9)
    if use_bias:
        assert not layer.bias.numpy().any()
        bias = np.linspace(-2, 2, 9)
        layer.bias.assign(bias)
    scores, expected = layer(features, np.array(READERS))
    probabilities = tf.nn.softmax(scores).numpy()
    assert expected.shape == (4, 3, width or WIDTH)
    table = layer.table.numpy()
    for group, text in np.ndindex(4, 3):
        task = READERS[group]
        p, o = by_the_equations(table, bias, features[group, text], task)
        got = probabilities[group, text]
        np.testing.assert_allclose(got[: len(p)], p, rtol=1e-5)
        # Not small: zero.
        assert not got[len(p) :].any()
        np.testing.assert_allclose(expected[group, text], o, atol=1e-5)


@pytest.mark.parametrize("use_bias", [False, True])
def test_gathered_rows_are_the_masked_softmax_of_all_labels(features, use_bias):
    layer = make(embedding_dim=3, use_bias=use_bias)
    if use_bias:
        layer.bias.assign(np.linspace(-2, 2, 9))
    task_ids = np.array(READERS)
    joint = tf.nn.softmax(layer.joint_logits(features, task_ids)).numpy()
    assert joint.shape == (4, 3, 9)
    np.testing.assert_allclose(joint.sum(axis=-1), 1, rtol=1e-6)
    gathered = tf.nn.softmax(layer(features, task_ids)[0]).numpy()
    for index, task in enumerate(READERS):
        own = joint[index][:, rows_of(task)]
        # Labels of other tasks have no probability at all.
        np.testing.assert_allclose(own.sum(axis=-1), 1, rtol=1e-6)
        np.testing.assert_allclose(
            gathered[index][:, : LABEL_COUNTS[task]], own, rtol=1e-6
        )


def test_logits_are_linear(features):
    layer, task_ids = make(), np.array(READERS)
    one, ten = (layer(x, task_ids)[0] for x in (features, 10 * features))
    there = one.numpy() != layer.PADDING_LOGIT
    np.testing.assert_allclose(
        ten.numpy()[there], 10 * one.numpy()[there], atol=1e-5
    )
    assert abs(ten.numpy()[there]).max() > 1


def test_there_is_no_bias_unless_asked_for():
    assert [w.name for w in make().weights] == ["table"]
    assert [w.name for w in make(use_bias=True).weights] == ["table", "bias"]


def test_with_a_bias_and_full_width_it_is_the_softmax_output(features):
    layer = make(use_bias=True)
    layer.bias.assign(np.linspace(-2, 2, 9))
    softmax = softmax_head.SoftmaxHead(LABEL_COUNTS)
    softmax.build((None, None, WIDTH))
    softmax.set_weights(layer.get_weights())
    task_ids = np.array(READERS)
    np.testing.assert_array_equal(
        layer(features, task_ids)[0], softmax(features, task_ids)
    )


@pytest.mark.parametrize("expected", [False, True])
def test_the_gradient_is_of_the_steps_tasks_alone(features, expected):
    layer = make(embedding_dim=3, use_bias=True)
    with tf.GradientTape() as tape:
        outputs = layer(features[:2], np.array([2, 0]))
        loss = tf.reduce_sum(
            outputs[1] ** 2
            if expected
            else tf.nn.log_softmax(outputs[0])[..., 0]
        )
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert isinstance(gradient, tf.IndexedSlices)
        assert set(gradient.indices.numpy()) == {0, 1, 6, 7, 8}
        assert tf.reduce_any(gradient.values != 0)


def test_gradients_are_those_of_the_masked_softmax():
    """dL/dl_j of -log p_y is (p_j - [j = y]) h."""
    layer = make()
    h = np.array([0.5, -2.0, 1.0, 0.0, 3.0], np.float32)
    with tf.GradientTape() as tape:
        scores, _ = layer(h[np.newaxis, np.newaxis], np.array([1]))
        loss = -tf.nn.log_softmax(scores)[0, 0, 3]
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.table.value))
    p, _ = by_the_equations(layer.table.numpy(), np.zeros(9), h, 1)
    wanted = np.zeros((9, WIDTH))
    wanted[2:6] = np.outer(p - [0, 0, 0, 1], h)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-6)


def test_label_vectors_longer_than_the_features_are_refused():
    with pytest.raises(ValueError, match=r"label_embedding_dim=6: .* \(5\)"):
        make(embedding_dim=6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
