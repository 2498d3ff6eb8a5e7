import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.layers import lstm
from mtl_tf.layers import text_encoder
from tests.helpers import packed

GROUPS, TIME, BATCH, WIDTH, UNITS = 2, 6, 3, 2, 3
LENGTHS = np.array([[4, 1, 3], [2, 6, 5]], np.int32)
READER = np.array([1, 0])


@pytest.fixture
def inputs():
    """Token features; beyond the end of a text they are not zero."""
    random = np.random.default_rng(0)
    return random.normal(size=(GROUPS, TIME, BATCH, WIDTH)).astype(np.float32)


def read(layer, inputs, *seq1, lengths=LENGTHS):
    """What an encoder or a layer of it makes of token features by group.

    `seq1` are token features by group as well, and their lengths.
    """
    if seq1:
        features, seq1_lengths = seq1
        seq1 = packed.pack(features, seq1_lengths), seq1_lengths
    return layer(packed.pack(inputs, lengths), lengths, READER, *seq1)


def texts(inputs):
    """Yields (group, number in the batch, token features) of each text."""
    for group, text in np.ndindex(GROUPS, BATCH):
        yield group, text, inputs[group, : LENGTHS[group, text], text]


@pytest.mark.parametrize("windows", [(1,), (2, 5), (3, 4, 5)])
def test_convolution_by_its_equation(inputs, windows):
    layer = text_encoder.Convolution(
        UNITS, 2, windows=windows, init_range=1.0, seed=0
    )
    got = packed.unpack(read(layer, inputs), LENGTHS).numpy()
    for group, text, x in texts(inputs):
        task_ids = READER[group]
        for t in range(len(x)):
            s_t = []
            for w, kernel in zip(windows, layer.kernels, strict=True):
                # W_0 .. W_{w - 1} lie side by side.
                matrices = np.split(kernel.numpy()[task_ids], w, axis=1)
                for_window = np.zeros(UNITS)
                for j in range(w):
                    place = t + j - (w - 1) // 2
                    if 0 <= place < len(x):
                        for_window += x[place] @ matrices[j]
                s_t.append(for_window)
            s_t = np.maximum(0, np.concatenate(s_t) + layer.bias[task_ids])
            np.testing.assert_allclose(got[group, t, text], s_t, atol=1e-5)


def test_word_by_word_by_its_equation(inputs):
    layer = text_encoder.TokenDense(UNITS, 2, init_range=1.0, seed=0)
    got = packed.unpack(read(layer, inputs), LENGTHS).numpy()
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    for group, text, x in texts(inputs):
        task_ids = READER[group]
        for t, x_t in enumerate(x):
            s_t = np.tanh(x_t @ kernel[task_ids] + bias[task_ids])
            np.testing.assert_allclose(got[group, t, text], s_t, atol=1e-6)


def make(encoder, pooling, **kwargs):
    layer = text_encoder.TextEncoder(
        encoder, pooling, UNITS, 2, init_range=1.0, seed=0, **kwargs
    )
    layer.build((None, None, WIDTH))
    return layer


def keras_lstm(layer, name, task_ids, **kwargs):
    """`keras.layers.LSTM` with the weights of a part of an encoder."""
    weights = {
        weight.path.removeprefix(f"{layer.name}/{name}/"): weight[task_ids]
        for weight in layer.weights
        if weight.path.startswith(f"{layer.name}/{name}/")
    }
    copy = keras.layers.LSTM(UNITS, **kwargs)
    copy.build((None, None, weights["kernel"].shape[0]))
    copy.set_weights(
        [weights[name] for name in ("kernel", "recurrent_kernel", "bias")]
    )
    return copy


def test_lstm_with_the_last_state_is_that_of_keras(inputs):
    layer = make("lstm", "last")
    got = read(layer, inputs)
    for group, text, x in texts(inputs):
        copy = keras_lstm(layer, "lstm_0", READER[group])
        np.testing.assert_allclose(
            got[group, text], copy(x[np.newaxis])[0], atol=1e-6
        )


def test_bilstm_with_the_last_states_is_that_of_keras(inputs):
    layer = make("bilstm", "last")
    got = read(layer, inputs)
    for group, text, x in texts(inputs):
        both = [
            keras_lstm(layer, "forward", READER[group]),
            keras_lstm(layer, "backward", READER[group], go_backwards=True),
        ]
        wanted = np.concatenate([copy(x[np.newaxis])[0] for copy in both])
        np.testing.assert_allclose(got[group, text], wanted, atol=1e-6)


def test_stacked_lstm_is_one_lstm_on_another(inputs):
    layer = make("stacked_lstm", "max", num_layers=3)
    got = read(layer, inputs)
    for group, text, states in texts(inputs):
        states = states[np.newaxis]
        for level in range(3):
            copy = keras_lstm(
                layer, f"lstm_{level}", READER[group], return_sequences=True
            )
            states = copy(states)
        np.testing.assert_allclose(
            got[group, text], tf.reduce_max(states[0], axis=0), atol=1e-6
        )


# Of seq1; the last text of the second group has none.
SEQ1_LENGTHS = np.array([[2, 3, 1], [4, 2, 1]], np.int32)


@pytest.fixture
def seq1():
    random = np.random.default_rng(1)
    return random.normal(size=(GROUPS, 4, BATCH, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("pooling", ["last", "max", "mean"])
def test_conditional_bilstm_is_two_of_keras_one_after_the_other(
    inputs, seq1, pooling
):
    layer = make("conditional_bilstm", pooling)
    got = read(layer, inputs, seq1, SEQ1_LENGTHS)
    for group, text, x in texts(inputs):
        task_ids = READER[group]
        about = seq1[group, : SEQ1_LENGTHS[group, text], text]
        wanted = []
        for name, step in (("forward", 1), ("backward", -1)):
            first = keras_lstm(
                layer, f"seq1_{name}", task_ids, return_state=True
            )
            second = keras_lstm(layer, name, task_ids, return_sequences=True)
            _, *state = first(about[np.newaxis, ::step])
            states = second(x[np.newaxis, ::step], initial_state=state)[0]
            wanted.append(
                {
                    "last": states[-1],
                    "max": tf.reduce_max(states, axis=0),
                    "mean": tf.reduce_mean(states, axis=0),
                }[pooling]
            )
        np.testing.assert_allclose(
            got[group, text], np.concatenate(wanted), atol=1e-6
        )


def test_conditional_bilstm_reads_seq1_with_weights_of_its_own(inputs, seq1):
    layer = make("conditional_bilstm", "last")
    arguments = (inputs, seq1, SEQ1_LENGTHS)
    before = read(layer, *arguments).numpy()
    paths = {weight.path for weight in layer.weights}
    assert len(paths) == 4 * 3
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(read(layer, *arguments) ** 2)
    for gradient in tape.gradient(loss, layer.trainable_variables):
        assert tf.reduce_any(gradient.values != 0)
    # Another seq1 makes other features.
    other = read(layer, inputs, -seq1, SEQ1_LENGTHS).numpy()
    assert (other != before).any(axis=-1).all()


def test_what_lies_beyond_the_end_of_seq1_changes_nothing(inputs, seq1):
    layer = make("conditional_bilstm", "attention")
    wanted = read(layer, inputs, seq1, SEQ1_LENGTHS).numpy()
    longer = np.full((GROUPS, 9, BATCH, WIDTH), 1e4, np.float32)
    for group, text in np.ndindex(GROUPS, BATCH):
        length = SEQ1_LENGTHS[group, text]
        longer[group, :length, text] = seq1[group, :length, text]
    got = read(layer, inputs, longer, SEQ1_LENGTHS)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_bag_of_words_is_the_same_in_any_order(inputs):
    layer = make("bag_of_words", "mean")
    lengths = np.full((GROUPS, BATCH), TIME, np.int32)
    np.testing.assert_allclose(
        read(layer, inputs, lengths=lengths),
        read(layer, inputs[:, ::-1], lengths=lengths),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    ("encoder", "directions"),
    [("lstm", 1), ("bilstm", 2), ("stacked_lstm", 1)],
)
def test_settings_reach_the_lstms(inputs, encoder, directions):
    plain, set_ = (
        make(encoder, "max", **settings)
        for settings in ({}, {"forget_bias": 2.0, "recurrent_dropout": 0.5})
    )
    shifts = [
        (b.numpy() - a.numpy()).sum()
        for a, b in zip(plain.weights, set_.weights, strict=True)
        if a.path.endswith("/bias")
    ]
    # 2 for each unit of each reader.
    num_layers = 2 if encoder == "stacked_lstm" else 1
    wanted = [2 * UNITS * 2] * directions * num_layers
    np.testing.assert_allclose(shifts, wanted, atol=1e-5)
    arguments = (packed.pack(inputs, LENGTHS), LENGTHS, READER)
    trained = [set_(*arguments, training=True).numpy() for _ in range(4)]
    assert any((trained[0] != other).any() for other in trained[1:])
    assert (set_(*arguments) == set_(*arguments)).numpy().all()


@pytest.mark.parametrize("encoder", choices.RECURRENT)
def test_the_precision_reaches_every_lstm(inputs, seq1, encoder):
    more = (seq1, SEQ1_LENGTHS) if encoder == choices.CONDITIONAL else ()
    layer = make(encoder, "mean")
    wanted = read(layer, inputs, *more).numpy()
    copy = make(encoder, "mean", precision="bfloat16")
    got = read(copy, inputs, *more).numpy()
    assert (got != wanted).all()
    np.testing.assert_allclose(got, wanted, atol=0.05)
    assert {
        part.precision
        for part in copy._flatten_layers(include_self=False)
        if isinstance(part, lstm.PerTaskLSTM)
    } == {"bfloat16"}


@pytest.mark.parametrize(
    ("encoder", "pooling", "message"),
    [
        ("gru", "last", r"encoder: one of .*'lstm'.* got 'gru'"),
        ("lstm", "sum", r"pooling: one of .*'last'.* got 'sum'"),
        ("cnn", "last", "pooling: cnn has no last state; only .*'lstm'"),
        ("bag_of_words", "last", "pooling: bag_of_words has no last state"),
    ],
)
def test_names_that_do_not_exist_or_go_together(encoder, pooling, message):
    with pytest.raises(ValueError, match=message):
        make(encoder, pooling)


@pytest.mark.parametrize("encoder", ["cnn", "bag_of_words"])
def test_settings_name_the_poolings_of_an_encoder(encoder):
    with pytest.raises(
        ValueError, match=f"encoder={encoder} has none: choose pooling=max"
    ):
        choices.check_encoder(encoder, "last")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
