"""The initial weights of models, and their names."""

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import pretrained_embeddings
from mtl_tf.models import multitask_model

NUM_CLASSES = (2, 4, 3)
WORDS = 12
# All layers that have weights.
EVERYTHING = {
    "encoder": "conditional_bilstm",
    "task_layer_size": 4,
    "output_layer": "label_embedding",
    "label_embedding_dim": 3,
    "label_bias": True,
    "label_transfer": "supervised",
    "main_task": "b",
    "transfer_hidden_size": 4,
}


def make(**settings):
    settings = {"hidden_size": 3, "embedding_dim": 4, "seed": 1, **settings}
    config = config_lib.Config(**settings)
    return config, multitask_model.build(
        config, NUM_CLASSES, WORDS, main_task=1
    )


def test_initial_weights_differ():
    config, model = make(
        **EVERYTHING, pooling="attention", hidden_size=4, init_range=0.3
    )
    discriminator = multitask_model.build_discriminator(config, model, 3)
    starts = [
        weight.numpy().ravel()
        for weight in [*model.weights, *discriminator.weights]
        if weight.numpy().any()
    ]
    for index, first in enumerate(starts):
        for second in starts[:index]:
            both = min(len(first), len(second))
            assert (first[:both] != second[:both]).any()


@pytest.mark.parametrize(("seed", "is_equal"), [(1, True), (2, False)])
def test_seed_determines_all_initial_weights(seed, is_equal):
    models_ = (make(**EVERYTHING), make(**EVERYTHING, seed=seed))
    for first, second in zip(*(m.weights for _, m in models_), strict=True):
        if first.numpy().any():
            same = first.numpy() == second.numpy()
            assert same.all() == is_equal, first.path


def test_variable_names_do_not_depend_on_other_models():
    settings = {"recurrent_dropout": 0.1, "feature_dropout": 0.1}
    first, second = (
        [variable.path for variable in make(**settings)[1].variables]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_frozen_word_vectors_are_not_trained():
    trained, frozen = (
        {w.path for w in make(train_word_vectors=x)[1].trainable_variables}
        for x in (True, False)
    )
    assert trained - frozen == {"word_embedding/table"}
    assert frozen < trained


def test_discriminator_fits_the_shared_features():
    config, model = make(encoder="bilstm", init_range=0.3)
    discriminator = multitask_model.build_discriminator(config, model, 3)
    assert discriminator.kernel.shape == (3, 2 * 3)
    assert 0.2 < abs(discriminator.kernel.numpy()).max() <= 0.3 + 1e-6


def pretrained(rows, width):
    """Makes pretrained vectors of some words: word i has i + 1 everywhere."""
    has_vector = np.isin(np.arange(WORDS), rows)
    matrix = np.where(
        has_vector[:, np.newaxis], np.arange(1, WORDS + 1)[:, np.newaxis], 0
    )
    matrix = np.repeat(matrix, width, axis=1).astype(np.float32)
    return pretrained_embeddings.WordVectors(matrix, has_vector)


def test_pretrained_vectors_replace_random_ones():
    _, model = make(embedding_dim=4)
    start = model.get_layer("word_embedding").table.numpy()
    multitask_model.set_word_vectors(model, [pretrained([3, 5], width=2)])
    table = model.get_layer("word_embedding").table.numpy()
    expected = start.copy()
    expected[3, :2], expected[5, :2] = 4, 6
    np.testing.assert_array_equal(table, expected)


def test_vectors_of_several_sources_are_concatenated():
    _, model = make(embedding_dim=4)
    expected = model.get_layer("word_embedding").table.numpy()
    multitask_model.set_word_vectors(
        model, [pretrained([3, 5], width=2), pretrained([5, 6], width=1)]
    )
    table = model.get_layer("word_embedding").table.numpy()
    expected[3, :2], expected[5, :3], expected[6, 2] = 4, 6, 7
    np.testing.assert_array_equal(table, expected)


@pytest.mark.parametrize("widths", [(5,), (2, 3)])
def test_pretrained_vectors_that_are_too_long_are_rejected(widths):
    _, model = make(embedding_dim=4)
    sources = [pretrained([3], width) for width in widths]
    with pytest.raises(ValueError, match="have 5 numbers, embedding_dim is 4"):
        multitask_model.set_word_vectors(model, sources)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
