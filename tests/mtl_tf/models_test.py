import numpy as np
import pytest
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import models
from mtl_tf import text
from mtl_tf import word_vectors

LABEL_COUNTS = (2, 4, 3)
WORDS = 12


def make(**settings):
    settings = {"units": 3, "word_width": 4, "seed": 1, **settings}
    config = config_lib.Config(**settings)
    return config, models.build(config, LABEL_COUNTS, WORDS)


@pytest.fixture
def batch():
    """Two groups of three texts; the first is of task 2, the second of 0."""
    random = np.random.default_rng(0)
    return {
        "tokens": random.integers(0, WORDS, (2, 3, 5)).astype(np.int32),
        "lengths": np.array([[5, 1, 3], [2, 4, 4]], np.int32),
        "task": np.array([2, 0], np.int32),
    }


@pytest.mark.parametrize(
    ("sharing", "features"),
    [
        ("single_task", ["private"]),
        ("fully_shared", ["shared"]),
        ("shared_private", ["shared", "private"]),
    ],
)
def test_scores_are_those_of_the_features_that_there_are(
    batch, sharing, features
):
    _, model = make(sharing=sharing, feature_dropout=0.5)
    outputs = model(batch)
    assert sorted(outputs) == sorted(["scores", *features])
    joined = tf.concat([outputs[name] for name in features], axis=-1)
    scores = model.get_layer("softmax_output")(joined, batch["task"])
    np.testing.assert_array_equal(outputs["scores"], scores)


def test_private_features_are_those_of_the_task_and_shared_ones_are_not(batch):
    _, model = make()
    other = {**batch, "task": np.array([1, 0], np.int32)}
    first, second = model(batch), model(other)
    np.testing.assert_array_equal(first["shared"], second["shared"])
    changed = (first["private"] != second["private"]).numpy()
    assert changed[0].all()
    assert not changed[1].any()


def test_each_encoder_is_made_as_the_config_says():
    config, model = make(
        encoder="stacked_lstm",
        pooling="attention",
        depth=3,
        forget_bias=1.5,
        recurrent_dropout=0.25,
        init_range=0.2,
        word_dropout=0.1,
        vector_dropout=0.3,
        feature_dropout=0.4,
    )
    for name, readers in (("shared_encoder", 1), ("private_encoder", 3)):
        got = model.get_layer(name).get_config()
        assert got["readers"] == readers
        for setting in (
            "encoder",
            "pooling",
            "units",
            "depth",
            "forget_bias",
            "recurrent_dropout",
            "init_range",
        ):
            assert got[setting] == getattr(config, setting), setting
    embedding = model.get_layer("word_embedding")
    assert embedding.table.shape == (WORDS, 4)
    assert embedding.unknown_id == text.UNKNOWN
    assert (embedding.word_dropout, embedding.vector_dropout) == (0.1, 0.3)
    assert model.get_layer("feature_dropout").rate == 0.4


def test_no_two_weights_start_alike():
    config, model = make(encoder="bilstm", pooling="attention", units=4)
    discriminator = models.build_discriminator(config, model, 3)
    starts = [
        weight.numpy().ravel()
        for weight in [*model.weights, *discriminator.weights]
        if weight.numpy().any()
    ]
    for number, first in enumerate(starts):
        for second in starts[:number]:
            both = min(len(first), len(second))
            assert (first[:both] != second[:both]).any()


@pytest.mark.parametrize(("seed", "alike"), [(1, True), (2, False)])
def test_the_seed_decides_every_start(seed, alike):
    pairs = zip(make()[1].weights, make(seed=seed)[1].weights, strict=True)
    for first, second in pairs:
        if first.numpy().any():
            same = first.numpy() == second.numpy()
            assert same.all() == alike, first.path


def test_variables_are_named_alike_whatever_was_made_before():
    settings = {"recurrent_dropout": 0.1, "feature_dropout": 0.1}
    first, second = (
        [variable.path for variable in make(**settings)[1].variables]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == len(first)


def test_dropout_works_in_training_alone(batch):
    _, model = make(feature_dropout=0.5)
    np.testing.assert_array_equal(
        model(batch)["scores"], make()[1](batch)["scores"]
    )
    trained = model(batch, training=True)
    # The features are those before dropout, the scores those after it.
    np.testing.assert_array_equal(trained["shared"], model(batch)["shared"])
    there = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)[:, np.newaxis]
    changed = trained["scores"] != model(batch)["scores"]
    assert (changed.numpy() == there).any()
    assert not (changed.numpy() & ~there).any()


def test_frozen_word_vectors_are_not_trained():
    trained, frozen = (
        {w.path for w in make(train_word_vectors=x)[1].trainable_variables}
        for x in (True, False)
    )
    assert trained - frozen == {"word_embedding/table"}
    assert frozen < trained


def test_shared_features(batch):
    _, model = make()
    part = models.shared_features(model)
    inputs = {name: batch[name] for name in ("tokens", "lengths")}
    np.testing.assert_array_equal(part(inputs), model(batch)["shared"])
    # The very same weights, not copies.
    assert {id(w) for w in part.weights} < {id(w) for w in model.weights}
    with pytest.raises(ValueError, match="no shared encoder"):
        models.shared_features(make(sharing="single_task")[1])


def test_the_discriminator_fits_the_shared_features(batch):
    config, model = make(encoder="bilstm", init_range=0.3)
    discriminator = models.build_discriminator(config, model, 3)
    assert discriminator(model(batch)["shared"]).shape == (2, 3, 3)
    assert 0.2 < abs(discriminator.kernel.numpy()).max() <= 0.3 + 1e-6


def found(rows, width):
    """Pretrained vectors of some words: word i has i + 1 everywhere."""
    is_found = np.isin(np.arange(WORDS), rows)
    matrix = np.where(
        is_found[:, np.newaxis], np.arange(1, WORDS + 1)[:, np.newaxis], 0
    )
    matrix = np.repeat(matrix, width, axis=1).astype(np.float32)
    return word_vectors.WordVectors(matrix, is_found)


def test_pretrained_vectors_take_the_place_of_what_they_cover():
    _, model = make(word_width=4)
    start = model.get_layer("word_embedding").table.numpy()
    models.set_word_vectors(model, found([3, 5], width=2))
    table = model.get_layer("word_embedding").table.numpy()
    wanted = start.copy()
    wanted[3, :2], wanted[5, :2] = 4, 6
    np.testing.assert_array_equal(table, wanted)


def test_pretrained_vectors_that_are_too_wide_are_refused():
    _, model = make(word_width=4)
    with pytest.raises(ValueError, match="have 5 numbers, word_width is 4"):
        models.set_word_vectors(model, found([3], width=5))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
