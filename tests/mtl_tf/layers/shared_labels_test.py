"""Labels of the same name that share a vector."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import label_embedding
from mtl_tf.layers import softmax_head

# Tasks with labels (no, yes), (no, maybe, yes, odd) and (yes, other).
NUM_CLASSES = (2, 4, 2)
LABEL_IDS = (0, 1, 0, 2, 1, 3, 1, 4)
FIRST_ROWS = (0, 2, 6)
WIDTH = 3


def make_layer(layer_class, **kwargs):
    """Makes a layer whose shared vectors are not 0."""
    layer = layer_class(
        NUM_CLASSES, label_ids=LABEL_IDS, init_range=1.0, seed=0, **kwargs
    )
    layer.build((None, None, WIDTH))
    random = np.random.default_rng(0)
    layer.shared_vectors.assign(random.normal(size=(5, WIDTH)))
    return layer


def own_vectors(layer):
    if isinstance(layer, softmax_head.SoftmaxHead):
        return layer.kernel
    return layer.table


@pytest.fixture(
    params=[softmax_head.SoftmaxHead, label_embedding.LabelEmbedding]
)
def layer(request):
    return make_layer(request.param)


def test_logits_are_those_of_the_sum_of_both_vectors(layer):
    features = np.random.default_rng(1).normal(size=(3, 2, WIDTH))
    task_ids = np.array([1, 0, 2])
    logits = layer(features.astype(np.float32), task_ids)["logits"].numpy()
    shared, own = layer.shared_vectors.numpy(), own_vectors(layer).numpy()
    for task_batch, task in enumerate(task_ids):
        for label in range(NUM_CLASSES[task]):
            row = FIRST_ROWS[task] + label
            vector = own[row] + shared[LABEL_IDS[row]]
            np.testing.assert_allclose(
                logits[task_batch, :, label],
                features[task_batch] @ vector,
                rtol=1e-5,
                atol=1e-6,
            )
        padding = logits[task_batch, :, NUM_CLASSES[task] :]
        assert (padding == layer.MASKED_LOGIT).all()


def test_only_labels_of_tasks_in_the_batch_have_gradients(layer):
    features = tf.ones([2, 1, WIDTH])
    with tf.GradientTape() as tape:
        logits = layer(features, np.array([2, 0]))["logits"]
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[..., 0])
    gradient = tape.gradient(loss, layer.shared_vectors)
    assert isinstance(gradient, tf.IndexedSlices)
    # yes and other, no and yes.
    assert gradient.indices.numpy().tolist() == [1, 4, 0, 1]


def test_gradient_of_a_shared_vector_sums_over_tasks(layer):
    features = tf.constant([[[1.0, 2.0, 3.0]], [[0.5, -1.0, 2.0]]])
    task_ids = np.array([0, 2])
    with tf.GradientTape() as tape:
        logits = layer(features, task_ids)["logits"]
        # yes is label 1 of task 0, and label 0 of task 2.
        loss = logits[0, 0, 1] + logits[1, 0, 0]
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.shared_vectors))
    expected = np.zeros((5, WIDTH))
    expected[1] = [1.5, 1, 5]
    np.testing.assert_allclose(gradient, expected)


def test_training_starts_as_without_shared_labels():
    features = np.random.default_rng(1).normal(size=(3, 2, WIDTH))
    task_ids = np.array([1, 0, 2])
    plain = softmax_head.SoftmaxHead(NUM_CLASSES, seed=3)
    tied = softmax_head.SoftmaxHead(NUM_CLASSES, seed=3, label_ids=LABEL_IDS)
    np.testing.assert_array_equal(
        plain(features, task_ids)["logits"], tied(features, task_ids)["logits"]
    )


def test_label_vectors_and_expected_embedding_are_sums():
    layer = make_layer(label_embedding.LabelEmbedding)
    vectors = layer.table.numpy() + layer.shared_vectors.numpy()[[*LABEL_IDS]]
    np.testing.assert_allclose(layer.label_vectors(), vectors, rtol=1e-6)
    features = np.random.default_rng(1).normal(size=(1, 2, WIDTH))
    features = features.astype(np.float32)
    outputs = layer(features, np.array([1]))
    p = tf.nn.softmax(outputs["logits"]).numpy()[0]
    np.testing.assert_allclose(
        outputs["expected_label_embedding"][0], p @ vectors[2:6], rtol=1e-5
    )
    joint = layer.joint_logits(features, np.array([1])).numpy()[0]
    np.testing.assert_allclose(
        joint[:, 2:6], outputs["logits"][0], rtol=1e-5, atol=1e-6
    )


def test_config_has_the_ids(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.label_ids == LABEL_IDS
