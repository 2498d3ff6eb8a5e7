"""States by token against NumPy, one text and one token at a time."""

import keras
import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from mtl_tf.models import token_states
from tests.helpers import papers
from tests.helpers import trainers


def make(encoder, pooling, **settings):
    """Makes a model with random weights that are not small."""
    config = config_lib.Config(
        **trainers.SETTINGS
        | {"encoder": encoder, "pooling": pooling}
        | settings
    )
    model = multitask_model.build(config, trainers.LABELS, trainers.WORDS)
    random = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(random.normal(scale=0.4, size=weight.shape))
    return model


def make_batch():
    batch = trainers.make_batch(unlabeled=True)
    seq1 = trainers.make_batch(seed=5, unlabeled=True)
    return batch | {"seq1": seq1["token_ids"], "seq1_lengths": seq1["lengths"]}


def call(model, batch):
    """Calls a model with those of the arrays that it reads."""
    outputs = model({name: batch[name] for name in model.input})
    return {name: value.numpy() for name, value in outputs.items()}


def lstm_states(x, weights, start=None):
    """Computes h_t of each token from the text up to that token."""
    return [papers.lstm(x[: t + 1], *weights, start)[0] for t in range(len(x))]


def both_directions(w, x, names, task, starts=(None, None)):
    """Computes the states of a forward and of a backward LSTM."""
    forward, backward = (papers.lstm_weights(w, name, task) for name in names)
    return np.concatenate(
        [
            lstm_states(x, forward, starts[0]),
            lstm_states(x[::-1], backward, starts[1])[::-1],
        ],
        axis=1,
    )


def convolution(w, layer, x, task):
    """Computes relu of windows around each token, with zeros beyond."""
    states = []
    for window in (3, 4, 5):
        kernel = w[f"encoder/{layer}/convolution/kernel_{window}"][task]
        before = (window - 1) // 2
        padded = np.pad(x, [(before, window - 1 - before), (0, 0)])
        parts = np.split(kernel, window, axis=1)
        states.append(
            [
                sum(padded[t + j] @ part for j, part in enumerate(parts))
                for t in range(len(x))
            ]
        )
    bias = w[f"encoder/{layer}/convolution/bias"][task]
    return np.maximum(np.concatenate(states, axis=1) + bias, 0)


def expected_states(encoder, w, layer, x, seq1, task):
    """Computes the states of an encoder for one text."""
    if encoder == "cnn":
        return convolution(w, layer, x, task)
    if encoder == "lstm":
        return lstm_states(x, papers.lstm_weights(w, f"{layer}/lstm_0", task))
    if encoder == "stacked_lstm":
        for level in range(2):
            name = f"{layer}/lstm_{level}"
            x = np.array(lstm_states(x, papers.lstm_weights(w, name, task)))
        return x
    names = (f"{layer}/forward", f"{layer}/backward")
    if encoder == "bilstm":
        return both_directions(w, x, names, task)
    starts = [
        papers.lstm(
            seq1[::step],
            *papers.lstm_weights(w, f"{layer}/seq1_{direction}", task),
        )
        for direction, step in (("forward", 1), ("backward", -1))
    ]
    return both_directions(w, x, names, task, starts)


@pytest.mark.parametrize(
    ("encoder", "pooling"),
    [
        ("lstm", "last"),
        ("bilstm", "last"),
        ("stacked_lstm", "mean"),
        ("conditional_bilstm", "attention"),
        ("cnn", "max"),
    ],
)
def test_states_of_both_encoders(encoder, pooling):
    model = make(encoder, pooling)
    w = {x.path: x.numpy().astype(np.float64) for x in model.weights}
    batch = make_batch()
    states = call(token_states.build(model), batch)
    assert set(states) == {"shared", "private"}
    for task, text in np.ndindex(3, 4):
        length = batch["lengths"][task, text]
        seq1_length = batch["seq1_lengths"][task, text]
        x = w["word_embedding/table"][batch["token_ids"][task, text, :length]]
        seq1 = w["word_embedding/table"][batch["seq1"][task, text]]
        for layer, weights in (("shared", 0), ("private", task)):
            expected = expected_states(
                encoder, w, f"{layer}_encoder", x, seq1[:seq1_length], weights
            )
            actual = states[layer][task, text]
            np.testing.assert_allclose(actual[:length], expected, atol=1e-5)
            assert not actual[length:].any()


def test_model_itself_stays_the_same():
    model = make("lstm", "last")
    batch = make_batch()
    before = call(model, batch)
    layers = [layer.name for layer in model.layers]
    states = token_states.build(model)
    # The same variables, not copies.
    model_variables = {id(x) for x in model.weights}
    assert {id(x) for x in states.weights} < model_variables
    copy = keras.Model.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert [layer.name for layer in copy.layers] == layers
    for other in (call(model, batch), call(copy, batch)):
        for name, value in before.items():
            np.testing.assert_array_equal(other[name], value)


@pytest.mark.parametrize(
    ("sharing", "encoders"),
    [("fully_shared", {"shared"}), ("single_task", {"private"})],
)
def test_only_existing_encoders_have_states(sharing, encoders):
    model = make("lstm", "last", sharing=sharing)
    batch = make_batch()
    states = call(token_states.build(model), batch)
    assert set(states) == encoders
    (name,) = encoders
    last = batch["lengths"][..., np.newaxis, np.newaxis] - 1
    np.testing.assert_array_equal(
        np.take_along_axis(states[name], last, axis=2)[:, :, 0],
        call(model, batch)[name],
    )


def test_label_transfer_does_not_matter():
    """Its inputs are left out."""
    config = config_lib.Config(
        **trainers.SETTINGS, label_transfer="supervised", main_task="b"
    )
    model = multitask_model.build(
        config, trainers.LABELS, trainers.WORDS, main_task=1
    )
    assert set(token_states.build(model).input) == {
        "token_ids",
        "lengths",
        "task_ids",
    }


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
