import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.layers import word_overlap
from mtl_tf.models import multitask_model

NUM_CLASSES = (2, 4, 3)
WORDS = 12


# All layers that a model can have between its texts and the logits.
EVERYTHING = {
    "encoder": "conditional_bilstm",
    "skip_connection": True,
    "word_overlap": True,
    "task_layer_size": 4,
    "output_layer": "label_embedding",
    "label_embedding_dim": 3,
    "label_bias": True,
}


def make(**settings):
    settings = {"hidden_size": 3, "embedding_dim": 4, "seed": 1, **settings}
    config = config_lib.Config(**settings)
    return config, multitask_model.build(config, NUM_CLASSES, WORDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, (2, 2), 9), "config: expected a mtl_tf.Config, got dict"),
        ((None, 3, 9), "num_classes: expected the number of labels of each"),
        ((None, (2, 1), 9), r"2 or more, got \(2, 1\)"),
        ((None, (), 9), r"2 or more, got \(\)"),
        ((None, ("a", "b"), 9), r"2 or more, got \('a', 'b'\)"),
        (
            (None, (2, 2), 3),
            "vocabulary_size: expected an integer of 4 or more",
        ),
        ((None, (2, 2), 9.5), "vocabulary_size: .* or more, got 9.5"),
    ],
)
def test_invalid_sizes_are_rejected(arguments, message):
    config, *sizes = arguments
    if config is None:
        config = config_lib.Config()
    with pytest.raises(ValueError, match=message):
        multitask_model.build(config, *sizes)


@pytest.mark.parametrize("main_task", [None, -1, 2, "books"])
def test_label_transfer_needs_a_task_index(main_task):
    config = config_lib.Config(label_transfer="supervised", main_task="books")
    with pytest.raises(
        ValueError,
        match=f"main_task: expected an index below 2 .* {main_task!r}$",
    ):
        multitask_model.build(config, (2, 2), 9, main_task)


@pytest.fixture
def batch():
    """Two task batches of three texts; the first is of task 2."""
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
def test_logits_are_computed_from_the_existing_features(
    batch, sharing, features
):
    _, model = make(sharing=sharing, feature_dropout=0.5)
    outputs = model(batch)
    assert sorted(outputs) == sorted(["logits", *features])
    features_of_head = tf.concat([outputs[name] for name in features], axis=-1)
    expected = model.get_layer("head").output_layer(
        features_of_head, batch["task_ids"]
    )
    np.testing.assert_array_equal(outputs["logits"], expected["logits"])


@pytest.fixture
def pairs(batch):
    """A batch of pairs: `batch` with seq1."""
    random = np.random.default_rng(1)
    return {
        **batch,
        "seq1": random.integers(0, WORDS, (2, 3, 4)).astype(np.int32),
        "seq1_lengths": np.array([[1, 4, 2], [3, 1, 1]], np.int32),
    }


def mean_vectors(model, tokens, lengths):
    """Computes means of word vectors in a loop."""
    table = model.get_layer("word_embedding").table.numpy()
    return np.array(
        [
            [
                np.mean([table[word] for word in text[:length]], axis=0)
                for text, length in zip(*task_batch, strict=True)
            ]
            for task_batch in zip(tokens, lengths, strict=True)
        ]
    )


def test_skip_connection_passes_mean_word_vectors_to_the_head(
    batch,
):
    _, model = make(skip_connection=True)
    outputs = model(batch)
    mean = mean_vectors(model, batch["token_ids"], batch["lengths"])
    features_of_head = [outputs["shared"], mean, outputs["private"]]
    features_of_head = np.concatenate(features_of_head, axis=-1)
    layer = model.get_layer("head").output_layer
    assert layer.kernel.shape == (9, 3 + 4 + 3)
    expected = layer(features_of_head, batch["task_ids"])
    np.testing.assert_allclose(outputs["logits"], expected["logits"], atol=1e-6)
    # Without the features of the encoders, logits still differ.
    kernel = layer.kernel.numpy()
    kernel[:, [0, 1, 2, 7, 8, 9]] = 0
    layer.kernel.assign(kernel)
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    logits = model(batch)["logits"].numpy()[mask[:, np.newaxis].repeat(3, 1)]
    assert len(np.unique(logits)) == len(logits)


@pytest.mark.parametrize("sharing", ["single_task", "fully_shared"])
def test_skip_connection_of_a_conditional_encoder_includes_seq1(pairs, sharing):
    _, model = make(
        encoder="conditional_bilstm", skip_connection=True, sharing=sharing
    )
    outputs = model(pairs)
    means = [
        mean_vectors(model, pairs["token_ids"], pairs["lengths"]),
        mean_vectors(model, pairs["seq1"], pairs["seq1_lengths"]),
    ]
    if sharing == "single_task":
        features_of_head = [*means, outputs["private"]]
    else:
        features_of_head = [outputs["shared"], *means]
    layer = model.get_layer("head").output_layer
    features_of_head = np.concatenate(features_of_head, axis=-1)
    expected = layer(features_of_head, pairs["task_ids"])
    np.testing.assert_allclose(outputs["logits"], expected["logits"], atol=1e-6)


def test_logits_of_the_label_embedding_on_the_task_layer(pairs):
    config, model = make(**EVERYTHING)
    outputs = model(pairs)
    by_path = {weight.path: weight.numpy() for weight in model.weights}
    features_of_head = np.concatenate(
        [
            outputs["shared"],
            mean_vectors(model, pairs["token_ids"], pairs["lengths"]),
            mean_vectors(model, pairs["seq1"], pairs["seq1_lengths"]),
            word_overlap.WordOverlap(WORDS)(
                *(pairs[x] for x in ("seq1", "seq1_lengths")),
                *(pairs[x] for x in ("token_ids", "lengths")),
            ),
            outputs["private"],
        ],
        axis=-1,
    )
    first = np.cumsum([0, *NUM_CLASSES])
    for task_batch, task in enumerate(pairs["task_ids"]):
        hidden = np.tanh(
            features_of_head[task_batch]
            @ by_path["head/task_layer/kernel"][task]
            + by_path["head/task_layer/bias"][task]
        )
        assert hidden.shape == (3, config.task_layer_size)
        rows = slice(first[task], first[task + 1])
        expected = hidden[:, :3] @ by_path["head/label_embedding/table"][rows].T
        expected += by_path["head/label_embedding/bias"][rows]
        np.testing.assert_allclose(
            outputs["logits"][task_batch, :, : NUM_CLASSES[task]],
            expected,
            atol=1e-6,
        )


def test_label_vectors_are_at_most_as_long_as_the_features():
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
        # hidden_size is 3, embedding_dim is 4.
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
def test_config_rejects_longer_label_vectors(settings, width):
    settings = {
        "sharing": "fully_shared",
        "output_layer": "label_embedding",
        **settings,
    }
    config = config_lib.Config(
        hidden_size=3, embedding_dim=4, label_embedding_dim=width, **settings
    )
    num_tasks = 1 if config.sharing == "single_task" else 3
    longest = dataclasses.replace(config, label_embedding_dim=0)
    for sized in (config, longest):
        model = multitask_model.build(sized, NUM_CLASSES[:num_tasks], WORDS)
        table = model.get_layer("head").output_layer.table
        assert table.shape[1] == width
    with pytest.raises(
        ValueError, match=rf"^label_embedding_dim={width + 1}: .*\({width}\)"
    ):
        dataclasses.replace(config, label_embedding_dim=width + 1)


def test_conditional_encoder_reads_seq1(pairs):
    _, model = make(encoder="conditional_bilstm")
    other = {**pairs, "seq1": (pairs["seq1"] + 1) % WORDS}
    first, second = model(pairs), model(other)
    for name in ("shared", "private"):
        assert (first[name] != second[name]).numpy().any(axis=-1).all()


def test_private_features_depend_on_the_task_and_shared_ones_do_not(batch):
    _, model = make()
    other = {**batch, "task_ids": np.array([1, 0], np.int32)}
    first, second = model(batch), model(other)
    np.testing.assert_array_equal(first["shared"], second["shared"])
    changed = (first["private"] != second["private"]).numpy()
    assert changed[0].all()
    assert not changed[1].any()


def test_config_is_passed_to_the_layers():
    config, model = make(
        encoder="stacked_lstm",
        pooling="attention",
        num_layers=3,
        forget_bias=1.5,
        recurrent_dropout=0.25,
        precision="bfloat16",
        recurrence="packed",
        init_range=0.2,
        word_dropout=0.1,
        vector_dropout=0.3,
        feature_dropout=0.4,
    )
    for name, num_tasks in (("shared_encoder", 1), ("private_encoder", 3)):
        actual = getattr(model.get_layer("encoder"), name).get_config()
        assert actual["num_tasks"] == num_tasks
        for setting in (
            "encoder",
            "pooling",
            "hidden_size",
            "num_layers",
            "forget_bias",
            "recurrent_dropout",
            "precision",
            "recurrence",
            "init_range",
        ):
            assert actual[setting] == getattr(config, setting), setting
    embedding = model.get_layer("word_embedding")
    assert embedding.table.shape == (WORDS, 4)
    assert embedding.unknown_id == vocabulary_lib.UNKNOWN
    assert (embedding.word_dropout, embedding.vector_dropout) == (0.1, 0.3)
    assert model.get_layer("head").dropout.rate == 0.4


def test_dropout_is_off_at_inference(batch):
    _, model = make(feature_dropout=0.5)
    np.testing.assert_array_equal(
        model(batch)["logits"], make()[1](batch)["logits"]
    )
    trained = model(batch, training=True)
    # The features are those before dropout, the logits those after it.
    np.testing.assert_array_equal(trained["shared"], model(batch)["shared"])
    mask = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)[:, np.newaxis]
    changed = trained["logits"] != model(batch)["logits"]
    assert (changed.numpy() == mask).any()
    assert not (changed.numpy() & ~mask).any()


def test_shared_submodel(batch):
    _, model = make()
    shared = multitask_model.submodel(model, ["shared"])
    inputs = {name: batch[name] for name in ("token_ids", "lengths")}
    np.testing.assert_array_equal(
        shared(inputs)["shared"], model(batch)["shared"]
    )
    # The same weights, not copies.
    assert {id(w) for w in shared.weights} < {id(w) for w in model.weights}
    with pytest.raises(ValueError, match=r"expected some of .*, got 'shared'"):
        multitask_model.submodel(make(sharing="single_task")[1], ["shared"])


def test_shared_submodel_of_pairs(pairs):
    _, model = make(**EVERYTHING)
    shared = multitask_model.submodel(model, ["shared"])
    assert set(shared.input) == {
        "token_ids",
        "lengths",
        "seq1",
        "seq1_lengths",
    }
    inputs = {name: pairs[name] for name in shared.input}
    np.testing.assert_array_equal(
        shared(inputs)["shared"], model(pairs)["shared"]
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
