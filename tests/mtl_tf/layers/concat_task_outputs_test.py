import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import concat_task_outputs

# Of tasks 0, 2 and 3, for two task batches of two texts; widths are 2, 3, 1.
PREDICTIONS = np.arange(2 * 3 * 2 * 3, dtype=np.float32).reshape(6, 2, 3) + 1


def concatenate(hidden_task=None, predictions=PREDICTIONS):
    layer = concat_task_outputs.ConcatTaskOutputs((0, 2, 3), (2, 3, 1))
    if hidden_task is not None:
        hidden_task = np.array(hidden_task, np.int32)
    return layer(predictions, hidden_task).numpy()


def test_predictions_are_concatenated_for_each_text():
    # Prediction k for text t of the first task batch starts at 6 k + 3 t + 1,
    # that of the second task batch at 18 more.
    first_task_batch = [[1, 2, 7, 8, 9, 13], [4, 5, 10, 11, 12, 16]]
    expected = [first_task_batch, (np.array(first_task_batch) + 18).tolist()]
    assert concatenate().tolist() == expected


@pytest.mark.parametrize(
    ("hidden_task", "hidden"),
    [
        ([0, 3], [[0, 1], [5]]),
        ([2, 2], [[2, 3, 4], [2, 3, 4]]),
        # A task that does not predict, and none.
        ([1, -1], [[], []]),
    ],
)
def test_prediction_of_hidden_task_is_zero(hidden_task, hidden):
    expected = concatenate()
    for task_batch, columns in enumerate(hidden):
        expected[task_batch][:, columns] = 0
    np.testing.assert_array_equal(concatenate(hidden_task), expected)


def test_hidden_predictions_and_padding_get_no_gradient():
    predictions = tf.constant(PREDICTIONS)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        layer = concat_task_outputs.ConcatTaskOutputs((0, 2, 3), (2, 3, 1))
        loss = tf.reduce_sum(layer(predictions, tf.constant([2, 0])))
    actual = tape.gradient(loss, predictions).numpy().any(axis=1)
    expected = [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    expected += [[0, 0, 0], [1, 1, 1], [1, 0, 0]]
    np.testing.assert_array_equal(actual, np.array(expected, bool))


def test_no_task_batches():
    assert concatenate(predictions=PREDICTIONS[:0]).shape == (0, 2, 6)
    assert concatenate([], predictions=PREDICTIONS[:0]).shape == (0, 2, 6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
