import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import pretrained_embeddings
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.models import multitask_model

LABEL_COUNTS = (2, 4, 3)
WORDS = 12


# seq1 beside seq2, and nothing left out between them and the scores.
ALL_OF_IT = {
    "encoder": "conditional_bilstm",
    "skip_connection": True,
    "task_layer_size": 4,
    "output_layer": "label_embedding",
    "label_embedding_dim": 3,
    "label_bias": True,
}


def make(**settings):
    settings = {"hidden_size": 3, "embedding_dim": 4, "seed": 1, **settings}
    config = config_lib.Config(**settings)
    return config, multitask_model.build(config, LABEL_COUNTS, WORDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, (2, 2), 9), "config: a mtl_tf.Config is expected, got dict"),
        ((None, 3, 9), "num_classes: a number of labels is expected for each"),
        ((None, (2, 1), 9), r"2 or more, got \(2, 1\)"),
        ((None, (), 9), r"2 or more, got \(\)"),
        ((None, ("a", "b"), 9), r"2 or more, got \('a', 'b'\)"),
        ((None, (2, 2), 3), "vocabulary_size: a number of 4 or more is exp"),
        ((None, (2, 2), 9.5), "vocabulary_size: .* expected, got 9.5"),
    ],
)
def test_sizes_of_which_no_model_is_built(arguments, message):
    config, *sizes = arguments
    if config is None:
        config = config_lib.Config()
    with pytest.raises(ValueError, match=message):
        multitask_model.build(config, *sizes)


@pytest.mark.parametrize("main_task", [None, -1, 2, "books"])
def test_label_transfer_needs_the_number_of_a_task(main_task):
    config = config_lib.Config(label_transfer="supervised", main_task="books")
    with pytest.raises(
        ValueError, match=f"main_task: a number below 2 .* got {main_task!r}$"
    ):
        multitask_model.build(config, (2, 2), 9, main_task)


@pytest.fixture
def batch():
    """Two groups of three texts; the first is of task 2, the second of 0."""
    random = np.random.default_rng(0)
    return {
        "token_ids": random.integers(0, WORDS, (2, 3, 5)).astype(np.int32),
        "lengths": np.array([[5, 1, 3], [2, 4, 4]], np.int32),
        "task_ids": np.array([2, 0], np.int32),
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
    assert sorted(outputs) == sorted(["logits", *features])
    joined = tf.concat([outputs[name] for name in features], axis=-1)
    scores = model.get_layer("head").output_layer(joined, batch["task_ids"])
    np.testing.assert_array_equal(outputs["logits"], scores)


@pytest.fixture
def pairs(batch):
    """`batch` with texts that it is read against."""
    random = np.random.default_rng(1)
    return {
        **batch,
        "seq1": random.integers(0, WORDS, (2, 3, 4)).astype(np.int32),
        "seq1_lengths": np.array([[1, 4, 2], [3, 1, 1]], np.int32),
    }


def mean_vectors(model, tokens, lengths):
    """Means of word vectors, in a loop."""
    table = model.get_layer("word_embedding").table.numpy()
    return np.array(
        [
            [
                np.mean([table[word] for word in text[:length]], axis=0)
                for text, length in zip(*group, strict=True)
            ]
            for group in zip(tokens, lengths, strict=True)
        ]
    )


def test_the_skip_connection_carries_mean_word_vectors_past_the_encoders(
    batch,
):
    _, model = make(skip_connection=True)
    outputs = model(batch)
    mean = mean_vectors(model, batch["token_ids"], batch["lengths"])
    joined = [outputs["shared"], mean, outputs["private"]]
    joined = np.concatenate(joined, axis=-1)
    layer = model.get_layer("head").output_layer
    assert layer.kernel.shape == (9, 3 + 4 + 3)
    np.testing.assert_allclose(
        outputs["logits"], layer(joined, batch["task_ids"]), atol=1e-6
    )
    # It counts: other word vectors change scores by themselves.
    kernel = layer.kernel.numpy()
    kernel[:, [0, 1, 2, 7, 8, 9]] = 0
    layer.kernel.assign(kernel)
    there = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    scores = model(batch)["logits"].numpy()[there[:, np.newaxis].repeat(3, 1)]
    assert len(np.unique(scores)) == len(scores)


@pytest.mark.parametrize("sharing", ["single_task", "fully_shared"])
def test_with_a_conditional_encoder_seq1_skips_as_well(pairs, sharing):
    _, model = make(
        encoder="conditional_bilstm", skip_connection=True, sharing=sharing
    )
    outputs = model(pairs)
    means = [
        mean_vectors(model, pairs["token_ids"], pairs["lengths"]),
        mean_vectors(model, pairs["seq1"], pairs["seq1_lengths"]),
    ]
    if sharing == "single_task":
        joined = [*means, outputs["private"]]
    else:
        joined = [outputs["shared"], *means]
    layer = model.get_layer("head").output_layer
    scores = layer(np.concatenate(joined, axis=-1), pairs["task_ids"])
    np.testing.assert_allclose(outputs["logits"], scores, atol=1e-6)


def test_scores_are_those_of_the_label_embedding_on_the_task_layer(pairs):
    config, model = make(**ALL_OF_IT)
    outputs = model(pairs)
    by_path = {weight.path: weight.numpy() for weight in model.weights}
    joined = np.concatenate(
        [
            outputs["shared"],
            mean_vectors(model, pairs["token_ids"], pairs["lengths"]),
            mean_vectors(model, pairs["seq1"], pairs["seq1_lengths"]),
            outputs["private"],
        ],
        axis=-1,
    )
    first = np.cumsum([0, *LABEL_COUNTS])
    for group, task in enumerate(pairs["task_ids"]):
        hidden = np.tanh(
            joined[group] @ by_path["head/task_layer/kernel"][task]
            + by_path["head/task_layer/bias"][task]
        )
        assert hidden.shape == (3, config.task_layer_size)
        rows = slice(first[task], first[task + 1])
        wanted = hidden[:, :3] @ by_path["head/label_embedding/table"][rows].T
        wanted += by_path["head/label_embedding/bias"][rows]
        np.testing.assert_allclose(
            outputs["logits"][group, :, : LABEL_COUNTS[task]],
            wanted,
            atol=1e-6,
        )


def test_label_vectors_are_as_long_as_what_they_read_and_no_longer():
    _, model = make(output_layer="label_embedding")
    assert model.get_layer("head").output_layer.table.shape == (9, 3 + 3)
    with pytest.raises(ValueError, match=r"label_embedding_dim=7: .* \(6\)"):
        make(output_layer="label_embedding", label_embedding_dim=7)
    with pytest.raises(ValueError, match=r"label_embedding_dim=6: .* \(5\)"):
        make(
            output_layer="label_embedding",
            label_embedding_dim=6,
            task_layer_size=5,
        )


@pytest.mark.parametrize(
    ("settings", "width"),
    [
        # Of 3 units, and word vectors of 4 numbers.
        ({"encoder": "lstm"}, 3),
        ({"encoder": "stacked_lstm"}, 3),
        ({"encoder": "bilstm"}, 2 * 3),
        ({"encoder": "conditional_bilstm"}, 2 * 3),
        ({"encoder": "cnn", "pooling": "max"}, 3 * 3),
        ({"encoder": "bag_of_words", "pooling": "mean"}, 3),
        ({"encoder": "bilstm", "pooling": "attention"}, 2 * 3),
        ({"encoder": "lstm", "sharing": "single_task"}, 3),
        ({"encoder": "bilstm", "sharing": "shared_private"}, 2 * 2 * 3),
        ({"encoder": "lstm", "skip_connection": True}, 3 + 4),
        (
            {"encoder": "conditional_bilstm", "skip_connection": True},
            2 * 3 + 2 * 4,
        ),
    ],
)
def test_longer_label_vectors_are_refused_without_a_model(settings, width):
    settings = {
        "sharing": "fully_shared",
        "output_layer": "label_embedding",
        **settings,
    }
    config = config_lib.Config(
        hidden_size=3, embedding_dim=4, label_embedding_dim=width, **settings
    )
    tasks = 1 if config.sharing == "single_task" else 3
    longest = dataclasses.replace(config, label_embedding_dim=0)
    for sized in (config, longest):
        model = multitask_model.build(sized, LABEL_COUNTS[:tasks], WORDS)
        table = model.get_layer("head").output_layer.table
        assert table.shape[1] == width
    with pytest.raises(
        ValueError, match=rf"^label_embedding_dim={width + 1}: .*\({width}\)"
    ):
        dataclasses.replace(config, label_embedding_dim=width + 1)


def test_a_conditional_encoder_reads_seq1(pairs):
    _, model = make(encoder="conditional_bilstm")
    other = {**pairs, "seq1": (pairs["seq1"] + 1) % WORDS}
    first, second = model(pairs), model(other)
    for name in ("shared", "private"):
        assert (first[name] != second[name]).numpy().any(axis=-1).all()


def test_private_features_are_those_of_the_task_and_shared_ones_are_not(batch):
    _, model = make()
    other = {**batch, "task_ids": np.array([1, 0], np.int32)}
    first, second = model(batch), model(other)
    np.testing.assert_array_equal(first["shared"], second["shared"])
    changed = (first["private"] != second["private"]).numpy()
    assert changed[0].all()
    assert not changed[1].any()


def test_each_encoder_is_made_as_the_config_says():
    config, model = make(
        encoder="stacked_lstm",
        pooling="attention",
        num_layers=3,
        forget_bias=1.5,
        recurrent_dropout=0.25,
        precision="bfloat16",
        init_range=0.2,
        word_dropout=0.1,
        vector_dropout=0.3,
        feature_dropout=0.4,
    )
    for name, num_tasks in (("shared_encoder", 1), ("private_encoder", 3)):
        got = getattr(model.get_layer("encoder"), name).get_config()
        assert got["num_tasks"] == num_tasks
        for setting in (
            "encoder",
            "pooling",
            "hidden_size",
            "num_layers",
            "forget_bias",
            "recurrent_dropout",
            "precision",
            "init_range",
        ):
            assert got[setting] == getattr(config, setting), setting
    embedding = model.get_layer("word_embedding")
    assert embedding.table.shape == (WORDS, 4)
    assert embedding.unknown_id == vocabulary_lib.UNKNOWN
    assert (embedding.word_dropout, embedding.vector_dropout) == (0.1, 0.3)
    assert model.get_layer("head").dropout.rate == 0.4


def test_no_two_weights_start_alike():
    config, model = make(
        **ALL_OF_IT, pooling="attention", hidden_size=4, init_range=0.3
    )
    discriminator = multitask_model.build_discriminator(config, model, 3)
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
    models_ = (make(**ALL_OF_IT), make(**ALL_OF_IT, seed=seed))
    for first, second in zip(*(m.weights for _, m in models_), strict=True):
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
        model(batch)["logits"], make()[1](batch)["logits"]
    )
    trained = model(batch, training=True)
    # The features are those before dropout, the scores those after it.
    np.testing.assert_array_equal(trained["shared"], model(batch)["shared"])
    there = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)[:, np.newaxis]
    changed = trained["logits"] != model(batch)["logits"]
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
    part = multitask_model.submodel(model, ["shared"])
    inputs = {name: batch[name] for name in ("token_ids", "lengths")}
    np.testing.assert_array_equal(
        part(inputs)["shared"], model(batch)["shared"]
    )
    # The very same weights, not copies.
    assert {id(w) for w in part.weights} < {id(w) for w in model.weights}
    with pytest.raises(ValueError, match="no output 'shared'; it has"):
        multitask_model.submodel(make(sharing="single_task")[1], ["shared"])


def test_shared_features_of_pairs(pairs):
    _, model = make(**ALL_OF_IT)
    part = multitask_model.submodel(model, ["shared"])
    assert set(part.input) == {"token_ids", "lengths", "seq1", "seq1_lengths"}
    inputs = {name: pairs[name] for name in part.input}
    np.testing.assert_array_equal(
        part(inputs)["shared"], model(pairs)["shared"]
    )


def test_the_discriminator_fits_the_shared_features(batch):
    config, model = make(encoder="bilstm", init_range=0.3)
    discriminator = multitask_model.build_discriminator(config, model, 3)
    assert discriminator(model(batch)["shared"]).shape == (2, 3, 3)
    assert 0.2 < abs(discriminator.kernel.numpy()).max() <= 0.3 + 1e-6


def found(rows, width):
    """Pretrained vectors of some words: word i has i + 1 everywhere."""
    is_found = np.isin(np.arange(WORDS), rows)
    matrix = np.where(
        is_found[:, np.newaxis], np.arange(1, WORDS + 1)[:, np.newaxis], 0
    )
    matrix = np.repeat(matrix, width, axis=1).astype(np.float32)
    return pretrained_embeddings.WordVectors(matrix, is_found)


def test_pretrained_vectors_take_the_place_of_what_they_cover():
    _, model = make(embedding_dim=4)
    start = model.get_layer("word_embedding").table.numpy()
    multitask_model.set_word_vectors(model, found([3, 5], width=2))
    table = model.get_layer("word_embedding").table.numpy()
    wanted = start.copy()
    wanted[3, :2], wanted[5, :2] = 4, 6
    np.testing.assert_array_equal(table, wanted)


def test_pretrained_vectors_that_are_too_wide_are_refused():
    _, model = make(embedding_dim=4)
    with pytest.raises(ValueError, match="have 5 numbers, embedding_dim is 4"):
        multitask_model.set_word_vectors(model, found([3], width=5))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
