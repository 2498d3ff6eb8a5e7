import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import concat_task_outputs

# Of tasks 0, 2 and 3, for two groups of two texts; the widths are 2, 3 and 1.
ANSWERS = np.arange(2 * 3 * 2 * 3, dtype=np.float32).reshape(6, 2, 3) + 1


def join(hidden_task=None, answers=ANSWERS):
    layer = concat_task_outputs.ConcatTaskOutputs((0, 2, 3), (2, 3, 1))
    if hidden_task is not None:
        hidden_task = np.array(hidden_task, np.int32)
    return layer(answers, hidden_task).numpy()


def test_answers_to_a_text_stand_beside_each_other():
    # Answer k, text t of the first group begins at 6 k + 3 t + 1; the second
    # group's are 18 more.
    first = [[1, 2, 7, 8, 9, 13], [4, 5, 10, 11, 12, 16]]
    wanted = [first, (np.array(first) + 18).tolist()]
    assert join().tolist() == wanted


@pytest.mark.parametrize(
    ("hidden_task", "hidden"),
    [
        ([0, 3], [[0, 1], [5]]),
        ([2, 2], [[2, 3, 4], [2, 3, 4]]),
        # A task that was not asked, and none.
        ([1, -1], [[], []]),
    ],
)
def test_the_answer_of_a_task_is_hidden(hidden_task, hidden):
    wanted = join()
    for group, columns in enumerate(hidden):
        wanted[group][:, columns] = 0
    np.testing.assert_array_equal(join(hidden_task), wanted)


def test_nothing_is_learnt_through_what_is_hidden():
    answers = tf.constant(ANSWERS)
    with tf.GradientTape() as tape:
        tape.watch(answers)
        layer = concat_task_outputs.ConcatTaskOutputs((0, 2, 3), (2, 3, 1))
        loss = tf.reduce_sum(layer(answers, tf.constant([2, 0])))
    found = tape.gradient(loss, answers).numpy().any(axis=1)
    # Nor through what is padding.
    wanted = [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    wanted += [[0, 0, 0], [1, 1, 1], [1, 0, 0]]
    np.testing.assert_array_equal(found, np.array(wanted, bool))


def test_no_group():
    assert join(answers=ANSWERS[:0]).shape == (0, 2, 6)
    assert join([], answers=ANSWERS[:0]).shape == (0, 2, 6)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
