import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import classification_head

# Rows of the flat matrix: 0-1 are task 0's, 2-5 task 1's, 6-8 task 2's.
LABEL_COUNTS = (2, 4, 3)


@pytest.fixture
def layer():
    return classification_head.ClassificationHead(
        LABEL_COUNTS, init_range=0.5, seed=3
    )


def test_rows_of_the_groups_tasks_and_zeros_after_them(layer):
    weight = tf.constant([[i + 1, 10.0 * (i + 1)] for i in range(9)])
    got = layer.gather_labels(weight, tf.constant([2, 0, 1]))
    rows = [[7, 8, 9, 0], [1, 2, 0, 0], [3, 4, 5, 6]]
    wanted = [[[i, 10 * i] for i in row] for row in rows]
    np.testing.assert_array_equal(got, wanted)


def test_a_weight_of_one_number_a_label(layer):
    got = layer.gather_labels(tf.range(1.0, 10.0), tf.constant([0, 0]))
    np.testing.assert_array_equal(got, [[1, 2, 0, 0]] * 2)


def test_no_row_of_another_task_has_a_gradient(layer):
    weight = tf.ones([9, 2])
    with tf.GradientTape() as tape:
        tape.watch(weight)
        loss = tf.reduce_sum(
            layer.gather_labels(weight, tf.constant([2, 0, 2]))
        )
    gradient = tape.gradient(loss, weight)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.indices.numpy().tolist() == [6, 7, 8, 0, 1, 6, 7, 8]


def test_scores_by_hand(layer):
    task_ids = tf.constant([0])
    vectors = tf.constant([[[1.0, 2], [3, 4], [9, 9], [9, 9]]])
    features = tf.constant([[[1.0, 10], [0, 1]]])
    absent = layer.PADDING_LOGIT
    np.testing.assert_array_equal(
        layer.logits(features, vectors, None, task_ids),
        [[[21, 43, absent, absent], [2, 4, absent, absent]]],
    )
    bias = tf.constant([100.0, 200, *[7] * 7])
    np.testing.assert_array_equal(
        layer.logits(features, vectors, bias, task_ids),
        [[[121, 243, absent, absent], [102, 204, absent, absent]]],
    )


def test_start(layer):
    vectors = layer.add_label_vectors("vectors", 40).numpy()
    assert vectors.shape == (9, 40)
    # Of 360 uniform numbers the largest is hardly below 0.45.
    assert 0.45 < abs(vectors).max() <= 0.5
    again = classification_head.ClassificationHead(
        LABEL_COUNTS, init_range=0.5, seed=3
    )
    np.testing.assert_array_equal(
        again.add_label_vectors("vectors", 40), vectors
    )
    bias = layer.add_label_bias().numpy()
    assert bias.shape == (9,)
    assert not bias.any()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
