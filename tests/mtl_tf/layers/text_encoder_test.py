import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.layers import lstm
from mtl_tf.layers import text_encoder
from tests.helpers import packed

TASK_BATCHES, SEQ_LEN, BATCH, WIDTH, HIDDEN_SIZE = 2, 6, 3, 2, 3
LENGTHS = np.array([[4, 1, 3], [2, 6, 5]], np.int32)
TASK_IDS = np.array([1, 0])


@pytest.fixture
def inputs():
    """Unpacked token features, not zero beyond the end of a text."""
    random = np.random.default_rng(0)
    return random.normal(size=(TASK_BATCHES, SEQ_LEN, BATCH, WIDTH)).astype(
        np.float32
    )


def read(layer, inputs, *seq1, lengths=LENGTHS):
    """Calls an encoder, or a layer of it, with unpacked token features.

    `seq1` are unpacked token features as well, and their lengths.
    """
    if seq1:
        features, seq1_lengths = seq1
        seq1 = packed.pack(features, seq1_lengths), seq1_lengths
    return layer(packed.pack(inputs, lengths), lengths, TASK_IDS, *seq1)


def texts(inputs):
    """Yields (task batch, index in it, token features) of each text."""
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        yield (
            task_batch,
            text,
            inputs[task_batch, : LENGTHS[task_batch, text], text],
        )


def make(encoder, pooling, **kwargs):
    layer = text_encoder.TextEncoder(
        encoder, pooling, HIDDEN_SIZE, 2, init_range=1.0, seed=0, **kwargs
    )
    layer.build((None, None, WIDTH))
    return layer


def keras_lstm(layer, name, task_id, **kwargs):
    """Makes a `keras.layers.LSTM` with weights of an encoder."""
    weights = {
        weight.path.removeprefix(f"{layer.name}/{name}/"): weight[task_id]
        for weight in layer.weights
        if weight.path.startswith(f"{layer.name}/{name}/")
    }
    copy = keras.layers.LSTM(HIDDEN_SIZE, **kwargs)
    copy.build((None, None, weights["kernel"].shape[0]))
    copy.set_weights(
        [weights[name] for name in ("kernel", "recurrent_kernel", "bias")]
    )
    return copy


def test_lstm_last_state_equals_keras(inputs):
    layer = make("lstm", "last")
    actual = read(layer, inputs)
    for task_batch, text, x in texts(inputs):
        copy = keras_lstm(layer, "lstm_0", TASK_IDS[task_batch])
        np.testing.assert_allclose(
            actual[task_batch, text], copy(x[np.newaxis])[0], atol=1e-6
        )


def test_bilstm_last_states_equal_keras(inputs):
    layer = make("bilstm", "last")
    actual = read(layer, inputs)
    for task_batch, text, x in texts(inputs):
        both = [
            keras_lstm(layer, "forward", TASK_IDS[task_batch]),
            keras_lstm(
                layer, "backward", TASK_IDS[task_batch], go_backwards=True
            ),
        ]
        expected = np.concatenate([copy(x[np.newaxis])[0] for copy in both])
        np.testing.assert_allclose(
            actual[task_batch, text], expected, atol=1e-6
        )


def test_stacked_lstm_equals_keras_lstms(inputs):
    layer = make("stacked_lstm", "max", num_layers=3)
    actual = read(layer, inputs)
    for task_batch, text, states in texts(inputs):
        states = states[np.newaxis]
        for level in range(3):
            copy = keras_lstm(
                layer,
                f"lstm_{level}",
                TASK_IDS[task_batch],
                return_sequences=True,
            )
            states = copy(states)
        np.testing.assert_allclose(
            actual[task_batch, text],
            tf.reduce_max(states[0], axis=0),
            atol=1e-6,
        )


SEQ1_LENGTHS = np.array([[2, 3, 1], [4, 2, 1]], np.int32)


@pytest.fixture
def seq1():
    random = np.random.default_rng(1)
    return random.normal(size=(TASK_BATCHES, 4, BATCH, WIDTH)).astype(
        np.float32
    )


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_conditional_bilstm_equals_two_keras_bilstms(inputs, seq1, pooling):
    layer = make("conditional_bilstm", pooling)
    actual = read(layer, inputs, seq1, SEQ1_LENGTHS)
    for task_batch, text, x in texts(inputs):
        task_id = TASK_IDS[task_batch]
        about = seq1[task_batch, : SEQ1_LENGTHS[task_batch, text], text]
        expected = []
        for name, step in (("forward", 1), ("backward", -1)):
            first = keras_lstm(
                layer, f"seq1_{name}", task_id, return_state=True
            )
            second = keras_lstm(layer, name, task_id, return_sequences=True)
            _, *state = first(about[np.newaxis, ::step])
            states = second(x[np.newaxis, ::step], initial_state=state)[0]
            expected.append(
                {
                    "last": states[-1],
                    "max": tf.reduce_max(states, axis=0),
                    "mean": tf.reduce_mean(states, axis=0),
                }[pooling]
            )
        np.testing.assert_allclose(
            actual[task_batch, text], np.concatenate(expected), atol=1e-6
        )


def test_conditional_bilstm_has_separate_weights_for_seq1(inputs, seq1):
    layer = make("conditional_bilstm", "last")
    arguments = (inputs, seq1, SEQ1_LENGTHS)
    before = read(layer, *arguments).numpy()
    paths = {weight.path for weight in layer.weights}
    assert len(paths) == 4 * 3
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(read(layer, *arguments) ** 2)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert tf.reduce_any(gradient.values != 0)
    # Another seq1 changes the features.
    other = read(layer, inputs, -seq1, SEQ1_LENGTHS).numpy()
    assert (other != before).any(axis=-1).all()


def test_padding_of_seq1_does_not_change_features(inputs, seq1):
    layer = make("conditional_bilstm", "attention")
    expected = read(layer, inputs, seq1, SEQ1_LENGTHS).numpy()
    longer = np.full((TASK_BATCHES, 9, BATCH, WIDTH), 1e4, np.float32)
    for task_batch, text in np.ndindex(TASK_BATCHES, BATCH):
        length = SEQ1_LENGTHS[task_batch, text]
        longer[task_batch, :length, text] = seq1[task_batch, :length, text]
    actual = read(layer, inputs, longer, SEQ1_LENGTHS)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_bag_of_words_ignores_the_order_of_tokens(inputs):
    layer = make("bag_of_words", "mean")
    lengths = np.full((TASK_BATCHES, BATCH), SEQ_LEN, np.int32)
    np.testing.assert_allclose(
        read(layer, inputs, lengths=lengths),
        read(layer, inputs[:, ::-1], lengths=lengths),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("encoder", "directions"),
    [("lstm", 1), ("bilstm", 2), ("stacked_lstm", 1)],
)
def test_forget_bias_and_dropout_are_passed_to_every_lstm(
    inputs, encoder, directions
):
    plain, configured = (
        make(encoder, "max", **settings)
        for settings in ({}, {"forget_bias": 2.0, "recurrent_dropout": 0.5})
    )
    shifts = [
        (b.numpy() - a.numpy()).sum()
        for a, b in zip(plain.weights, configured.weights, strict=True)
        if a.path.endswith("/bias")
    ]
    # 2 for each unit of each task.
    num_layers = 2 if encoder == "stacked_lstm" else 1
    expected = [2 * HIDDEN_SIZE * 2] * directions * num_layers
    np.testing.assert_allclose(shifts, expected, atol=1e-5)
    arguments = (packed.pack(inputs, LENGTHS), LENGTHS, TASK_IDS)
    trained = [configured(*arguments, training=True).numpy() for _ in range(4)]
    assert any((trained[0] != other).any() for other in trained[1:])
    assert (configured(*arguments) == configured(*arguments)).numpy().all()


@pytest.mark.parametrize("encoder", choices.RECURRENT)
def test_precision_is_passed_to_every_lstm(inputs, seq1, encoder):
    pair = (seq1, SEQ1_LENGTHS) if encoder == choices.CONDITIONAL else ()
    layer = make(encoder, "mean")
    expected = read(layer, inputs, *pair).numpy()
    copy = make(encoder, "mean", precision="bfloat16")
    actual = read(copy, inputs, *pair).numpy()
    assert (actual != expected).all()
    np.testing.assert_allclose(actual, expected, atol=0.05)
    assert {
        part.precision
        for part in copy._flatten_layers(include_self=False)
        if isinstance(part, lstm.PerTaskLSTM)
    } == {"bfloat16"}


@pytest.mark.parametrize(
    ("encoder", "pooling", "message"),
    [
        ("gru", "last", r"encoder: expected one of .*'lstm'.* got 'gru'"),
        ("lstm", "sum", r"pooling: expected one of .*'last'.* got 'sum'"),
        ("cnn", "last", "'lstm'.* with pooling=last, got 'cnn'"),
        ("bag_of_words", "last", "got 'bag_of_words', which has no last"),
    ],
)
def test_invalid_encoders_and_poolings_are_rejected(encoder, pooling, message):
    with pytest.raises(ValueError, match=message):
        make(encoder, pooling)


@pytest.mark.parametrize("encoder", ["cnn", "bag_of_words"])
def test_check_encoder_lists_the_poolings_of_an_encoder(encoder):
    with pytest.raises(
        ValueError, match=f"encoder={encoder} has none: choose pooling=max"
    ):
        choices.check_encoder(encoder, "last")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
