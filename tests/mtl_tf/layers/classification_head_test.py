import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import classification_head

# Rows of the matrix: 0-1 are of task 0, 2-5 of task 1, 6-8 of task 2.
NUM_CLASSES = (2, 4, 3)


@pytest.fixture
def layer():
    return classification_head.ClassificationHead(
        NUM_CLASSES, init_range=0.5, seed=3
    )


def test_gather_labels_returns_rows_of_the_task_then_zeros(layer):
    weight = tf.constant([[i + 1, 10.0 * (i + 1)] for i in range(9)])
    actual = layer.gather_labels(weight, tf.constant([2, 0, 1]))
    rows = [[7, 8, 9, 0], [1, 2, 0, 0], [3, 4, 5, 6]]
    expected = [[[i, 10 * i] for i in row] for row in rows]
    np.testing.assert_array_equal(actual, expected)


def test_gather_labels_of_a_vector(layer):
    actual = layer.gather_labels(tf.range(1.0, 10.0), tf.constant([0, 0]))
    np.testing.assert_array_equal(actual, [[1, 2, 0, 0]] * 2)


def test_rows_of_other_tasks_get_no_gradient(layer):
    weight = tf.ones([9, 2])
    with tf.GradientTape() as tape:
        tape.watch(weight)
        loss = tf.reduce_sum(
            layer.gather_labels(weight, tf.constant([2, 0, 2]))
        )
    gradient = tape.gradient(loss, weight)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [6, 7, 8, 0, 1, 6, 7, 8]


def test_logits_by_hand(layer):
    task_ids = tf.constant([0])
    vectors = tf.constant([[[1.0, 2], [3, 4], [9, 9], [9, 9]]])
    features = tf.constant([[[1.0, 10], [0, 1]]])
    padding = layer.MASKED_LOGIT
    np.testing.assert_array_equal(
        layer.logits(features, vectors, None, task_ids),
        [[[21, 43, padding, padding], [2, 4, padding, padding]]],
    )
    bias = tf.constant([100.0, 200, *[7] * 7])
    np.testing.assert_array_equal(
        layer.logits(features, vectors, bias, task_ids),
        [[[121, 243, padding, padding], [102, 204, padding, padding]]],
    )


def test_initial_values(layer):
    vectors = layer.add_label_vectors("vectors", 40).numpy()
    assert vectors.shape == (9, 40)
    # The largest of 360 uniform numbers is almost surely above 0.45.
    assert 0.45 < abs(vectors).max() <= 0.5
    again = classification_head.ClassificationHead(
        NUM_CLASSES, init_range=0.5, seed=3
    )
    np.testing.assert_array_equal(
        again.add_label_vectors("vectors", 40), vectors
    )
    bias = layer.add_label_bias().numpy()
    assert bias.shape == (9,)
    assert not bias.any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
