"""Encoders compute the same with both forms of the recurrence."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import lstm
from mtl_tf.layers import text_encoder
from tests.helpers import packed

pytestmark = pytest.mark.xla

# Layers of a stack read inputs of the same width: few programs to compile.
WIDTH = HIDDEN_SIZE = 3
# Five task batches of five texts: both are padded to six. No text has all
# steps of the padded texts, six.
LENGTHS = np.array(
    [
        [4, 1, 3, 5, 2],
        [2, 4, 5, 1, 1],
        [1, 1, 1, 1, 1],
        [3, 3, 2, 1, 3],
        [5, 1, 1, 1, 1],
    ],
    np.int32,
)
SEQ1_LENGTHS = LENGTHS[::-1, ::-1].copy()
TASK_IDS = np.array([2, 0, 2, 1, 0])
recurrent = pytest.mark.parametrize("encoder", text_encoder.RECURRENT)
shared_and_private = pytest.mark.parametrize("num_tasks", [1, 3])


def features(seed, lengths):
    """Makes packed token features, not zero beyond the end of a text."""
    shape = (len(lengths), lengths.max(), lengths.shape[1], WIDTH)
    unpacked = np.random.default_rng(seed).normal(size=shape)
    return packed.pack(tf.constant(unpacked, tf.float32), lengths)


def make(recurrence, encoder, num_tasks, pooling="last", **kwargs):
    layer = text_encoder.TextEncoder(
        encoder,
        pooling,
        HIDDEN_SIZE,
        num_tasks,
        recurrence=recurrence,
        init_range=1.0,
        seed=0,
        name="encoder",
        **kwargs,
    )
    layer.build((None, None, WIDTH))
    return layer


def train(layer, inputs, seq1, **kwargs):
    """Returns features, and gradients of inputs and weights, by name."""
    task_ids = TASK_IDS if layer.num_tasks > 1 else None
    read = {"inputs": inputs}
    if layer.encoder == text_encoder.CONDITIONAL:
        read["seq1"] = seq1
        kwargs["seq1_lengths"] = SEQ1_LENGTHS
    with tf.GradientTape() as tape:
        tape.watch(read)
        value = layer(
            lengths=LENGTHS, task_ids=task_ids, training=True, **read, **kwargs
        )
        loss = tf.reduce_sum(tf.sin(value))
    variables = {x.path: x.value for x in layer.trainable_variables}
    gradients = tape.gradient(loss, read | variables)
    dense = {k: tf.convert_to_tensor(x) for k, x in gradients.items()}
    return {"value": value, **dense}


def assert_forms_agree(encoder, num_tasks, pooling="last", **kwargs):
    call = {"by_token": kwargs.pop("by_token", False)}
    texts = features(0, LENGTHS), features(1, SEQ1_LENGTHS)
    actual, expected = (
        train(make(form, encoder, num_tasks, pooling, **kwargs), *texts, **call)
        for form in ("scan", "packed")
    )
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(
            actual[name], value, atol=1e-5, rtol=0, err_msg=name
        )
        assert tf.reduce_any(value != 0), name


@recurrent
@shared_and_private
@pytest.mark.parametrize("pooling", ["last", "max"])
def test_values_and_gradients_of_both_forms_are_equal(
    encoder, num_tasks, pooling
):
    assert_forms_agree(encoder, num_tasks, pooling)


@shared_and_private
def test_states_by_token_of_both_forms_are_equal(num_tasks):
    assert_forms_agree("bilstm", num_tasks, by_token=True)


@recurrent
@shared_and_private
def test_both_forms_drop_the_same_elements(encoder, num_tasks):
    # The mask is drawn before the loop, from the same seed.
    assert_forms_agree(encoder, num_tasks, recurrent_dropout=0.5)


@recurrent
def test_both_forms_have_the_same_weights(encoder):
    scan, packed_form = (make(x, encoder, 2) for x in ("scan", "packed"))
    assert [x.path for x in scan.weights] == [
        x.path for x in packed_form.weights
    ]
    for weight, other in zip(scan.weights, packed_form.weights, strict=True):
        np.testing.assert_array_equal(weight, other)


@recurrent
def test_recurrence_is_passed_to_every_lstm(encoder):
    layer = make("scan", encoder, 2)
    copy = text_encoder.TextEncoder.from_config(layer.get_config())
    for encoder_layer in (layer, copy):
        assert {
            part.recurrence
            for part in encoder_layer._flatten_layers(include_self=False)
            if isinstance(part, lstm.PerTaskLSTM)
        } == {"scan"}


def test_other_texts_and_task_batches_do_not_change_features():
    layer = make("scan", "bilstm", 3)
    shape = (len(LENGTHS), LENGTHS.max(), LENGTHS.shape[1], WIDTH)
    unpacked = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def encode(task_batches, texts):
        lengths = LENGTHS[task_batches][:, texts]
        rows = packed.pack(unpacked[task_batches][:, :, texts], lengths)
        return layer(rows, lengths, TASK_IDS[task_batches])

    everything = slice(None)
    expected = encode(everything, everything).numpy()
    # Other sizes, and padded to other sizes.
    np.testing.assert_allclose(
        encode([0, 3], everything), expected[[0, 3]], atol=1e-6
    )
    np.testing.assert_allclose(
        encode(everything, [1]), expected[:, [1]], atol=1e-6
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
