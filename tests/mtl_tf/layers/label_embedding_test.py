import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import label_embedding
from mtl_tf.layers import softmax_head

# Rows of L: 0-1 are of task 0, 2-5 of task 1, 6-8 of task 2.
NUM_CLASSES = (2, 4, 3)
WIDTH = 5
TASK_IDS = [1, 0, 2, 0]


def make(**kwargs):
    layer = label_embedding.LabelEmbedding(
        NUM_CLASSES, init_range=1.0, seed=0, **kwargs
    )
    layer.build((None, None, WIDTH))
    return layer


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(4, 3, WIDTH)).astype(np.float32)


def rows_of(task):
    first = sum(NUM_CLASSES[:task])
    return slice(first, first + NUM_CLASSES[task])


def equations_4_and_5(table, bias, h, task):
    """Computes p and o over all labels, those of other tasks masked."""
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
    outputs = layer(features, np.array(TASK_IDS))
    probabilities = tf.nn.softmax(outputs["logits"]).numpy()
    embeddings = outputs["expected_label_embedding"]
    assert embeddings.shape == (4, 3, width or WIDTH)
    table = layer.table.numpy()
    for task_batch, text in np.ndindex(4, 3):
        task = TASK_IDS[task_batch]
        p, o = equations_4_and_5(table, bias, features[task_batch, text], task)
        actual = probabilities[task_batch, text]
        np.testing.assert_allclose(actual[: len(p)], p, rtol=1e-5)
        # Exactly zero.
        assert not actual[len(p) :].any()
        np.testing.assert_allclose(embeddings[task_batch, text], o, atol=1e-5)


@pytest.mark.parametrize("use_bias", [False, True])
def test_gathered_softmax_equals_masked_softmax_of_all_labels(
    features, use_bias
):
    layer = make(embedding_dim=3, use_bias=use_bias)
    if use_bias:
        layer.bias.assign(np.linspace(-2, 2, 9))
    task_ids = np.array(TASK_IDS)
    joint = tf.nn.softmax(layer.joint_logits(features, task_ids)).numpy()
    assert joint.shape == (4, 3, 9)
    np.testing.assert_allclose(joint.sum(axis=-1), 1, rtol=1e-6)
    gathered = tf.nn.softmax(layer(features, task_ids)["logits"]).numpy()
    for index, task in enumerate(TASK_IDS):
        own = joint[index][:, rows_of(task)]
        # Labels of other tasks have probability 0.
        np.testing.assert_allclose(own.sum(axis=-1), 1, rtol=1e-6)
        np.testing.assert_allclose(
            gathered[index][:, : NUM_CLASSES[task]], own, rtol=1e-6
        )


def test_logits_are_linear(features):
    layer, task_ids = make(), np.array(TASK_IDS)
    one, ten = (layer(x, task_ids)["logits"] for x in (features, 10 * features))
    mask = one.numpy() != layer.MASKED_LOGIT
    np.testing.assert_allclose(
        ten.numpy()[mask], 10 * one.numpy()[mask], atol=1e-5
    )
    assert abs(ten.numpy()[mask]).max() > 1


def test_bias_is_optional():
    assert [w.name for w in make().weights] == ["table"]
    assert [w.name for w in make(use_bias=True).weights] == ["table", "bias"]


def test_equals_softmax_head_with_bias_and_full_length(features):
    layer = make(use_bias=True)
    layer.bias.assign(np.linspace(-2, 2, 9))
    softmax = softmax_head.SoftmaxHead(NUM_CLASSES)
    softmax.build((None, None, WIDTH))
    softmax.set_weights(layer.get_weights())
    task_ids = np.array(TASK_IDS)
    np.testing.assert_array_equal(
        layer(features, task_ids)["logits"],
        softmax(features, task_ids)["logits"],
    )


@pytest.mark.parametrize("embeddings", [False, True])
def test_gradient_is_only_of_tasks_in_the_batch(features, embeddings):
    layer = make(embedding_dim=3, use_bias=True)
    with tf.GradientTape() as tape:
        outputs = layer(features[:2], np.array([2, 0]))
        loss = tf.reduce_sum(
            outputs["expected_label_embedding"] ** 2
            if embeddings
            else tf.nn.log_softmax(outputs["logits"])[..., 0]
        )
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert isinstance(gradient, tf.IndexedSlices)
        assert set(gradient.indices.numpy()) == {0, 1, 6, 7, 8}
        assert tf.reduce_any(gradient.values != 0)


def test_gradients_equal_those_of_the_masked_softmax():
    """dL/dl_j of -log p_y is (p_j - [j = y]) h."""
    layer = make()
    h = np.array([0.5, -2.0, 1.0, 0.0, 3.0], np.float32)
    with tf.GradientTape() as tape:
        logits = layer(h[np.newaxis, np.newaxis], np.array([1]))["logits"]
        loss = -tf.nn.log_softmax(logits)[0, 0, 3]
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.table.value))
    p, _ = equations_4_and_5(layer.table.numpy(), np.zeros(9), h, 1)
    expected = np.zeros((9, WIDTH))
    expected[2:6] = np.outer(p - [0, 0, 0, 1], h)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_label_vectors_longer_than_features_are_rejected():
    with pytest.raises(ValueError, match=r"label_embedding_dim=6: .* \(5\)"):
        make(embedding_dim=6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
