"""The exported model, as those see it who have nothing else."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.layers import packed_rnn
from tests.helpers import exported_run
from tests.helpers import generated


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def corpus(folder):
    return exported_run.write_corpus(str(folder))


@pytest.fixture(scope="module")
def expected(corpus, folder):
    """What the evaluation says of test, by task; see `train_and_move`."""
    derive_gradients_of_inference()
    return exported_run.train_and_move(
        corpus, str(folder), encoder="lstm", pooling="last"
    )


def derive_gradients_of_inference():
    """Derives gradients of loops that have the sizes of the export's."""
    input_size = exported_run.SETTINGS["embedding_dim"]
    hidden_size = exported_run.SETTINGS["hidden_size"]
    for models in (1, 2):
        kernel = tf.Variable(tf.ones([models, input_size, 4 * hidden_size]))
        with tf.GradientTape() as tape:
            states = packed_rnn.lstm(
                tf.ones([3, 2, input_size]),
                kernel,
                tf.ones([models, hidden_size, 4 * hidden_size]),
                tf.ones([models, 4 * hidden_size]),
                tf.constant([[1, 2], [1, 1]]),
                result="last_hidden",
                for_training=False,
            )
        assert tape.gradient(states, kernel) is not None


@pytest.fixture(scope="module")
def moved(expected, folder):
    return str(folder / "moved")


_HOSTILE = [
    b"",
    b"good1 " * 170_000,
    b"\xff\xfe good1 \xc3",
    b"\x00 good1 \x00 bad1",
    " \u3000\n".encode(),
]


def _hyphenate(text):
    """Puts characters that are not seen between all letters."""
    words = text.decode().split()
    return " ".join("\u00ad\u200b".join(word) for word in words).encode()


@pytest.mark.slow
def test_export_without_this_package_matches_evaluation(
    corpus, expected, moved, tmp_path
):
    books = exported_run.read_texts(corpus, "books")
    films = exported_run.read_texts(corpus, "films")
    many = np.tile(films["text"], 10_000 // 24 + 1)[:10_000]
    calls = [
        ("serve_books", books),
        ("serve_films", films),
        ("encode", films),
        ("encode_pairs", books),
        ("serve_films", {"text": _HOSTILE}),
        ("serve_books", {"seq1": _HOSTILE, "seq2": [b"good1"] * 5}),
        ("serve_films", {"text": []}),
        ("serve_films", {"text": many}),
        *(("serve_films", {"text": [text]}) for text in films["text"][:3]),
        ("serving_default", films),
        ("serve_films", {"text": [_hyphenate(x) for x in films["text"]]}),
    ]
    predictions = exported_run.ask_a_stranger(tmp_path, moved, calls)

    for task, prediction in zip(("books", "films"), predictions, strict=False):
        labels = generated.LABELS[task]
        probabilities = prediction["probabilities"]
        assert probabilities.shape == (24, len(labels))
        assert np.ptp(probabilities[:, 0]) > 1e-3
        np.testing.assert_allclose(
            probabilities, expected[task].probabilities, atol=1e-6
        )
        names = np.array(labels, object).astype(bytes).astype(object)
        assert (prediction["labels"] == names).all()
        assert prediction["labels"].shape == probabilities.shape
        best = names[expected[task].predicted]
        assert prediction["label"].tolist() == best.tolist()
    _check_other_calls(predictions, expected)


def _check_other_calls(predictions, expected):
    """Checks the calls after those of the test texts of both tasks."""
    # In the order in which they were asked.
    for task, prediction in (
        ("films", predictions[2]),
        ("books", predictions[3]),
    ):
        np.testing.assert_allclose(
            prediction["features"], expected[task].features["shared"], atol=1e-6
        )
    for prediction in predictions[4:6]:
        sums = prediction["probabilities"].sum(axis=1)
        np.testing.assert_allclose(sums, np.ones(5), rtol=1e-6)
    none = predictions[6]
    assert none["label"].shape == (0,)
    assert none["labels"].shape == none["probabilities"].shape == (0, 3)
    # Alone or among others.
    alone = predictions[1]["probabilities"]
    np.testing.assert_allclose(
        predictions[7]["probabilities"],
        np.tile(alone, (10_000 // 24 + 1, 1))[:10_000],
        atol=1e-6,
    )
    for row, prediction in enumerate(predictions[8:11]):
        np.testing.assert_allclose(
            prediction["probabilities"][0], alone[row], atol=1e-6
        )
    # Of the task that training stopped on.
    for prediction in predictions[11:]:
        np.testing.assert_array_equal(prediction["probabilities"], alone)


def test_session_gives_the_same_predictions(corpus, expected, moved):
    """TensorFlow Serving runs graphs in sessions."""
    films = exported_run.read_texts(corpus, "films")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], moved)
        signature = meta_graph.signature_def["serve_films"]
        probabilities = session.run(
            signature.outputs["probabilities"].name,
            {signature.inputs["text"].name: films["text"]},
        )
    np.testing.assert_allclose(
        probabilities, expected["films"].probabilities, atol=1e-6
    )


_LOAD = """
import sys
import warnings
import tensorflow as tf
import tensorflow_text

# TensorFlow's own start.
tf.zeros(1).numpy()
print("started", file=sys.stderr, flush=True)
warnings.simplefilter("error")
model = tf.saved_model.load(sys.argv[1])
model.signatures["serve_films"](text=tf.constant(["good1 bad1", "bad2"]))
model.signatures["serve_books"](
    seq1=tf.constant(["good1"]), seq2=tf.constant(["bad2"])
)
"""


def test_loading_and_calling_print_nothing(moved, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-c", _LOAD, moved],
        cwd=tmp_path,
        # Of errors and warnings, all are shown.
        env={"TF_CPP_MIN_LOG_LEVEL": "1", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    _, _, printed = done.stderr.partition("started\n")
    assert (done.stdout, printed) == ("", "")


def test_signatures(moved):
    loaded = tf.saved_model.load(moved)
    texts, width = tf.TensorSpec([None], tf.string), 3
    inputs = {
        "serve_books": ["seq1", "seq2"],
        "serve_films": ["text"],
        "serving_default": ["text"],
        "encode": ["text"],
        "encode_pairs": ["seq1", "seq2"],
    }
    assert set(loaded.signatures) == set(inputs)
    for name, signature in loaded.signatures.items():
        positional, named = signature.structured_input_signature
        assert positional == ()
        assert sorted(named) == inputs[name]
        assert all(texts.is_compatible_with(x) for x in named.values())
        actual = {
            key: (spec.dtype, spec.shape.as_list())
            for key, spec in signature.structured_outputs.items()
        }
        if name.startswith("encode"):
            assert actual == {"features": (tf.float32, [None, width])}
            continue
        labels = 2 if name == "serve_books" else 3
        assert actual == {
            "label": (tf.string, [None]),
            "labels": (tf.string, [None, labels]),
            "probabilities": (tf.float32, [None, labels]),
        }


def test_encoder_within_another_keras_model(moved):
    texts = keras.Input((), dtype="string")
    encoder = keras.layers.TFSMLayer(moved, call_endpoint="encode")
    features = encoder(texts)["features"]
    scores = keras.layers.Dense(2, activation="softmax")(features)
    model = keras.Model(texts, scores)
    assert model.output_shape == (None, 2)
    model.compile(
        keras.optimizers.Adam(0.05),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    before = [weight.numpy() for weight in encoder.weights]
    random = np.random.default_rng(0)
    labels = random.integers(2, size=32)
    words = [f"{('bad', 'good')[x]}{random.integers(4)}" for x in labels]
    history = model.fit(tf.constant(words), labels, epochs=40, verbose=0)
    loss = history.history["loss"]
    assert loss[-1] < 0.9 * loss[0]
    # The encoder is what it was.
    assert len(before) > 0
    for weight, value in zip(encoder.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    assert len(model.trainable_weights) == 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
