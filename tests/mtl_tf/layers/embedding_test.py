import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import embedding
from tests.helpers import packed

UNKNOWN = 1


def make(vocabulary_size, width, **kwargs):
    layer = embedding.WordEmbedding(
        vocabulary_size, width, unknown_id=UNKNOWN, seed=0, **kwargs
    )
    layer.build((None, None, None))
    return layer


def numbered(vocabulary_size, **kwargs):
    """Makes a layer in which the vector of word i is (i + 1, -i - 1)."""
    layer = make(vocabulary_size, 2, **kwargs)
    number = np.arange(1, vocabulary_size + 1)
    layer.table.assign(np.stack([number, -number], axis=1))
    return layer


def test_vectors_are_packed():
    tokens = np.array(
        [[[4, 2, 0], [3, 3, 0]], [[4, 2, 0], [3, 3, 4]]], np.int32
    )
    lengths = np.array([[2, 1], [2, 3]], np.int32)
    actual = numbered(5)(tokens, lengths)
    # Word 4 has the vector (5, -5). Task batch 1, of three steps, comes first.
    # Beyond the end of a text, its first word is repeated.
    expected = [[5, 4], [5, 4], [3, 4], [3, 4], [5, 5]]
    np.testing.assert_array_equal(actual[..., 0], expected)
    np.testing.assert_array_equal(actual[..., 1], np.negative(expected))


def gradient(layer, tokens, lengths, **kwargs):
    with tf.GradientTape() as tape:
        vectors = packed.unpack(layer(tokens, lengths, **kwargs), lengths)
        loss = tf.reduce_sum(vectors * [1.0, 3.0])
    return tape.gradient(loss, layer.table.value)


def test_gradient_is_sparse_and_only_of_words_in_the_batch():
    # Words 0 and 7 occur beyond the end only; word 4 occurs twice.
    tokens = np.array([[[4, 2, 0], [5, 7, 7]], [[4, 6, 3], [2, 7, 0]]])
    lengths = np.array([[2, 1], [3, 1]], np.int32)
    actual = gradient(numbered(9), tokens, lengths)
    assert isinstance(actual, tf.IndexedSlices)
    assert set(actual.indices.numpy()) == {2, 3, 4, 5, 6}
    expected = np.zeros((9, 2))
    for word, times in {2: 2, 3: 1, 4: 2, 5: 1, 6: 1}.items():
        expected[word] = [times, 3 * times]
    np.testing.assert_array_equal(tf.convert_to_tensor(actual), expected)


def test_word_dropout_beyond_the_end_adds_no_word_to_the_gradient():
    layer = numbered(30, word_dropout=0.3)
    # A text of eight words, and nineteen of one word: most positions are beyond
    # the end of a text.
    tokens = np.arange(2, 22, dtype=np.int32).reshape(1, 20, 1)
    tokens = np.repeat(tokens, 8, axis=2)
    lengths = np.ones((1, 20), np.int32)
    lengths[0, 0] = 8
    for _ in range(5):
        actual = gradient(layer, tokens, lengths, training=True)
        values = tf.math.unsorted_segment_sum(actual.values, actual.indices, 30)
        indices = np.unique(actual.indices)
        # All indices of the gradient are words of the batch.
        np.testing.assert_array_equal(np.flatnonzero(values[:, 0]), indices)


def test_word_dropout_replaces_words_by_the_unknown_word():
    layer = numbered(100, word_dropout=0.3)
    random = np.random.default_rng(0)
    tokens = random.integers(2, 100, size=(2, 50, 60)).astype(np.int32)
    lengths = np.full((2, 50), 60, np.int32)
    vectors = layer(tokens, lengths, training=True).numpy()
    words = packed.unpack(vectors, lengths)[..., 0].numpy() - 1
    words = words.transpose(0, 2, 1)
    np.testing.assert_array_equal(vectors[..., 1], -vectors[..., 0])
    dropped = words == UNKNOWN
    np.testing.assert_array_equal(words[~dropped], tokens[~dropped])
    # Four standard deviations for 6,000 words: 4 sqrt(.3 .7 / 6000) = 0.024.
    assert abs(dropped.mean() - 0.3) < 0.024


def test_vector_dropout_drops_elements_and_scales_up_the_others():
    layer = numbered(3, vector_dropout=0.2)
    tokens = np.full((1, 50, 60), 2, np.int32)
    lengths = np.full((1, 50), 60, np.int32)
    vectors = layer(tokens, lengths, training=True).numpy()
    # 3 / (1 - 0.2) = 3.75
    np.testing.assert_allclose(np.unique(vectors), [-3.75, 0, 3.75])
    dropped = vectors == 0
    # Four standard deviations for 6,000 elements: 4 sqrt(.2 .8 / 6000) = 0.021.
    assert abs(dropped.mean() - 0.2) < 0.021
    # Single elements, not the vectors of words.
    assert (dropped[..., 0] != dropped[..., 1]).any()


def test_no_dropout_at_inference():
    tokens = np.array([[[2, 3, 4]]], np.int32)
    lengths = np.array([[3]], np.int32)
    dropping = numbered(5, word_dropout=0.9, vector_dropout=0.9)
    np.testing.assert_array_equal(
        dropping(tokens, lengths), numbered(5)(tokens, lengths)
    )


def test_initial_values_and_frozen_table():
    layer = make(200, 10, init_range=0.3, trainable=False)
    assert 0.29 < abs(layer.table.numpy()).max() <= 0.3 + 1e-6
    assert not layer.trainable_variables
    np.testing.assert_array_equal(
        layer.table, make(200, 10, init_range=0.3).table
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
